"""Motors that are torques: a spring and a damper at every joint, computed here.

An engine's own position motors are constraints whose gains mean something else in every engine and
at every time step. A torque means the same in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.robot import Actuator

FADING = 0.2  # fraction of its largest speed over which a motor loses its torque


class PdMotors:
    """All ``pd`` actuators of a robot as arrays over their joints.

    Args:
        actuators: The robot's; those of another kind are left out.

    Attributes:
        joints: Names of the joints, in the order of the arrays.
        torques: What they last pushed with, N·m, ``(joints,)``.
    """

    def __init__(self, actuators: Sequence[Actuator]) -> None:
        pairs = [(a, joint) for a in actuators if a.kind == "pd" for joint in a.joints]
        self.joints = tuple(joint for _, joint in pairs)
        self._roles = [actuator.role for actuator, _ in pairs]
        self._stiffness = np.asarray([a.stiffness for a, _ in pairs])
        self._damping = np.asarray([a.damping for a, _ in pairs])
        self._force = np.asarray([a.force for a, _ in pairs])
        self._rate = np.asarray([a.rate for a, _ in pairs])
        self._targets = np.asarray([a.neutral for a, _ in pairs])
        self._strength = 1.0
        self.torques: NDArray[np.float64]
        self.rest()

    def rest(self) -> None:
        """Forget the last torques."""
        self.torques = np.zeros(len(self.joints))

    def aim(self, targets: dict[str, float], strength: float) -> None:
        """Set targets by role, rad, and the factor on torque limits; both hold until the next."""
        self._targets = np.asarray([targets[role] for role in self._roles])
        self._strength = strength

    def push(
        self, position: NDArray[np.float64], velocity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Torques of this moment, N·m, ``(joints,)``.

        Args:
            position: rad, ``(joints,)``.
            velocity: rad/s, ``(joints,)``.
        """
        wanted = self._stiffness * (self._targets - position) - self._damping * velocity
        limit = self._strength * self._force
        # Near its largest speed a motor has no torque left to go faster, only to brake.
        left = np.clip((self._rate - np.abs(velocity)) / (FADING * self._rate), 0.0, 1.0)
        limit = np.where(wanted * velocity > 0.0, limit * left, limit)
        self.torques = np.clip(wanted, -limit, limit)
        return self.torques
