"""A humanoid's legs and arms: what they can do, and that it stands on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from envs.bullet import Bullet
from envs.inspection.description import describe, total
from envs.inspection.finding import Finding, judge, near
from envs.inspection.ranges import ranges
from envs.outline import lowest
from envs.parcel.delivery import parcel_shapes
from envs.parcel.gait import Gait
from envs.parcel.humanoid import Humanoid
from envs.parcel.leg import posture
from envs.quaternion import tilt
from envs.urdf import Urdf

GROUND = 0.02  # of the leg's length that a sole may miss the ground by in the nominal posture
STANDS = 0.5  # s; for longer, it needs somebody who balances it
MOVES = 0.25  # s for a joint to go a quarter of the way to its target
LEANING = math.radians(15.0)
WATCHED = 20  # physics steps, longer than a motor that shakes takes to and fro
STEADY = 0.5  # rad/s of a joint that has had `STANDS` to come to rest
LOAD = 0.05  # of the robot's mass


def describe_humanoid(robot: Humanoid, urdf: Urdf, roles: Sequence[str]) -> list[Finding]:
    """Inspect a humanoid without simulating it; see `envs.inspection.description.describe`."""
    return [
        *describe(robot, urdf, roles, limits=ranges(robot, urdf)),
        judge("soles", _soles(robot, urdf), f"on the ground with the base at {robot.height} m"),
        _steps(robot),
    ]


def _soles(robot: Humanoid, urdf: Urdf) -> Iterator[str]:
    missing = [foot for foot in robot.feet if foot not in urdf.joints]
    if missing:
        return
    poses = urdf.posed(posture(robot, urdf))
    for foot in robot.feet:
        gap = robot.height + float(lowest(urdf, urdf.joints[foot].child, poses)[2])
        if abs(gap) > GROUND * robot.height:
            yield (
                f"the sole of {foot!r} is {gap:+.3g} m above the ground; height should be "
                f"{robot.height - gap:.4g}"
            )


def _steps(robot: Humanoid) -> Finding:
    try:
        gait = Gait(robot)
    except (ValueError, KeyError) as error:
        return Finding("steps", False, f"{error}; bend its nominal posture, or widen its limits")
    detail = f"{gait.speed:.2f} m/s with {gait.period:.2f} s a cycle, within the joints' limits"
    return Finding("steps", True, detail)


def stand(robot: Humanoid, physics_rate: float) -> list[Finding]:
    """Inspect how a humanoid stands, moves its joints and holds a parcel.

    Args:
        robot: The robot.
        physics_rate: Of the task's simulator, Hz.
    """
    simulator = Bullet()
    try:
        simulator.load(robot, parcel_shapes(robot.cradle)[:1], physics_rate)
        trial = _Trial(robot, simulator, physics_rate)
        return [
            judge("rest", trial.rest(), f"upright for {STANDS} s with a parcel on its arms"),
            judge("motors", trial.motors(), f"steady at {physics_rate:g} physics steps a second"),
            judge("actuators", trial.actuators(), "each joint moves to its target's side"),
        ]
    finally:
        simulator.close()


class _Trial:
    def __init__(self, robot: Humanoid, simulator: Bullet, physics_rate: float) -> None:
        self._robot, self._simulator, self._rate = robot, simulator, physics_rate
        self._neutral = {actuator.role: actuator.neutral for actuator in robot.actuators}

    def _begin(self) -> None:
        robot, simulator = self._robot, self._simulator
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        half = parcel_shapes(robot.cradle)[0].half_extents[2]
        up = robot.height + robot.cradle.up + half
        simulator.place(0, robot.cradle.forward, 0.0, 0.0, up)
        simulator.load_shape(0, LOAD * total(robot.model), 0.8)

    def _run(self, targets: dict[str, float], seconds: float) -> None:
        self._simulator.drive(targets, 1.0, 0.0)
        self._simulator.advance(round(seconds * self._rate))

    def rest(self) -> Iterator[str]:
        self._begin()
        self._run(self._neutral, STANDS)
        state = self._simulator.state()
        if not near(state.position[2], self._robot.height, 0.1) or self._simulator.touched():
            yield (
                f"the base is at {state.position[2]:.3g} m after {STANDS} s, not at "
                f"{self._robot.height} m; check stiffness, force and where the soles are"
            )
        elif not tilt(state.quaternion) < LEANING:
            yield (
                f"it leans by {math.degrees(tilt(state.quaternion)):.0f} degrees after {STANDS} s; "
                "check stiffness, and that the centre of mass is over the soles"
            )
        if not self._simulator.holds(0):
            yield "the parcel does not lie on its arms; check cradle.forward and cradle.up"

    def motors(self) -> Iterator[str]:
        """Hanging in the air, a foot has nothing but its own inertia to steady it."""
        self._simulator.reset(0.0, 0.0, 0.0, 0.0)
        self._simulator.place(0, 5.0, 0.0, 0.0)
        self._simulator.lift()
        self._run(self._neutral, STANDS)
        speeds = np.zeros(len(self._robot.actuators))
        for _ in range(WATCHED):
            self._simulator.advance(1)
            speeds = np.maximum(speeds, np.abs(self._simulator.joints()[1]))
        for k, actuator in enumerate(self._robot.actuators):
            if not speeds[k] < STEADY:
                yield (
                    f"{actuator.role} shakes, {speeds[k]:.2g} rad/s: its damping or stiffness is "
                    "too much for so little inertia; lessen them, or state its armature"
                )

    def actuators(self) -> Iterator[str]:
        for k, actuator in enumerate(self._robot.actuators):
            way = 0.5 * (actuator.high - actuator.low)
            for target in (actuator.neutral - way, actuator.neutral + way):
                self._begin()
                self._run(self._neutral, 0.1)
                before = float(self._simulator.joints()[0][k])
                self._run({**self._neutral, actuator.role: target}, MOVES)
                moved = float(self._simulator.joints()[0][k]) - before
                if not moved * np.sign(target - before) > 0.25 * abs(target - before):
                    yield (
                        f"{actuator.role}: moved by {moved:.2g} rad, told {target - before:.2g}; "
                        "check stiffness, force, the joint's limits and what else holds it"
                    )
