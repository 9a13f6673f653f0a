"""What the files alone tell: roles, limits, masses, wheels and distances."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from envs.driving.car import Ackermann, Car, Differential
from envs.inspection.finding import Finding, judge, near
from envs.inspection.outline import outline, wheel_radius
from envs.interface import unknown
from envs.robot import Actuator
from envs.urdf import Urdf

DENSITY = (20.0, 3000.0)  # kg/m³ of the outline: an empty shell, a block of aluminium
TRIANGLE = 1e-2  # rounding of published inertias that is forgiven, as a fraction
SIZE = 0.4  # outline against length and width: bumpers, mirrors and meshes are not in the shapes
DISTANCE = 0.05  # wheel radius and wheelbase against the URDF
MOVABLE = ("revolute", "continuous", "prismatic")


def describe(robot: Car, urdf: Urdf, roles: Sequence[str]) -> list[Finding]:
    """Inspect a robot without simulating it.

    Args:
        robot: The robot.
        urdf: Its URDF.
        roles: Those that the task knows.
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
            (problem for a in actuators for problem in _limits(a, robot, urdf)),
            "low < high, positive forces, within the URDF's limits",
        ),
        judge("masses", _masses(robot, urdf), f"{_total(urdf):.4g} kg, inertias of real bodies"),
        judge("outline", _outline(robot, urdf), f"{robot.length} m x {robot.width} m, as the URDF"),
        judge("wheels", _wheels(robot, urdf), f"radius {robot.wheel_radius} m, as in the URDF"),
        judge("geometry", _geometry(robot, urdf), "axles are where the command model has them"),
    ]


def _total(urdf: Urdf) -> float:
    return sum(link.mass for link in urdf.links.values())


def _joints(robot: Car, urdf: Urdf) -> Iterator[str]:
    for joint in urdf.joints.values():
        if joint.kind not in (*MOVABLE, "fixed"):
            yield f"joint {joint.name!r} is {joint.kind!r}; use one of {', '.join(MOVABLE)}, fixed"
    actuated = [name for a in robot.actuators for name in (*a.joints, *a.brake_joints)]
    for name in dict.fromkeys((*actuated, *robot.wheels)):
        if name not in urdf.joints:
            yield unknown("joint", name, urdf.joints) + f" (the joints of {urdf.path.name})"
        elif urdf.joints[name].kind == "fixed":
            yield f"joint {name!r} is fixed; name one that moves, or make it revolute"


def _limits(actuator: Actuator, robot: Car, urdf: Urdf) -> Iterator[str]:
    role = actuator.role
    if not (math.isfinite(actuator.low) and math.isfinite(actuator.high)):
        yield f"{role}: low and high must be finite"
    elif not actuator.low < actuator.high:
        yield f"{role}: low {actuator.low} must be below high {actuator.high}"
    if not (math.isfinite(actuator.force) and actuator.force > 0):
        yield f"{role}: force {actuator.force} N·m must be positive and finite"
    if actuator.kind == "wheel_speed" and not actuator.low <= 0 < actuator.high:
        yield f"{role}: low {actuator.low} to high {actuator.high} m/s must include standing still"
    if actuator.kind == "wheel_speed" and actuator.high < robot.cruise_speed:
        yield f"{role}: high {actuator.high} m/s is below cruise_speed {robot.cruise_speed} m/s"
    for name in actuator.joints:
        joint = urdf.joints.get(name)
        limit = joint.element.find("limit") if joint else None
        if joint is None or limit is None:
            continue
        low, high = (float(limit.get(key, "nan")) for key in ("lower", "upper"))
        if (
            joint.kind != "continuous"
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


def _masses(robot: Car, urdf: Urdf) -> Iterator[str]:
    for link in urdf.links.values():
        moments = np.linalg.eigvalsh(link.inertia)
        if not math.isfinite(link.mass) or link.mass < 0:
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
    wheels = {urdf.joints[name].child for name in robot.wheels if name in urdf.joints}
    rolling = sum(urdf.links[name].mass for name in wheels)
    if rolling >= _total(urdf) - rolling:
        yield f"the wheels weigh {rolling:.3g} kg, the rest {_total(urdf) - rolling:.3g} kg"
    box = outline(urdf, robot.wheels)
    if box is not None:
        height = max(float(box[1][2] - box[0][2]), 1e-6)
        density = _total(urdf) / (robot.length * robot.width * height)
        if not DENSITY[0] <= density <= DENSITY[1]:
            low, high = DENSITY
            yield (
                f"{_total(urdf):.4g} kg in {robot.length} x {robot.width} x {height:.3g} m is "
                f"{density:.3g} kg/m³, expected {low:g} to {high:g}; check masses and lengths"
            )


def _carried(link: str, urdf: Urdf) -> float:
    """Mass of a link and what is fixed to it, kg."""
    fixed = [j.child for j in urdf.joints.values() if j.parent == link and j.kind == "fixed"]
    return urdf.links[link].mass + sum(_carried(child, urdf) for child in fixed)


def _outline(robot: Car, urdf: Urdf) -> Iterator[str]:
    box = outline(urdf, robot.wheels)
    if box is None:
        yield "the URDF has no collision shape of known size; give the body a box"
        return
    size = box[1] - box[0]
    for key, expected, measured in (
        ("length", robot.length, float(size[0])),
        ("width", robot.width, float(size[1])),
    ):
        if not near(measured, expected, SIZE):
            yield f"{key} is {expected} m, but the collision shapes span {measured:.3g} m"


def _wheels(robot: Car, urdf: Urdf) -> Iterator[str]:
    if not robot.wheels:
        yield "wheels names no joints; list all that roll"
    rolled = [
        name
        for actuator in robot.actuators
        for name in (
            *(actuator.joints if actuator.kind != "position" else ()),
            *actuator.brake_joints,
        )
    ]
    for name in dict.fromkeys(rolled):
        if name not in robot.wheels:
            yield f"joint {name!r} is driven or braked but not in wheels; add it"
    for name in robot.wheels:
        if name not in urdf.joints:
            continue
        axis = urdf.axis(name)
        if abs(axis[1]) < 0.95 * float(np.linalg.norm(axis)):
            axes = ", ".join(f"{value:.2g}" for value in axis)
            yield f"joint {name!r} turns about ({axes}), not about the robot's y axis: no wheel"
            continue
        radius = wheel_radius(urdf, name)
        if radius is not None and not near(robot.wheel_radius, radius, DISTANCE):
            yield f"wheel_radius is {robot.wheel_radius} m, but {name!r} has {radius:g} m"
        gap = robot.height + float(urdf.place(name)[2]) - (radius or robot.wheel_radius)
        if abs(gap) > 0.1 * robot.wheel_radius:
            yield (
                f"with height {robot.height} m the wheel {name!r} is {gap:+.3g} m above the "
                f"ground; height should be {robot.height - gap:.4g}"
            )


def _geometry(robot: Car, urdf: Urdf) -> Iterator[str]:
    roles = {actuator.role: actuator for actuator in robot.actuators}
    model = robot.command
    if any(name not in urdf.joints for a in robot.actuators for name in a.joints):
        return
    if isinstance(model, Ackermann):
        steering = roles[model.steering].joints
        steered = float(np.mean([urdf.place(name)[0] for name in steering]))
        turned = {urdf.joints[name].child for name in steering}
        others = [
            name
            for name in robot.wheels
            if name in urdf.joints and urdf.joints[name].parent not in turned
        ]
        if not others:
            yield f"every wheel is steered by {model.steering!r}; the bicycle model needs an axle"
            return
        fixed = float(np.mean([urdf.place(name)[0] for name in others]))
        if not near(abs(steered - fixed), model.wheelbase, DISTANCE):
            yield (
                f"command.wheelbase is {model.wheelbase} m, but the axles are "
                f"{abs(steered - fixed):.4g} m apart"
            )
        if (steered < fixed) != model.rear:
            where = "behind" if steered < fixed else "before"
            right = str(not model.rear).lower()
            yield f"the steered axle is {where} the other; set command.rear = {right}"
    if isinstance(model, Differential):
        for side, role, sign in (("left", model.left, 1.0), ("right", model.right, -1.0)):
            for name in roles[role].joints:
                y = float(urdf.place(name)[1])
                if y * sign <= 0:
                    yield f"{name!r} of the {side} side is at y = {y:.3g} m, on the other side"
