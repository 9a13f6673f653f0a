"""What a robot says of itself when a client asks, and whether a client fits it."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass

from envs.catalogue import control_rate
from envs.interface import Interface
from envs.robot import Robot
from envs.tables import build_json
from simtransfer.target.wire import printable_json

FASTEST = 1000.0  # robot's seconds a second: more than any simulator makes
MOST = 2**32 - 1  # episodes, as the wire counts them
OFTENEST = 1e5  # Hz


@dataclass(frozen=True)
class Description:
    """A robot, its world, and the names on its wire.

    Attributes:
        robot: Its name.
        robot_digest: `envs.robot.Robot.digest`.
        task: What it is there for.
        control_rate: Hz, in the robot's time.
        speed: Robot's seconds a second of the wall clock.
        lockstep: Whether it waits for the command of each reading, however long that takes.
        episodes: That it plays in all.
        begun: How many of them have begun; the number of the next one.
        observation: Names of a reading's entries.
        action: Names of a command's entries.
        unit: Of each entry of a command.
        low: The least target of each, in its unit.
        high: The largest.
        rate: How fast each may change, in its unit a second; 0 for as fast as you please.
    """

    robot: str
    robot_digest: str
    task: str
    control_rate: float
    speed: float
    lockstep: bool
    episodes: int
    begun: int
    observation: tuple[str, ...]
    action: tuple[str, ...]
    unit: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    rate: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what no control loop can follow."""
        for name, most in (("control_rate", OFTENEST), ("speed", FASTEST)):
            if not 0.0 < getattr(self, name) <= most:
                raise ValueError(
                    f"description.{name}: must be above 0, at most {most:g}, "
                    f"got {getattr(self, name):g}"
                )
        if not 0 <= self.begun <= self.episodes <= MOST:
            raise ValueError(
                f"description: {self.begun} of {self.episodes} episodes cannot have begun"
            )

    @property
    def step_seconds(self) -> float:
        """How long a control step takes, s of the wall clock."""
        return 1.0 / self.control_rate / self.speed

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def read(text: str) -> Description:
        """The inverse of `text`.

        Raises:
            ValueError: If it is none.
        """
        described: Description = build_json(Description, printable_json(text), "description")
        return described


def digest(interface: Interface) -> int:
    """64 bits of a fingerprint of an interface's names, in their order."""
    names = "\n".join((*interface.observation_names, "", *interface.action_names))
    return int.from_bytes(hashlib.sha256(names.encode()).digest()[:8], "little")


def check_fit(told: Description, task: str, robot: Robot, interface: Interface) -> None:
    """See that a client which has all this can drive who says that.

    Raises:
        ValueError: If it cannot, with the first thing that differs.
    """
    if told.task != task:
        raise ValueError(
            f"the robot is there for {told.task!r}, the bundle was trained for {task!r}; "
            "serve that task or take another bundle"
        )
    rate = control_rate(task)
    if not math.isclose(told.control_rate, rate):
        raise ValueError(
            f"the robot is told {told.control_rate:g} times a second, but a policy for {task!r} "
            f"acts {rate:g} times"
        )
    whose = (
        f"a {told.robot!r}"
        if told.robot != robot.name
        else f"a {robot.name!r} of another build than the one here"
    )
    for what, theirs, ours in (
        ("observes", told.observation, interface.observation_names),
        ("takes", told.action, interface.action_names),
    ):
        if differs := _first_difference(theirs, ours):
            has, wanted = differs
            raise ValueError(
                f"at the target is {whose}: it {what} {has} where {robot.name!r} has {wanted}; "
                f"to drive it by what the bundle knows, give --robot {told.robot}"
            )
    if told.robot_digest != robot.digest:
        raise ValueError(
            f"at the target is {whose}: robot.toml or URDF differ; "
            "give --robot with the one that is served"
        )


def _first_difference(theirs: tuple[str, ...], ours: tuple[str, ...]) -> tuple[str, str] | None:
    """What either has at the first place where two lists of names differ."""
    for k in range(max(len(theirs), len(ours))):
        has, wanted = (repr(names[k]) if k < len(names) else "nothing" for names in (theirs, ours))
        if has != wanted:
            return has, wanted
    return None
