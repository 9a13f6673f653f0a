"""Cars: how they are commanded, what they see with, what they stand on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from envs.interface import unknown
from envs.outline import wheel_radius
from envs.robot import Robot, Targets, Values
from envs.tables import build, take

MOST_RAYS = 4096  # far above any planar scanner, and within what PyBullet casts at once
SPEED = "base/linear_velocity/x"
LEVEL = 0.95  # of a wheel's axis that points along y
ROUNDED = 0.05  # share by which a radius in the URDF may miss ``wheel_radius`` and still mean it


@dataclass(frozen=True)
class Lidar:
    """A planar scanner: beams denser ahead than aside, each the nearest of a few rays.

    Attributes:
        beams: Number of readings.
        field_of_view: Degrees from the first beam to the last.
        range: Metres; farther returns read as this.
        mount: Position in the robot's frame, m.
        focus: 1 spaces beams evenly; larger values gather them ahead.
        rays_per_beam: Rays cast across each beam's cell.
    """

    beams: int
    field_of_view: float
    range: float
    mount: tuple[float, float, float] = (0.0, 0.0, 0.5)
    focus: float = 1.0
    rays_per_beam: int = 3

    def __post_init__(self) -> None:
        """Refuse what no scanner can be."""
        if self.beams < 2 or self.rays_per_beam < 1 or not 0 < self.range < math.inf:
            raise ValueError("lidar: needs at least two beams, a ray per beam and a positive range")
        if self.beams * self.rays_per_beam > MOST_RAYS:
            raise ValueError(
                f"lidar: {self.beams} beams of {self.rays_per_beam} rays are more than {MOST_RAYS} "
                "rays; lessen beams or rays_per_beam"
            )
        if not 0 < self.field_of_view <= 360 or not 0 < self.focus < math.inf:
            raise ValueError("lidar: field_of_view must be from 0 to 360 degrees, focus positive")
        if not all(map(math.isfinite, self.mount)):
            raise ValueError(f"lidar.mount: needs three finite numbers, got {self.mount}")
        if len(set(self.bearings)) < self.beams:
            raise ValueError(
                f"lidar: some of {self.beams} beams in {self.field_of_view:g} degrees with focus "
                f"{self.focus:g} are less than 0.1 degrees apart, and they are named by tenths of "
                f"a degree; {self._remedy()}"
            )

    @property
    def bearings(self) -> list[float]:
        """Beam directions in degrees as they are named, to a tenth."""
        return _rounded(self.angles)

    def _remedy(self) -> str:
        """Fewer beams that are far enough apart."""
        fewer = self.beams
        while fewer > 1 and len(set(_rounded(self._spread(_even(fewer))))) < fewer:
            fewer = 9 * fewer // 10
        return f"{fewer} would fit" if fewer > 1 else "widen field_of_view, or lessen focus"

    @property
    def angles(self) -> NDArray[np.float64]:
        """Beam directions in degrees, right to left, shape ``(beams,)``."""
        return self._spread(_even(self.beams))

    @property
    def rays(self) -> NDArray[np.float64]:
        """Ray directions in degrees, shape ``(beams, rays_per_beam)``."""
        cell = np.linspace(-0.5, 0.5, 2 * self.rays_per_beam + 1)[1::2]
        return self._spread(_even(self.beams)[:, None] + cell * 2.0 / (self.beams - 1))

    def _spread(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sign(u) * np.abs(u) ** self.focus * self.field_of_view / 2


def _even(count: int) -> NDArray[np.float64]:
    return np.linspace(-1.0, 1.0, count)


def _rounded(angles: NDArray[np.float64]) -> list[float]:
    return [round(angle, 1) + 0.0 for angle in angles.tolist()]


class CommandModel(Protocol):
    """How a task-space command (speed, yaw rate) and actuator targets become each other."""

    def command(self, targets: Targets, speed: Values) -> tuple[Values, Values]:
        """Speed (m/s) and yaw rate (rad/s) that ``targets`` ask for at the present ``speed``."""

    def targets(self, command: tuple[Values, Values], speed: Values) -> Targets:
        """Actuator targets that ask for ``command`` at the present ``speed``."""


@dataclass(frozen=True)
class Ackermann:
    """Speed and yaw rate of a car that steers one axle (kinematic bicycle model).

    Attributes:
        drive: Role of the ``wheel_speed`` actuator.
        steering: Role of the ``position`` actuator; positive turns its wheels to the left.
        wheelbase: Metres between the axles.
        rear: Whether the steered axle is the rear one.
    """

    drive: str
    steering: str
    wheelbase: float
    rear: bool = False

    def __post_init__(self) -> None:
        """Refuse a car without length."""
        if not self.wheelbase > 0:
            raise ValueError("command.wheelbase: must be positive")

    def command(self, targets: Targets, speed: Values) -> tuple[Values, Values]:
        """See `CommandModel.command`."""
        angle = -targets[self.steering] if self.rear else targets[self.steering]
        return targets[self.drive], _rolling(speed) * np.tan(angle) / self.wheelbase

    def targets(self, command: tuple[Values, Values], speed: Values) -> Targets:
        """See `CommandModel.targets`."""
        angle = np.arctan(command[1] * self.wheelbase / _rolling(speed))
        return {self.drive: command[0], self.steering: -angle if self.rear else angle}


@dataclass(frozen=True)
class Differential:
    """Speed and yaw rate of a robot that steers by the difference of its sides.

    Attributes:
        left: Role of the left wheels' ``wheel_speed`` actuator.
        right: Role of the right wheels'.
        track: Effective track, m: what the geometric one becomes with the slip of skid steering.
    """

    left: str
    right: str
    track: float

    def __post_init__(self) -> None:
        """Refuse a car without width."""
        if not self.track > 0:
            raise ValueError("command.track: must be positive")

    def command(self, targets: Targets, speed: Values) -> tuple[Values, Values]:
        """See `CommandModel.command`."""
        left, right = targets[self.left], targets[self.right]
        return 0.5 * (left + right), (right - left) / self.track

    def targets(self, command: tuple[Values, Values], speed: Values) -> Targets:
        """See `CommandModel.targets`."""
        half = 0.5 * self.track * command[1]
        return {self.left: command[0] - half, self.right: command[0] + half}


def _rolling(speed: Values) -> Values:
    """A speed by which to divide: steering means a curvature also while standing."""
    return np.maximum(speed, 1.0)


COMMAND_MODELS: dict[str, type[Ackermann] | type[Differential]] = {
    "ackermann": Ackermann,
    "differential": Differential,
}


@dataclass(frozen=True, kw_only=True)
class Car(Robot):
    """A robot that rolls.

    Attributes:
        command: How a task-space command becomes actuator targets.
        lidar: Its scanner.
        length: Outer length, m.
        width: Outer width, m.
        wheel_radius: Metres.
        wheels: All wheel joints.
        cruise_speed: Speed it is meant to travel at, m/s.
    """

    command: CommandModel
    lidar: Lidar
    length: float
    width: float
    wheel_radius: float
    wheels: tuple[str, ...]
    cruise_speed: float

    def __post_init__(self) -> None:
        """Refuse what no car can be."""
        super().__post_init__()
        roles = [actuator.role for actuator in self.actuators]
        for key in ("drive", "steering", "left", "right"):
            role = getattr(self.command, key, None)
            if role is not None and role not in roles:
                raise ValueError(f"command.{key}: " + unknown("role", role, roles))
        for key in ("length", "width", "wheel_radius", "cruise_speed"):
            if not getattr(self, key) > 0:
                raise ValueError(f"{key}: must be positive, got {getattr(self, key)}")

    @staticmethod
    def parse(table: dict[str, Any]) -> dict[str, Any]:
        """The fields that are tables of their own, read."""
        command = dict(take(table, "command", dict))
        model = str(command.pop("model", None))
        if model not in COMMAND_MODELS:
            raise ValueError("command.model: " + unknown("model", model, COMMAND_MODELS))
        return {
            "command": build(COMMAND_MODELS[model], command, "command"),
            "lidar": build(Lidar, take(table, "lidar", dict), "lidar"),
        }

    @property
    def soles(self) -> tuple[str, ...]:
        """See `Robot.soles`: the wheels that turn; one that is fixed is a part of the body."""
        joints = self.model.joints
        return tuple(
            name for name in self.wheels if name not in joints or joints[name].kind != "fixed"
        )

    @property
    def senses(self) -> str:
        """See `Robot.senses`."""
        return f"lidar {self.lidar.beams} × {self.lidar.field_of_view:g}°"

    @property
    def command_readings(self) -> tuple[str, ...]:
        """See `Robot.command_readings`."""
        return (SPEED,)

    def start(self, speed: float) -> Mapping[str, tuple[float, float]]:
        """See `Robot.start`."""
        rate = speed / self.wheel_radius
        return {name: (0.0, rate * self.gearing(name)) for name in self.soles if self.rolls(name)}

    def rolls(self, joint: str) -> bool:
        """Whether a joint turns about the robot's y axis, as a wheel does.

        Args:
            joint: Its name.
        """
        if joint not in self.model.joints:
            return False
        axis = self.model.axis(joint)
        return bool(abs(axis[1]) >= LEVEL * np.linalg.norm(axis))

    def gearing(self, joint: str) -> float:
        """See `Robot.gearing`: the URDF's radius counts where it differs from ``wheel_radius``."""
        own = wheel_radius(self.model, joint) if joint in self.model.joints else None
        if own is None or abs(own / self.wheel_radius - 1.0) <= ROUNDED:
            return 1.0
        return self.wheel_radius / own

    def joint_speed(self, target: float) -> float:
        """See `Robot.joint_speed`."""
        return target / self.wheel_radius

    def to_command(
        self, actions: NDArray[np.floating], readings: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Speeds (m/s) and yaw rates (rad/s), ``(n, 2)``; see `Robot.to_command`."""
        targets = {a.role: a.target(actions[:, k]) for k, a in enumerate(self.actuators)}
        command = self.command.command(targets, readings[:, 0])
        return np.stack(command, axis=1).astype(np.float64)

    def from_command(
        self, commands: NDArray[np.floating], readings: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """See `Robot.from_command`; no faster than this car is meant to travel."""
        speeds = np.minimum(commands[:, 0], self.cruise_speed)
        targets = self.command.targets((speeds, commands[:, 1]), readings[:, 0])
        return np.stack([a.action_for(targets[a.role]) for a in self.actuators], axis=1)
