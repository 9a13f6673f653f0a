"""What the files alone tell of any robot: roles, joints, limits and masses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from envs.fixed_joints import flaws, merged_links
from envs.inertia import balanced
from envs.inspection.finding import Finding, judge
from envs.interface import unknown
from envs.robot import Actuator, Robot
from envs.urdf import Joint, Urdf
from envs.urdf_numbers import CONTACT, numbers


def describe(
    robot: Robot,
    urdf: Urdf,
    roles: Sequence[str],
    *,
    limits: Iterable[str] = (),
    masses: Iterable[str] = (),
) -> list[Finding]:
    """Inspect a robot without simulating it.

    Args:
        robot: The robot.
        urdf: Its URDF.
        roles: Those that the task knows.
        limits: What else is wrong with its limits.
        masses: What else is wrong with its masses.
    """
    actuators = robot.actuators
    named = sum(len(actuator.joints) for actuator in actuators)
    return [
        judge(
            "roles",
            (unknown("role", a.role, roles) for a in actuators if a.role not in roles),
            f"{', '.join(a.role for a in actuators)}: all known to the task",
        ),
        judge("joints", _joints(robot, urdf), f"{named} actuated joints, all movable"),
        judge(
            "limits",
            chain(
                (problem for a in actuators for problem in _limits(a, urdf)),
                (problem for a in actuators for problem in _soft_limits(a, urdf)),
                limits,
            ),
            "low < high, positive forces, within the URDF's limits",
        ),
        judge(
            "masses",
            chain(flaws(urdf), masses),
            f"{total(urdf):.4g} kg, inertias of real bodies{_adjusted(urdf)}",
        ),
        Finding("not used", True, _unused(urdf) or "all that the URDF says of motion is used"),
    ]


def total(urdf: Urdf) -> float:
    """Mass of the whole robot, kg."""
    return sum(link.mass for link in urdf.links.values())


def _joints(robot: Robot, urdf: Urdf) -> Iterator[str]:
    actuated = [name for a in robot.actuators for name in (*a.joints, *a.brake_joints)]
    for name in dict.fromkeys((*actuated, *robot.soles)):
        if name not in urdf.joints:
            yield unknown("joint", name, urdf.joints) + f" (the joints of {urdf.path.name})"
        elif urdf.joints[name].kind == "fixed":
            yield f"joint {name!r} is fixed; name one that moves, or make it revolute"
    for joint in urdf.joints.values():
        if joint.kind != "fixed" and joint.element.find("mimic") is not None:
            yield from _mimic(robot, urdf, joint)


def _mimic(robot: Robot, urdf: Urdf, joint: Joint) -> Iterator[str]:
    """Whether a joint follows another as it should: engines know joints that one actuator moves."""
    mimic = joint.element.find("mimic")
    name, leader = joint.name, "" if mimic is None else mimic.get("joint", "")
    if leader not in urdf.joints:
        yield f"joint {name!r} mimics another: " + unknown("joint", leader, urdf.joints)
        return
    multiplier, offset = (
        numbers(mimic, key, default, 1, f"joint {name!r}")[0]
        for key, default in (("multiplier", "1"), ("offset", "0"))
    )
    same = multiplier * urdf.sign(name) * urdf.sign(leader) == 1.0 and offset == 0.0
    movers = [actuator for actuator in robot.actuators if leader in actuator.joints]
    if same and movers and name in movers[0].joints:
        return
    said = f"joint {name!r} should follow {leader!r} (mimic), which is not simulated"
    if same and movers:
        yield f"{said}; add it to the joints of actuator {movers[0].role!r}"
    else:
        yield f"{said}; keep it where it is with [held], or make it fixed"


def _limits(actuator: Actuator, urdf: Urdf) -> Iterator[str]:
    role = actuator.role
    if not (math.isfinite(actuator.low) and math.isfinite(actuator.high)):
        yield f"{role}: low and high must be finite"
    elif not actuator.low < actuator.high:
        yield f"{role}: low {actuator.low} must be below high {actuator.high}"
    if not (math.isfinite(actuator.force) and actuator.force > 0):
        yield f"{role}: force {actuator.force} N·m must be positive and finite"
    for name in actuator.joints:
        joint = urdf.joints.get(name)
        limit = joint.element.find("limit") if joint else None
        if joint is None or limit is None:
            continue
        low, high = urdf.limits(name)
        if (
            joint.kind != "continuous"
            and actuator.kind != "wheel_speed"  # whose range is one of speeds
            and low < high  # an engine takes other limits as none
            and not low <= actuator.low < actuator.high <= high
        ):
            yield (
                f"{role}: {actuator.low} to {actuator.high} rad leaves the range of {name!r}, "
                f"{low} to {high}; narrow low and high"
            )
        effort = float(limit.get("effort", "inf"))
        if actuator.force > effort > 0:
            yield f"{role}: force {actuator.force} N·m is over the effort {effort} of {name!r}"


def _soft_limits(actuator: Actuator, urdf: Urdf) -> Iterator[str]:
    """What the robot's own controller would not let an actuator do; engines know nothing of it."""
    for joint in (urdf.joints[name] for name in actuator.joints if name in urdf.joints):
        safety = joint.element.find("safety_controller")
        if safety is None or joint.kind in ("continuous", "fixed"):
            continue
        keys = ("soft_lower_limit", "soft_upper_limit")
        ends = (numbers(safety, key, "0", 1, f"joint {joint.name!r}")[0] for key in keys)
        low, high = sorted(urdf.sign(joint.name) * end for end in ends)
        if low < high and not low <= actuator.low < actuator.high <= high:
            yield (
                f"{actuator.role}: {actuator.low} to {actuator.high} leaves the soft limits of "
                f"{joint.name!r}, {low} to {high}, which are not simulated; narrow low and high"
            )


def _adjusted(urdf: Urdf) -> str:
    """Which rounded inertias are brought to the nearest that a body can have."""
    changes = {
        link.name: float(np.linalg.norm(balanced(link).inertia - link.inertia))
        / float(np.linalg.norm(link.inertia))
        for link in merged_links(urdf).values()
        if balanced(link) is not link
    }
    if not changes:
        return ""
    names = ", ".join(map(repr, changes))
    percent = 100.0 * max(changes.values())
    return f"; rounded in the file, so adjusted by up to {percent:.2g} %: {names}"


def _unused(urdf: Urdf) -> str:
    """What the URDF says of motion that no engine, or only one, is given."""
    everywhere = ", ".join(f"{tag} ({count})" for tag, count in sorted(urdf.unused.items()))
    contacts = {
        part.tag
        for link in urdf.links.values()
        for part in (() if link.contact is None else link.contact)
        if part.tag in CONTACT
        and part.tag != "lateral_friction"
        and float(part.get("value", "1")) != 0.0
    }
    in_one = f"in MuJoCo: {', '.join(sorted(contacts))} of contacts" if contacts else ""
    return "; ".join(filter(None, (everywhere, in_one)))
