"""The ground of a PyBullet world: a plane and, where it may be rough, a field of heights on it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from envs.bullet_robot import BODY_GROUP, FREE_GROUP, GROUND_GROUP, WHEEL_GROUP
from envs.quiet import quiet
from envs.terrain import HIGHEST, Plot, Terrain

with quiet():
    import pybullet

FRICTION = 1.0
ON_IT = BODY_GROUP | WHEEL_GROUP | FREE_GROUP
AWAY = -100.0  # m, where a field waits
LEVEL, TURN = (0.0, 0.0, 0.0, 1.0), (0.0, 0.0, math.sqrt(0.5), math.sqrt(0.5))


class Ground:
    """What a robot stands on.

    A field is put over the plane, which is lowered below it: the engine's fields are skins, and
    what is pushed through one is to fall no farther.

    Args:
        client: The world.
        plot: Where it may be rough; None for a plane.

    Attributes:
        bodies: The engine's numbers for it, the plane's first.
    """

    def __init__(self, client: int, plot: Plot | None) -> None:
        self._client, self._plot = client, plot
        self._terrain: Terrain | None = None
        plane = pybullet.createCollisionShape(pybullet.GEOM_PLANE, physicsClientId=client)
        self.bodies = [self._add(plane, (0.0, 0.0, 0.0))]
        if plot is not None:
            heights = np.zeros(plot.shape)
            # The engine puts the middle of the heights that it is given at first at the body's.
            heights[0, 0], heights[-1, -1] = HIGHEST, -HIGHEST
            self._shape = self._field(heights)
            self.bodies.append(self._add(self._shape, (*plot.middle, AWAY)))

    def _add(self, shape: int, at: tuple[float, float, float]) -> int:
        body: int = pybullet.createMultiBody(
            0,
            shape,
            basePosition=at,
            useMaximalCoordinates=True,
            physicsClientId=self._client,
        )
        # What two bodies that meet have in common is the product of theirs.
        pybullet.changeDynamics(
            body, -1, lateralFriction=FRICTION, restitution=1.0, physicsClientId=self._client
        )
        pybullet.setCollisionFilterGroupMask(
            body, -1, GROUND_GROUP, ON_IT, physicsClientId=self._client
        )
        return body

    def _field(self, heights: NDArray[np.float64], instead: int = -1) -> int:
        """Make a shape, or put other heights in one's place.

        A quarter turn, undone by `TURN`, cuts squares of it as `Terrain.height` and MuJoCo do.
        """
        assert self._plot is not None
        spacing, (rows, columns) = self._plot.spacing, self._plot.shape
        shape: int = pybullet.createCollisionShape(
            pybullet.GEOM_HEIGHTFIELD,
            meshScale=(spacing, spacing, 1.0),
            heightfieldData=heights[::-1].ravel().tolist(),
            numHeightfieldRows=columns,
            numHeightfieldColumns=rows,
            replaceHeightfieldIndex=instead,
            physicsClientId=self._client,
        )
        return shape

    def lay(self, terrain: Terrain | None) -> None:
        """See `envs.simulator.Simulator.lay`."""
        self._terrain = terrain
        if terrain is not None:
            self._field(terrain.heights, self._shape)

    def settle(self) -> None:
        """Put a field in its place; a state that was restored has put it away."""
        if self._terrain is None:
            return
        plane, field = self.bodies
        for body, at, turn in (
            (plane, (0.0, 0.0, -self._terrain.roughness), LEVEL),
            (field, (*self._terrain.plot.middle, 0.0), TURN),
        ):
            pybullet.resetBasePositionAndOrientation(body, at, turn, physicsClientId=self._client)

    def height(self, x: float, y: float) -> float:
        """Of the ground at a place, m."""
        return 0.0 if self._terrain is None else self._terrain.height(x, y)
