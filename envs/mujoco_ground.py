"""The ground of a MuJoCo world: a plane and, where it may be rough, a field of heights on it."""

from __future__ import annotations

import mujoco

from envs.mjcf import AWAY, GROUNDS
from envs.terrain import HIGHEST, Terrain


class Ground:
    """What a robot stands on.

    Args:
        model: As loaded.

    Attributes:
        numbers: Of its geometries, the plane's first.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._terrain: Terrain | None = None
        self.numbers = [int(model.geom(name).id) for name in GROUNDS[: 1 + model.nhfield]]
        if model.nhfield:  # or the engine does not look whether the plane is where it was
            model.geom_sameframe[self.numbers[0]] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE

    def lay(self, terrain: Terrain | None) -> None:
        """See `envs.simulator.Simulator.lay`."""
        if terrain is None and self._terrain is None:
            return
        self._terrain = terrain
        heights, (plane, field) = self._model.geom_pos[:, 2], self.numbers
        if terrain is None:
            heights[plane], heights[field] = 0.0, AWAY
            return
        heights[plane], heights[field] = -terrain.roughness, -HIGHEST
        # The engine's rows run along y; a share of the field's range is told.
        shares = 0.5 * (terrain.heights.T / HIGHEST + 1.0)
        self._model.hfield_data[:] = shares.ravel()

    def height(self, x: float, y: float) -> float:
        """Of the ground at a place, m."""
        return 0.0 if self._terrain is None else self._terrain.height(x, y)
