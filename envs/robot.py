"""What a robot is: its actuators, its sensors, and what a command means to it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from envs.interface import Feature

Values = Any  # a float or an array of floats; all of one call broadcast
Targets = Mapping[str, Values]  # physical targets by role, rad or m/s


@dataclass(frozen=True)
class Actuator:
    """One entry of the action vector: a set of joints that move as one.

    Attributes:
        role: What it does, in words shared between robots (``front_steering``, ``drive``).
        kind: ``position`` (rad, servo) or ``wheel_speed`` (m/s at the tread, torque-limited).
        joints: URDF joints it drives.
        low: Target for action -1, in rad or m/s.
        high: Target for action +1.
        force: Torque limit of each joint, N·m.
        rate: Largest joint speed of a servo, rad/s.
        brake_joints: Wheels that also brake when the target is slower than the car.
        brake: Torque limit of each braking wheel, N·m.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("position", "wheel_speed")

    role: str
    kind: str
    joints: tuple[str, ...]
    low: float
    high: float
    force: float
    rate: float = math.inf
    brake_joints: tuple[str, ...] = ()
    brake: float = 0.0

    @property
    def action(self) -> Feature:
        """The action entry, normalized to [-1, 1]."""
        quantity = "position" if self.kind == "position" else "speed"
        return Feature(f"{self.role}/{quantity}", "1", -1.0, 1.0, group="action")

    def target(self, action: Values) -> Values:
        """The physical target, rad or m/s, of a normalized action."""
        return self.low + 0.5 * (action + 1.0) * (self.high - self.low)

    def action_for(self, target: Values) -> Values:
        """The normalized action of a physical target; beyond [-1, 1] it is out of reach."""
        return 2.0 * (target - self.low) / (self.high - self.low) - 1.0


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

    @property
    def angles(self) -> NDArray[np.float64]:
        """Beam directions in degrees, right to left, shape ``(beams,)``."""
        return self._spread(np.linspace(-1.0, 1.0, self.beams))

    @property
    def rays(self) -> NDArray[np.float64]:
        """Ray directions in degrees, shape ``(beams, rays_per_beam)``."""
        cell = np.linspace(-0.5, 0.5, 2 * self.rays_per_beam + 1)[1::2]
        centers = np.linspace(-1.0, 1.0, self.beams)
        return self._spread(centers[:, None] + cell * 2.0 / (self.beams - 1))

    def _spread(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sign(u) * np.abs(u) ** self.focus * self.field_of_view / 2


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


@dataclass(frozen=True)
class Robot:
    """A robot's specification, as read from its ``robot.toml``.

    Attributes:
        name: How users call it.
        description: One line.
        urdf: The URDF file.
        tasks: Tasks it is made for.
        actuators: The action vector, in order.
        command: How a task-space command becomes actuator targets.
        lidar: Its scanner.
        length: Outer length, m.
        width: Outer width, m.
        height: Height of the base frame above ground at rest, m.
        wheel_radius: Metres.
        wheels: All wheel joints.
        cruise_speed: Speed it is meant to travel at, m/s.
    """

    name: str
    description: str
    urdf: Path
    tasks: tuple[str, ...]
    actuators: tuple[Actuator, ...]
    command: CommandModel
    lidar: Lidar
    length: float
    width: float
    height: float
    wheel_radius: float
    wheels: tuple[str, ...]
    cruise_speed: float
    source: Path = field(compare=False, default=Path())

    @property
    def digest(self) -> str:
        """Fingerprint of all that a policy's readings and actions mean on it, its URDF included."""
        values = _stated(self)
        for told in ("class", "description", "urdf", "tasks", "source"):
            values.pop(told, None)
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode() + self.urdf.read_bytes()).hexdigest()[:16]

    def targets(self, action: NDArray[np.floating]) -> dict[str, float]:
        """Physical targets by role of one normalized action, shape ``(actuators,)``."""
        pairs = zip(self.actuators, action.tolist(), strict=True)
        return {actuator.role: actuator.target(value) for actuator, value in pairs}

    def to_command(
        self, actions: NDArray[np.floating], speeds: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Normalized actions ``(n, actuators)`` at ``speeds`` ``(n,)`` to commands ``(n, 2)``."""
        targets = {a.role: a.target(actions[:, k]) for k, a in enumerate(self.actuators)}
        return np.stack(self.command.command(targets, speeds), axis=1).astype(np.float64)

    def from_command(
        self, commands: NDArray[np.floating], speeds: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """The inverse of `to_command`, not clipped to [-1, 1]."""
        targets = self.command.targets((commands[:, 0], commands[:, 1]), speeds)
        return np.stack([a.action_for(targets[a.role]) for a in self.actuators], axis=1)


def _stated(value: Any) -> Any:
    """Plain data of what differs from the defaults, which stays the same when fields are added."""
    if is_dataclass(value):
        pairs = [(field.name, getattr(value, field.name), field.default) for field in fields(value)]
        stated = {name: _stated(given) for name, given, default in pairs if given != default}
        return {"class": type(value).__name__, **stated}
    if isinstance(value, tuple):
        return [_stated(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else str(value)
