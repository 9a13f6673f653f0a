"""What a car's files alone tell: its outline, wheels and axles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from envs.driving.car import Ackermann, Car, Differential
from envs.inspection.description import describe, total
from envs.inspection.finding import Finding, judge, near
from envs.inspection.ranges import ranges, stops
from envs.outline import outline, rigid_parts, wheel_radius
from envs.supports import assemble
from envs.urdf import Matrix, Urdf

DENSITY = (20.0, 3000.0)  # kg/m³ of the outline: an empty shell, a block of aluminium
SIZE = 0.4  # outline against length and width: bumpers, mirrors and meshes are not in the shapes
DISTANCE = 0.05  # wheelbase against the URDF


def describe_car(robot: Car, urdf: Urdf, roles: Sequence[str]) -> list[Finding]:
    """Inspect a car without simulating it; see `envs.inspection.description.describe`."""
    return [
        *describe(
            robot,
            urdf,
            roles,
            limits=chain(_speeds(robot), ranges(robot, urdf)),
            masses=_shares(robot, urdf),
        ),
        judge("outline", _outline(robot), f"{robot.length} m x {robot.width} m, as the URDF"),
        judge("wheels", _wheels(robot, urdf), f"radius {robot.wheel_radius} m, as in the URDF"),
        judge("geometry", _geometry(robot, urdf), "axles are where the command model has them"),
    ]


def _speeds(robot: Car) -> Iterator[str]:
    for actuator in robot.actuators:
        role = actuator.role
        if actuator.kind == "wheel_speed" and not actuator.low <= 0 < actuator.high:
            reach = f"{actuator.low} to high {actuator.high} m/s"
            yield f"{role}: low {reach} must include standing still"
        if actuator.kind == "wheel_speed" and actuator.high < robot.cruise_speed:
            yield f"{role}: high {actuator.high} m/s is below cruise_speed {robot.cruise_speed} m/s"


def _shares(robot: Car, urdf: Urdf) -> Iterator[str]:
    rolling = sum(
        part.mass
        for name in robot.soles
        if name in urdf.joints
        for part in rigid_parts(urdf, urdf.joints[name].child)
    )
    if rolling >= total(urdf) - rolling:
        yield f"the wheels weigh {rolling:.3g} kg, the rest {total(urdf) - rolling:.3g} kg"
    box = _box(robot)
    if box is not None:
        height = max(float(box[1][2] - box[0][2]), 1e-6)
        density = total(urdf) / (robot.length * robot.width * height)
        if not DENSITY[0] <= density <= DENSITY[1]:
            low, high = DENSITY
            yield (
                f"{total(urdf):.4g} kg in {robot.length} x {robot.width} x {height:.3g} m is "
                f"{density:.3g} kg/m³, expected {low:g} to {high:g}; check masses and lengths"
            )


def _box(robot: Car) -> tuple[Matrix, Matrix] | None:
    """The robot's outline, meshes included if engines can be given them."""
    try:
        return outline(assemble(robot).urdf, robot.wheels)
    except ValueError:  # which another finding names
        return outline(robot.model, robot.wheels)


def _outline(robot: Car) -> Iterator[str]:
    box = _box(robot)
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
            *(actuator.joints if actuator.kind == "wheel_speed" else ()),
            *actuator.brake_joints,
        )
    ]
    for name in dict.fromkeys(rolled):
        if name not in robot.wheels:
            yield f"joint {name!r} is driven or braked but not in wheels; add it"
    yield from _radius(robot, urdf)
    for name in robot.wheels:
        if name not in urdf.joints:
            continue
        # A ball slides or turns any way.
        ball = name not in rolled and _is_ball(urdf, name)
        fixed = urdf.joints[name].kind == "fixed"
        if not (fixed or ball or robot.rolls(name)):
            axes = ", ".join(f"{value:.2g}" for value in urdf.axis(name))
            yield (
                f"joint {name!r} turns about ({axes}), not about the robot's y axis: no wheel; "
                "leave it out of wheels if it is a caster's"
            )
            continue
        yield from stops(urdf.joints[name])
        radius = wheel_radius(urdf, name)
        if fixed and radius is None:
            continue
        gap = robot.height + float(urdf.place(name)[2]) - (radius or robot.wheel_radius)
        if abs(gap) > 0.1 * robot.wheel_radius:
            yield (
                f"with height {robot.height} m the wheel {name!r} is {gap:+.3g} m above the "
                f"ground; height should be {robot.height - gap:.4g}"
            )


def _is_ball(urdf: Urdf, joint: str) -> bool:
    parts = rigid_parts(urdf, urdf.joints[joint].child)
    shapes = [element for part in parts for element in part.collisions]
    return bool(shapes) and all(element.find("geometry/sphere") is not None for element in shapes)


def _radius(robot: Car, urdf: Urdf) -> Iterator[str]:
    """Casters and the other axle's wheels may be smaller or larger, but not all driven ones."""
    radii = {
        name: radius
        for actuator in robot.actuators
        if actuator.kind == "wheel_speed"
        for name in actuator.joints
        if name in urdf.joints and (radius := wheel_radius(urdf, name)) is not None
    }
    if radii and all(robot.gearing(name) != 1.0 for name in radii):
        name, radius = next(iter(radii.items()))
        yield f"wheel_radius is {robot.wheel_radius} m, but {name!r} has {radius:g} m"


def _geometry(robot: Car, urdf: Urdf) -> Iterator[str]:
    roles = {actuator.role: actuator for actuator in robot.actuators}
    model = robot.command
    if any(name not in urdf.joints for a in robot.actuators for name in a.joints):
        return
    if isinstance(model, Ackermann):
        steering = roles[model.steering].joints
        steered = float(np.mean([urdf.place(name)[0] for name in steering]))
        turned = {
            part.name for name in steering for part in rigid_parts(urdf, urdf.joints[name].child)
        }
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
