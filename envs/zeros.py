"""Encoders whose zeros are wrong, in any engine: what is read, and what targets come to mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.robot import Robot, Targets


class Zeros:
    """The errors of a robot's zeros; none at first.

    Args:
        robot: The robot.
    """

    def __init__(self, robot: Robot) -> None:
        self._roles = [actuator.role for actuator in robot.actuators]
        self._errors: NDArray[np.float64] | None = None

    def set(self, errors: NDArray[np.float64]) -> None:
        """Let readings be so much more than positions, rad, ``(actuators,)``."""
        self._errors = errors

    def read(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """What is read at positions, rad, ``(actuators,)``."""
        return positions if self._errors is None else positions + self._errors

    def understood(self, targets: Targets) -> Targets:
        """Where a servo goes that is told to: to where it reads its target."""
        if self._errors is None:
            return targets
        pairs = zip(self._roles, self._errors.tolist(), strict=True)
        return {role: targets[role] - error for role, error in pairs}
