"""What a command is in the robot's units, how far and how fast it may go, and where it is safe."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from envs.robot import Robot

Targets = NDArray[np.float64]  # of each actuator, rad or m/s, (actuators,)


class Actuation:
    """The actuators of a robot as both ends of the wire see them.

    Limits are those of `robot.toml`: ``low`` and ``high`` of each target, and ``rate`` of servos
    and springs, by which a target moves in a control step at most. Driven wheels have none: their
    torque is the limit, and who must brake is not to be held back.

    Args:
        robot: The robot.
        control_rate: Hz.

    Attributes:
        low: The least targets, rad or m/s.
        high: The largest.
        step: How far each may go in a control step.
        rest: Where an episode begins, and what counts as the last command then.
    """

    def __init__(self, robot: Robot, control_rate: float) -> None:
        actuators = robot.actuators
        self._roles = [actuator.role for actuator in actuators]
        self.low: Targets = np.asarray([a.low for a in actuators])
        self.high: Targets = np.asarray([a.high for a in actuators])
        self.step: Targets = np.asarray([a.rate for a in actuators]) / control_rate
        nominal = [a.neutral if a.kind == "pd" else 0.0 for a in actuators]
        self.rest: Targets = np.minimum(np.maximum(nominal, self.low), self.high)
        # A car brakes in the curve that it is in; straight on might be a wall.
        self._kept = np.asarray([a.kind == "position" for a in actuators])

    def targets(self, action: NDArray[np.floating]) -> Targets:
        """The targets of a policy's action in [-1, 1]."""
        return self.low + 0.5 * (action.astype(np.float64) + 1.0) * (self.high - self.low)

    def action(self, targets: Targets) -> NDArray[np.float32]:
        """The inverse of `targets`: to the bit, unless an action all but vanishes."""
        action = 2.0 * (targets - self.low) / (self.high - self.low) - 1.0
        return action.astype(np.float32)

    def limited(self, targets: Targets, last: Targets) -> Targets:
        """What may be done of ``targets`` in the control step after ``last``."""
        near = np.minimum(np.maximum(targets, last - self.step), last + self.step)
        return np.minimum(np.maximum(near, self.low), self.high)

    def toward_safety(self, last: Targets) -> Targets:
        """A control step from ``last`` to the safe posture.

        That is wheels braked and the steering held, or limbs in the nominal posture.
        """
        return self.limited(np.where(self._kept, last, self.rest), last)

    def vector(self, targets: Mapping[str, float]) -> Targets:
        """Targets by role as a vector, within what a command can say."""
        values = np.asarray([targets[role] for role in self._roles], dtype=np.float64)
        return np.minimum(np.maximum(values, self.low), self.high)
