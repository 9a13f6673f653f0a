"""An external wrench: what pulls and turns a robot's base from outside."""

from __future__ import annotations

from envs.gravity import STANDARD
from envs.quaternion import Quaternion, rotate

# Along and about the base's own axes, which point forward, left and up.
FORCES = ("forward_force", "sideways_force", "upward_force")
TORQUES = ("roll_torque", "pitch_torque", "yaw_torque")
WRENCH = FORCES + TORQUES

Vector = tuple[float, float, float]


class Wrench:
    """Force and torque on a base, that go with it as it turns.

    Args:
        mass: Of the whole robot as loaded, kg.

    Attributes:
        acts: Whether there is any.
    """

    def __init__(self, mass: float) -> None:
        self._weight = mass * STANDARD
        self._parts = dict.fromkeys(WRENCH, 0.0)
        self.acts = False

    def set(self, part: str, share: float) -> None:
        """Set one of `WRENCH`, over the robot's weight: forces in 1, torques in m."""
        self._parts[part] = share * self._weight
        self.acts = any(self._parts.values())

    def seen(self, turn: Quaternion) -> tuple[Vector, Vector]:
        """Force (N) and torque (N·m) in a frame in which the base is turned by ``turn``."""
        force, torque = [[self._parts[name] for name in part] for part in (FORCES, TORQUES)]
        return rotate(turn, *force), rotate(turn, *torque)
