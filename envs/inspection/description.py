"""What the files alone tell of any robot: roles, joints, limits and masses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from envs.inspection.finding import Finding, judge
from envs.interface import unknown
from envs.robot import Actuator, Robot
from envs.urdf import Urdf

TRIANGLE = 1e-2  # rounding of published inertias that is forgiven, as a fraction
MOVABLE = ("revolute", "continuous", "prismatic")


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
            chain((problem for a in actuators for problem in _limits(a, urdf)), limits),
            "low < high, positive forces, within the URDF's limits",
        ),
        judge(
            "masses",
            chain(_masses(urdf), masses),
            f"{total(urdf):.4g} kg, inertias of real bodies",
        ),
    ]


def total(urdf: Urdf) -> float:
    """Mass of the whole robot, kg."""
    return sum(link.mass for link in urdf.links.values())


def _joints(robot: Robot, urdf: Urdf) -> Iterator[str]:
    for joint in urdf.joints.values():
        if joint.kind not in (*MOVABLE, "fixed"):
            yield f"joint {joint.name!r} is {joint.kind!r}; use one of {', '.join(MOVABLE)}, fixed"
    actuated = [name for a in robot.actuators for name in (*a.joints, *a.brake_joints)]
    for name in dict.fromkeys((*actuated, *robot.soles)):
        if name not in urdf.joints:
            yield unknown("joint", name, urdf.joints) + f" (the joints of {urdf.path.name})"
        elif urdf.joints[name].kind == "fixed":
            yield f"joint {name!r} is fixed; name one that moves, or make it revolute"


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


def _masses(urdf: Urdf) -> Iterator[str]:
    for link in urdf.links.values():
        moments = np.linalg.eigvalsh(link.inertia)
        if link.mass < 0:
            yield f"link {link.name!r}: mass {link.mass:g} kg must not be negative"
        elif link.mass > 0 and not moments[0] > 0:
            yield (
                f"link {link.name!r}: inertia has a moment of {moments[0]:.3g} kg·m²; "
                "all principal moments must be positive"
            )
        elif link.mass > 0 and moments[2] > (moments[0] + moments[1]) * (1.0 + TRIANGLE):
            yield (
                f"link {link.name!r}: the inertia's largest moment {moments[2]:.3g} kg·m² exceeds "
                f"the sum {moments[0] + moments[1]:.3g} of the others, which no body has"
            )
    for joint in urdf.joints.values():
        if joint.kind != "fixed" and not _carried(joint.child, urdf) > 0:
            yield f"link {joint.child!r} moves but has no mass; give it an <inertial>"


def _carried(link: str, urdf: Urdf) -> float:
    """Mass of a link and what is fixed to it, kg."""
    fixed = [j.child for j in urdf.joints.values() if j.parent == link and j.kind == "fixed"]
    return urdf.links[link].mass + sum(_carried(child, urdf) for child in fixed)
