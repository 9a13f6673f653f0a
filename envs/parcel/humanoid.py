"""Humanoids: what they stand on, what they carry on, and what an action of theirs means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.parameters import BODY
from envs.parcel.leg import PITCHES, Leg, posture
from envs.robot import Robot
from envs.stretch import Stretch
from envs.tables import build, take

SIDES = ("left", "right")
ASIDE = ("hip_yaw", "hip_roll", "ankle_roll")  # joints of a leg that turn it out of its plane
ARM = ("shoulder_pitch", "shoulder_roll", "elbow")
SOLE = ("sole_forward", "sole_up", "sole_pitch")  # what a leg's pitch joints do together
ROLES = tuple(f"{side}_{role}" for side in SIDES for role in (*PITCHES, *ASIDE, *ARM))
WORDS = tuple(f"{side}_{word}" for side in SIDES for word in (*SOLE, *ASIDE, *ARM))
STIFF, HELD = 0.4, 0.02  # shares of a yaw's reach: up to which it is held, and what is left then
# What a joint that is held is multiplied by: a spring as stiff as the rotor's inertia allows.
HOLD = {"stiffness": 12.0, "damping": 4.0, "armature": 30.0, "force": 5.0}


@dataclass(frozen=True)
class Cradle:
    """Where forearms hold a parcel, in the nominal posture.

    Attributes:
        forward: From the base frame to the middle of where a parcel lies, m.
        up: From the base frame to a parcel's underside, m.
        length: Of the forearms' upper side that carries, m.
        width: Between the forearms' middles, m.
    """

    forward: float
    up: float
    length: float
    width: float

    def __post_init__(self) -> None:
        """Refuse arms that could not hold anything."""
        if not (self.length > 0 and self.width > 0):
            raise ValueError("cradle: length and width must be positive")


@dataclass(frozen=True, kw_only=True)
class Humanoid(Robot):
    """A robot that walks on two legs and carries with two arms.

    Attributes:
        feet: Joints whose links are the soles, left and right.
        cradle: Where it carries.
    """

    feet: tuple[str, ...]
    cradle: Cradle

    def __post_init__(self) -> None:
        """Refuse what no humanoid can be."""
        super().__post_init__()
        if len(self.feet) != 2:
            raise ValueError(f"feet: names two joints, left and right, got {len(self.feet)}")
        roles = {actuator.role for actuator in self.actuators}
        for side in SIDES:
            for role in PITCHES:
                if f"{side}_{role}" not in roles:
                    raise ValueError(f"actuators: a humanoid needs one with role {side}_{role}")
        for actuator in self.actuators:
            if actuator.kind != "pd":
                raise ValueError(
                    f"actuators.{actuator.role}.kind: a humanoid's are 'pd', got {actuator.kind!r}"
                )

    @staticmethod
    def parse(table: dict[str, Any]) -> dict[str, Any]:
        """The fields that are tables of their own, read."""
        return {"cradle": build(Cradle, take(table, "cradle", dict), "cradle")}

    @cached_property
    def legs(self) -> tuple[Leg, Leg]:
        """Its legs, left and right."""
        left, right = (
            Leg(self, self.model, side, foot) for side, foot in zip(SIDES, self.feet, strict=True)
        )
        return left, right

    def varied(self, factors: Mapping[str, float]) -> Humanoid:
        """See `Robot.varied`.

        A size changes masses by its third power, torques by the fourth and times by the root, so
        that a body walks as one of another size does (Froude similarity). Who has a heavier
        trunk has motors as much stronger. Knees that bend the other way take hips and ankles with
        them. Hips that would yaw little are held by springs so stiff that it is as if a robot
        lacked such joints: one that gives is enough to turn by.
        """
        if all(factors.get(name, 1.0) == 1.0 for name in BODY):
            return self.recentered(factors)
        size = factors.get("size", 1.0)
        cradle = replace(
            self.cradle,
            forward=size * self.cradle.forward,
            up=size * (self.cradle.up + (factors.get("torso", 1.0) - 1.0) * self._shoulder),
            length=size * self.cradle.length,
            width=size * factors.get("hips", 1.0) * self.cradle.width,
        )
        yaw = factors.get("yaw", 1.0)
        turning = {"hip_yaw": yaw if yaw > STIFF else HELD}
        spans = [
            turning.get(a.role.split("_", 1)[1], 1.0) * 0.5 * (a.high - a.low)
            for a in self.actuators
        ]
        weight = self._weight(factors)
        other_way = factors.get("knee", 1.0) > 1.0
        bends = dict.fromkeys(PITCHES, -1.0 if other_way else 1.0)
        neutrals = [bends.get(a.role.split("_", 1)[1], 1.0) * a.neutral for a in self.actuators]
        actuators = tuple(
            replace(
                a,
                low=neutral - span,
                high=neutral + span,
                force=weight * size * a.force,
                stiffness=weight * size * a.stiffness,
                damping=weight * size**1.5 * a.damping,
                rate=size**-0.5 * a.rate,
                armature=weight * size**2 * a.armature,
            )
            for a, neutral, span in zip(self.actuators, neutrals, spans, strict=True)
        )
        off_ground = self.height + float(self.legs[0].sole[2])
        made = replace(self, stretches=self._stretches(factors), actuators=actuators, cradle=cradle)
        if yaw <= STIFF:
            made = made._holding("hip_yaw")
        made = made._leaning(self.legs[0].lean * (-1.0 if other_way else 1.0))
        made = replace(made, height=size * off_ground - float(made.legs[0].sole[2]))
        return made.recentered(factors)

    def _holding(self, joint: str) -> Humanoid:
        """With a joint that does not give, on both sides."""
        held = []
        for a in self.actuators:
            hold = HOLD if a.role.split("_", 1)[1] == joint else {}
            held.append(replace(a, **{name: getattr(a, name) * by for name, by in hold.items()}))
        return replace(self, actuators=tuple(held))

    def _leaning(self, lean: float) -> Humanoid:
        """With legs turned at the hips, the soles kept level, until their ankles are so far ahead.

        Args:
            lean: See `Leg.lean`.
        """
        turn = self.legs[0].lean - lean
        turns = {"hip_pitch": turn, "ankle_pitch": -turn}
        turned = []
        for a in self.actuators:
            by = turns.get(a.role.split("_", 1)[1], 0.0)
            turned.append(replace(a, low=a.low + by, high=a.high + by))
        return replace(self, actuators=tuple(turned))

    @property
    def _shoulder(self) -> float:
        """How far above the base's origin arms begin, m; without arms, what it carries on."""
        shoulders = [a.joints[0] for a in self.actuators if a.role == "left_shoulder_pitch"]
        if not shoulders:
            return self.cradle.up
        joint = shoulders[0]
        link = self.model.joints[joint].child
        return float(self.model.posed(posture(self, self.model))[link][2, 3])

    def _weight(self, factors: Mapping[str, float]) -> float:
        """How much heavier a body is than this one, but for the lengths of its legs."""
        links = self.model.links
        trunk = links[self.model.root].mass / sum(link.mass for link in links.values())
        return factors.get("size", 1.0) ** 3 * (1.0 + trunk * (factors.get("trunk", 1.0) - 1.0))

    def _stretches(self, factors: Mapping[str, float]) -> tuple[Stretch, ...]:
        model, size = self.model, factors.get("size", 1.0)
        made = {name: Stretch(name, size=size) for name in model.links}
        made[model.root] = replace(
            made[model.root],
            along=(0.0, 1.0, 0.0),
            factor=factors.get("hips", 1.0),
            density=factors.get("trunk", 1.0) / factors.get("hips", 1.0),
        )
        torso = factors.get("torso", 1.0)
        taller = Stretch(model.root, factor=torso, density=1.0 / torso)
        joints = {a.role: a.joints[0] for a in self.actuators}
        carrying = {joint.child: joint for joint in model.joints.values()}
        other_way = factors.get("knee", 1.0) > 1.0
        for side in SIDES:
            for role in PITCHES:
                link = model.joints[joints[f"{side}_{role}"]].child
                made[link] = replace(made[link], reversed=other_way)
            for segment, (upper, lower) in zip(("thigh", "shin"), pairwise(PITCHES), strict=True):
                joint = model.joints[joints[f"{side}_{lower}"]]
                top = model.joints[joints[f"{side}_{upper}"]].child
                while True:
                    link = joint.parent
                    along = joint.origin[:3, 3]
                    if along.any():
                        x, y, z = along.tolist()
                        factor = factors.get(segment, 1.0)
                        made[link] = replace(made[link], along=(x, y, z), factor=factor)
                    if link == top:
                        break
                    joint = carrying[link]
        for foot in self.feet:
            link = model.joints[foot].child
            x, y, z = model.posed(posture(self, model))[link][0, :3].tolist()  # the base's axis
            made[link] = replace(made[link], along=(x, y, z), factor=factors.get("foot", 1.0))
        return (*made.values(), taller)

    @property
    def soles(self) -> tuple[str, ...]:
        """See `Robot.soles`."""
        return self.feet

    @property
    def senses(self) -> str:
        """See `Robot.senses`."""
        return "joints, gravity, angular velocity"

    @property
    def command_readings(self) -> tuple[str, ...]:
        """See `Robot.command_readings`: the same at all times."""
        return ()

    def start(self, speed: float) -> Mapping[str, tuple[float, float]]:
        """See `Robot.start`: the nominal posture, at rest."""
        return {joint: (a.neutral, 0.0) for a in self.actuators for joint in a.joints}

    def joint_speed(self, target: float) -> float:
        """See `Robot.joint_speed`; a humanoid has no wheels."""
        raise NotImplementedError(f"{self.name} has no wheels to turn at {target} m/s")

    @cached_property
    def limbs(self) -> NDArray[np.float64]:
        """What a rad of each joint does near the nominal posture, ``(words, actuators)``.

        The rows are `WORDS`.

        For each leg: the sole's way forward and up in leg lengths and its pitch, rad, which three
        joints make together, whichever way a knee bends; then, one joint each and in rad, what
        turns the leg out of its plane; then each arm's joints, rad. What a robot lacks is zero.
        """
        rows: list[NDArray[np.float64]] = []
        columns = {actuator.role: k for k, actuator in enumerate(self.actuators)}
        for side, leg in zip(SIDES, self.legs, strict=True):
            slopes = leg.slopes(np.zeros(3)) / np.asarray([[leg.length], [leg.length], [1.0]])
            block = np.zeros((3, len(columns)))
            block[:, [columns[f"{side}_{role}"] for role in PITCHES]] = slopes
            rows.extend(block)
            for role in (*ASIDE, *ARM):
                row = np.zeros(len(columns))
                if (column := columns.get(f"{side}_{role}")) is not None:
                    row[column] = 1.0
                rows.append(row)
        return np.stack(rows)

    @cached_property
    def command_matrix(self) -> NDArray[np.float64]:
        """What a unit of each action does, in the words of `limbs`, ``(words, actuators)``."""
        return self.limbs * self.reach

    def to_command(
        self, actions: NDArray[np.floating], readings: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Turns of the joints about the base's axes, rad, ``(n, ROLES)``; 0 for who is not there.

        A hip or an ankle moves a robot the same whichever way its knees bend; so does a knee, but
        for the little that it lifts the sole.
        """
        commands = np.zeros((len(actions), len(ROLES)))
        commands[:, self._places] = actions * self.reach
        return commands

    def from_command(
        self, commands: NDArray[np.floating], readings: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """See `Robot.from_command`; what this robot has no joint for is left out."""
        return np.asarray(commands[:, self._places] / self.reach, dtype=np.float64)

    @cached_property
    def _places(self) -> list[int]:
        """Of the actuators among `ROLES`."""
        return [ROLES.index(a.role) for a in self.actuators]

    @cached_property
    def reach(self) -> NDArray[np.float64]:
        """What a unit of each action turns, rad, ``(actuators,)``."""
        return np.asarray([0.5 * (a.high - a.low) for a in self.actuators])
