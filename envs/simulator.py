"""What a task asks of a physics engine: one robot on a plane among things that move by script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.robot import Robot


@dataclass(frozen=True)
class BodyState:
    """Where a robot's base frame is and how it moves, in world axes.

    Attributes:
        position: m, of the URDF's base frame.
        quaternion: Orientation as x, y, z, w.
        linear_velocity: m/s, of the centre of mass of the base link.
        angular_velocity: rad/s.
    """

    position: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]
    linear_velocity: tuple[float, float, float]
    angular_velocity: tuple[float, float, float]


@dataclass(frozen=True)
class Shape:
    """A scripted thing's outline.

    Attributes:
        kind: ``box`` (half extents) or ``cylinder`` (radius, ignored, half height).
        half_extents: m along x, y, z.
    """

    kind: str
    half_extents: tuple[float, float, float]


class Simulator(Protocol):
    """A world with one robot and a fixed set of scripted shapes; loaded once, reset often."""

    def load(self, robot: Robot, shapes: Sequence[Shape], physics_rate: float) -> None:
        """Build the world. ``physics_rate`` in Hz."""

    def reset(self, x: float, y: float, yaw: float, speed: float) -> None:
        """Stand the robot at a pose (m, rad), rolling forward at ``speed`` m/s, with no history."""

    def place(self, shape: int, x: float, y: float, yaw: float) -> None:
        """Move a scripted shape, standing on the ground. Takes effect at the next `advance`."""

    def drive(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """Set actuator targets by role (rad, m/s).

        Args:
            targets: One for each of the robot's actuators.
            strength: Factor on the actuators' torque limits.
            speed: Present forward speed, m/s, which decides between driving and braking.
        """

    def advance(self, substeps: int) -> None:
        """Integrate ``substeps`` physics steps."""

    def state(self) -> BodyState:
        """The base's state."""

    def joints(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Per actuator, the mean position (rad) and mean velocity (rad/s) of its joints."""

    def touched(self) -> bool:
        """Whether the robot's body touched anything since this was last asked."""

    def cast(
        self, origin: tuple[float, float, float], ends: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Fraction of the way from ``origin`` to each end, ``(n, 3)`` m, that is free of shapes."""

    def scale_mass(self, factor: float) -> None:
        """Set every link's mass and inertia to ``factor`` times the loaded one."""

    def scale_friction(self, factor: float) -> None:
        """Set the tyres' friction to ``factor`` times the loaded one."""

    def scale_servo_speed(self, factor: float) -> None:
        """Set every servo's largest speed to ``factor`` times the specified one."""

    def push(self, lateral: float) -> None:
        """Add ``lateral`` m/s to the base's velocity, to its left."""

    def close(self) -> None:
        """Free the world."""
