"""What every robot is: a body with actuators whose targets mean something to its task."""

from __future__ import annotations

import hashlib
import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from envs.assembly import Solid, hold, reshape
from envs.bounded_files import read_bytes
from envs.interface import Feature, unknown
from envs.parameters import CENTER
from envs.stretch import Stretch, stretch
from envs.tables import shown
from envs.urdf import LARGEST, Urdf, check_joints, read_urdf

Values = Any  # a float or an array of floats; all of one call broadcast
Targets = Mapping[str, Values]  # physical targets by role, rad or m/s
Kind = TypeVar("Kind", bound="Robot")


@dataclass(frozen=True)
class Actuator:
    """One entry of the action vector: a set of joints that move as one.

    Attributes:
        role: What it does, in words shared between robots (``front_steering``, ``drive``).
        kind: ``position`` (rad, servo), ``wheel_speed`` (m/s at the tread, torque-limited) or
            ``pd`` (rad; torque = stiffness × (target − position) − damping × velocity).
        joints: URDF joints it drives.
        low: Target for action -1, in rad or m/s.
        high: Target for action +1.
        force: Torque limit of each joint, N·m.
        rate: Largest joint speed of a servo, rad/s.
        brake_joints: Wheels that also brake when the target is slower than the car.
        brake: Torque limit of each braking wheel, N·m.
        stiffness: Of ``pd``, N·m/rad.
        damping: Of ``pd``, N·m·s/rad.
        armature: Inertia of the motor's rotor as the joint feels it, which is the rotor's times
            the gear ratio squared, kg·m².
    """

    KINDS: ClassVar[tuple[str, ...]] = ("position", "wheel_speed", "pd")

    role: str
    kind: str
    joints: tuple[str, ...]
    low: float
    high: float
    force: float
    rate: float = math.inf
    brake_joints: tuple[str, ...] = ()
    brake: float = 0.0
    stiffness: float = 0.0
    damping: float = 0.0
    armature: float = 0.0

    def __post_init__(self) -> None:
        """Refuse figures that nothing can be driven with."""
        where = f"actuators.{self.role}"
        if self.kind not in self.KINDS:
            raise ValueError(f"{where}.kind: " + unknown("kind", self.kind, self.KINDS))
        if not self.low < self.high:
            raise ValueError(f"{where}: low must be below high")
        if not (self.force > 0 and self.brake >= 0 and self.rate > 0):
            raise ValueError(f"{where}: force and rate must be positive, brake not negative")
        if self.kind == "pd" and not (self.stiffness > 0 and self.damping >= 0):
            raise ValueError(f"{where}: pd needs a positive stiffness, and no negative damping")
        if not 0 <= self.armature < math.inf:
            raise ValueError(f"{where}.armature: must not be negative, got {self.armature}")
        if not self.joints:
            raise ValueError(f"{where}.joints: names at least one joint")

    @property
    def action(self) -> Feature:
        """The action entry, normalized to [-1, 1]."""
        quantity = "speed" if self.kind == "wheel_speed" else "position"
        return Feature(f"{self.role}/{quantity}", "1", -1.0, 1.0, group="action")

    @property
    def unit(self) -> str:
        """Unit of its targets."""
        return "m/s" if self.kind == "wheel_speed" else "rad"

    @property
    def neutral(self) -> float:
        """The target of action 0, rad or m/s."""
        return 0.5 * (self.low + self.high)

    def target(self, action: Values) -> Values:
        """The physical target, rad or m/s, of a normalized action."""
        return self.low + 0.5 * (action + 1.0) * (self.high - self.low)

    def action_for(self, target: Values) -> Values:
        """The normalized action of a physical target; beyond [-1, 1] it is out of reach."""
        return 2.0 * (target - self.low) / (self.high - self.low) - 1.0


@dataclass(frozen=True, kw_only=True)
class Robot(ABC):
    """A robot's specification, as read from its ``robot.toml``.

    Attributes:
        name: How users call it.
        description: One line.
        urdf: The URDF file.
        tasks: Tasks it is made for.
        actuators: The action vector, in order.
        height: Height of the base frame above ground at rest, m.
        held: Joints that are kept where they are, by name or pattern, and their positions about
            their own axes, rad.
        shapes: Collision shapes instead of the URDF's; none for the URDF's own.
        stretches: Links that are longer, wider or heavier than the URDF says.
        source: The file it was read from.
    """

    name: str
    description: str
    urdf: Path
    tasks: tuple[str, ...]
    actuators: tuple[Actuator, ...]
    height: float
    held: tuple[tuple[str, float], ...] = ()
    shapes: tuple[Solid, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    source: Path = field(compare=False, default=Path())

    def __post_init__(self) -> None:
        """Refuse what no robot can be."""
        if not is_name(self.name):
            raise ValueError(f"name: at most 200 letters, digits, _ and -, got {shown(self.name)}")
        if len({actuator.role for actuator in self.actuators}) < len(self.actuators):
            raise ValueError("actuators: two share a role; each needs its own")
        if self.height < 0:  # zero for the many whose base frame lies on the ground
            raise ValueError(f"height: must not be negative, got {self.height}")

    @cached_property
    def model(self) -> Urdf:
        """Its links and joints as they are used: what its URDF says, some held or reshaped.

        Raises:
            ValueError: If the URDF cannot be read, has not what is held or reshaped, or has joints
                that no engine simulates.
        """
        urdf = read_urdf(self.urdf)
        moved = [joint for a in self.actuators for joint in (*a.joints, *a.brake_joints)]
        try:
            urdf = hold(urdf, dict(self.held), moved)
            urdf = reshape(urdf, self.shapes) if self.shapes else urdf
            urdf = stretch(urdf, self.stretches)
        except ValueError as error:
            raise ValueError(f"{self.source}: {error}") from None
        check_joints(urdf)
        return urdf

    @property
    def digest(self) -> str:
        """Fingerprint of all that a policy's readings and actions mean on it, its URDF included.

        Two robots are the same where their digests are equal, wherever their files are. What has
        its default value is left out, so that a field may be added without changing any digest;
        a default may not be changed, since robots that rely on it would change unnoticed.
        """
        values = _stated(self)
        for told in ("class", "description", "urdf", "tasks", "source"):
            values.pop(told, None)
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode() + read_bytes(self.urdf, LARGEST)).hexdigest()[:16]

    @property
    @abstractmethod
    def soles(self) -> tuple[str, ...]:
        """Joints whose links it stands on."""

    @property
    @abstractmethod
    def senses(self) -> str:
        """What it perceives its surroundings with, in a few words."""

    @property
    @abstractmethod
    def command_readings(self) -> tuple[str, ...]:
        """Names of the features on which the meaning of an action depends."""

    @abstractmethod
    def start(self, speed: float) -> Mapping[str, tuple[float, float]]:
        """Positions (rad) and velocities (rad/s) of joints that begin neither at zero nor at rest.

        Args:
            speed: Forward, m/s.
        """

    @abstractmethod
    def joint_speed(self, target: float) -> float:
        """The joint speed, rad/s, of a ``wheel_speed`` target, m/s."""

    def gearing(self, joint: str) -> float:
        """How much faster a wheel turns than `joint_speed` says, as a small one beside large ones.

        Args:
            joint: The wheel's joint.
        """
        del joint
        return 1.0

    def varied(self, factors: Mapping[str, float]) -> Robot:
        """One of its kind with other proportions.

        Args:
            factors: By name, see `envs.parameters.BODY` and `CENTER`; what its kind cannot vary is
                left out.
        """
        return self.recentered(factors)

    def recentered(self: Kind, ways: Mapping[str, float]) -> Kind:
        """With the mass of its trunk elsewhere.

        Args:
            ways: m, by name, see `envs.parameters.CENTER`.
        """
        x, y, z = (ways.get(name, 0.0) for name in CENTER)
        if not (x or y or z):
            return self
        moved = Stretch(self.model.root, shift=(x, y, z))
        return replace(self, stretches=(*self.stretches, moved))

    def targets(self, action: NDArray[np.floating]) -> dict[str, float]:
        """Physical targets by role of one normalized action, shape ``(actuators,)``."""
        pairs = zip(self.actuators, action.tolist(), strict=True)
        return {actuator.role: actuator.target(value) for actuator, value in pairs}

    @abstractmethod
    def to_command(
        self, actions: NDArray[np.floating], readings: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """What actions mean, in words that robots of its kind share.

        Args:
            actions: Normalized, ``(n, actuators)``.
            readings: Of `command_readings`, ``(n, readings)``.
        """

    @abstractmethod
    def from_command(
        self, commands: NDArray[np.floating], readings: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """The inverse of `to_command`, not clipped to [-1, 1]."""


def is_name(text: str) -> bool:
    """Whether a robot may have that name: 1 to 200 letters, digits, ``_`` and ``-``."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,200}", text) is not None


def known_as(robot: Robot, kind: type[Kind]) -> Kind:
    """``robot``, known to be of a kind.

    Raises:
        ValueError: If it is of another.
    """
    if not isinstance(robot, kind):
        wanted = kind.__name__.lower()
        raise ValueError(f"robot {robot.name!r} is no {wanted}; its task needs kind = {wanted!r}")
    return robot


def _stated(value: Any) -> Any:
    """Plain data of what differs from the defaults, which stays the same when fields are added."""
    if is_dataclass(value):
        pairs = [(field.name, getattr(value, field.name), field.default) for field in fields(value)]
        stated = {name: _stated(given) for name, given, default in pairs if given != default}
        return {"class": type(value).__name__, **stated}
    if isinstance(value, tuple):
        return [_stated(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else str(value)
