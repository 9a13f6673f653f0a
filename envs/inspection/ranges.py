"""How far the joints of a robot can turn, by its URDF."""

from __future__ import annotations

import math
from collections.abc import Iterator

from envs.robot import Actuator, Robot
from envs.urdf import Joint, Urdf

TURNS = 4.0 * math.pi  # rad: a limit beyond two turns is more likely one in degrees
ENDLESS = 10_000.0  # rad that a wheel turns on a long way


def ranges(robot: Robot, urdf: Urdf) -> Iterator[str]:
    """What is wrong with the limits of joints that are moved to positions.

    Args:
        robot: The robot.
        urdf: Its URDF.
    """
    for actuator in robot.actuators:
        if actuator.kind != "wheel_speed":
            for name in actuator.joints:
                if name in urdf.joints:
                    yield from _range(urdf.joints[name])
                    yield from _velocity(actuator, urdf.joints[name])


def stops(joint: Joint) -> Iterator[str]:
    """Why a wheel cannot turn without end."""
    limits = _given(joint)
    if joint.kind == "prismatic":
        yield f"wheel {joint.name!r} is prismatic, so it cannot turn; make it continuous"
    elif joint.kind == "revolute" and limits and 0 <= limits[1] - limits[0] < ENDLESS:
        low, high = limits
        yield (
            f"wheel {joint.name!r} is revolute, from {low:g} to {high:g} rad, where it stops; "
            'give it type="continuous"'
        )


def _range(joint: Joint) -> Iterator[str]:
    limits = _given(joint)
    if joint.kind not in ("revolute", "prismatic") or limits is None:
        return
    low, high = limits
    if low == high:
        yield (
            f"joint {joint.name!r} cannot move: its lower and upper limits are both {low:g}; "
            "give it a range"
        )
    elif low > high:
        yield (
            f"joint {joint.name!r}: lower {low:g} is above upper {high:g}, so that engines set no "
            "limit; exchange them"
        )
    elif joint.kind == "revolute" and max(abs(low), abs(high)) > TURNS:
        yield (
            f"joint {joint.name!r}: its limits of {low:g} to {high:g} rad are more than two turns; "
            f"if they are degrees, write {math.radians(low):.4g} to {math.radians(high):.4g}"
        )


def _velocity(actuator: Actuator, joint: Joint) -> Iterator[str]:
    limit = joint.element.find("limit")
    velocity = 0.0 if limit is None else float(limit.get("velocity", "0"))
    if math.isfinite(actuator.rate) and actuator.rate > velocity > 0:
        yield (
            f"{actuator.role}: rate {actuator.rate:g} rad/s is over the velocity {velocity:g} of "
            f"{joint.name!r}; lower it"
        )


def _given(joint: Joint) -> tuple[float, float] | None:
    """Lower and upper limit as given; None unless both are."""
    limit = joint.element.find("limit")
    if limit is None or "lower" not in limit.attrib or "upper" not in limit.attrib:
        return None
    return float(limit.get("lower", "0")), float(limit.get("upper", "0"))
