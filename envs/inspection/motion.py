"""What the robot does when it is driven: rest, actuators, speed, brakes, steering."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.bullet import Bullet
from envs.driving.car import Car
from envs.inspection.finding import Finding, judge, near
from envs.quaternion import tilt, yaw
from envs.robot import Targets

CONTROL_RATE = 10.0  # Hz
SPEED = 0.1  # fraction that the speed may miss the command by
YAW_RATE = 0.35  # fraction that the yaw rate may miss the command by: tyres slip
STILL = 0.05  # m/s that something at rest may creep
LEVEL = math.radians(3.0)
SLOWING = 1.0  # m/s²: a robot that brakes less than this cannot be said to have brakes
TURN = 0.5  # rad/s
LONGEST = 3000  # control steps of a trial, whatever speed a file claims


@dataclass(frozen=True)
class Motion:
    """What was measured at each control step; arrays have shape ``(steps,)``.

    Attributes:
        speed: Forward speed, m/s.
        yaw_rate: rad/s, left positive.
        height: Of the base frame, m.
        tilt: rad.
        distance: From the start, m.
        joints: Position (rad) of servos and tread speed (m/s) of wheels, ``(steps, actuators)``.
    """

    speed: NDArray[np.float64]
    yaw_rate: NDArray[np.float64]
    height: NDArray[np.float64]
    tilt: NDArray[np.float64]
    distance: NDArray[np.float64]
    joints: NDArray[np.float64]


class Track:
    """An empty plane on which a robot is tried out.

    Args:
        robot: The robot.
        physics_rate: Hz.

    Attributes:
        touched: Whether the body touched the ground during the last run.

    Raises:
        ValueError: If the engine cannot load the robot.
    """

    def __init__(self, robot: Car, physics_rate: float) -> None:
        self._robot = robot
        self._substeps = round(physics_rate / CONTROL_RATE)
        self.touched = False
        self._simulator = Bullet()
        self._simulator.load(robot, (), physics_rate)

    def run(self, targets: Targets, seconds: float, speed: float = 0.0) -> Motion:
        """Hold ``targets`` for some time, from a rolling start at ``speed`` m/s."""
        simulator, robot = self._simulator, self._robot
        self.touched = False
        simulator.reset(0.0, 0.0, 0.0, speed)
        rows: list[tuple[float, ...]] = []
        forward = speed
        for _ in range(min(max(round(seconds * CONTROL_RATE), 1), LONGEST)):
            simulator.drive(targets, 1.0, forward)
            simulator.advance(self._substeps)
            self.touched = simulator.touched() or self.touched
            state = simulator.state()
            heading = yaw(state.quaternion)
            (vx, vy, _), (x, y, z) = state.linear_velocity, state.position
            forward = vx * math.cos(heading) + vy * math.sin(heading)
            position, velocity = simulator.joints()
            joints = [
                velocity[k] * robot.wheel_radius if a.kind == "wheel_speed" else position[k]
                for k, a in enumerate(robot.actuators)
            ]
            turned = state.angular_velocity[2], z, tilt(state.quaternion)
            rows.append((forward, *turned, math.hypot(x, y), *joints))
        table = np.asarray(rows)
        forwards, yaw_rate, height, leaning, distance = table[:, :5].T
        return Motion(forwards, yaw_rate, height, leaning, distance, table[:, 5:])

    def close(self) -> None:
        """Free the plane."""
        self._simulator.close()


def drive(robot: Car, physics_rate: float) -> list[Finding]:
    """Inspect how a robot moves.

    Args:
        robot: The robot.
        physics_rate: Of the task's simulator, Hz.
    """
    track = Track(robot, physics_rate)
    try:
        return [
            judge("rest", _rest(robot, track), f"stands level, base at {robot.height} m"),
            judge("actuators", _actuators(robot, track), "each joint follows its target"),
            _speed(robot, track),
            _brakes(robot, track),
            *_steering(robot, track),
        ]
    finally:
        track.close()


def _standing(robot: Car) -> dict[str, float]:
    return {actuator.role: 0.0 for actuator in robot.actuators}


def _rest(robot: Car, track: Track) -> Iterator[str]:
    motion = track.run(_standing(robot), 2.0)
    height, speed = float(motion.height[-1]), float(np.abs(motion.speed[-5:]).max())
    if not abs(height - robot.height) <= 0.1 * robot.wheel_radius:
        yield (
            f"the base settles at {height:.4g} m, but height is {robot.height} m; set "
            f"height = {max(height, 0.0):.3g}, or mend the shapes it stands on"
        )
    if not motion.tilt[-1] <= LEVEL:
        yield (
            f"it leans by {math.degrees(motion.tilt[-1]):.1f} degrees; check that all wheels touch "
            "the ground and where the centre of mass is"
        )
    if track.touched:
        yield (
            "its body touches the ground while it stands, which ends every episode as a collision; "
            "check height, and the collision shapes nearest to the ground"
        )
    if not speed <= STILL:
        yield f"it creeps at {speed:.2g} m/s with all targets at zero; check masses and contacts"


def _actuators(robot: Car, track: Track) -> Iterator[str]:
    for k, actuator in enumerate(robot.actuators):
        servo = actuator.kind != "wheel_speed"
        unit = "rad" if servo else "m/s"
        for target in (actuator.low, actuator.high):
            goal = 0.5 * target
            motion = track.run({**_standing(robot), actuator.role: goal}, 4.0)
            reached = float(motion.joints[-1, k])
            # Half is enough: one side alone drags the wheels of the other along.
            if not (near(reached, goal, 0.5) or abs(reached - goal) < 0.02):
                yield (
                    f"{actuator.role}: {unit} {reached:.3g} when told {goal:.3g}; check force, "
                    "rate, the joints' limits and what else holds them"
                )


def _speed(robot: Car, track: Track) -> Finding:
    expected = robot.cruise_speed
    motion = track.run(robot.command.targets((expected, 0.0), expected), 10.0)
    measured = float(motion.speed[-10:].mean())
    reached = np.flatnonzero(motion.speed >= 0.9 * expected)
    problems = []
    if not near(measured, expected, SPEED):
        problems.append(
            f"told {expected} m/s it goes {measured:.3g} m/s after 10 s; check wheel_radius, "
            "force and the wheels' axes"
        )
    if not abs(float(motion.yaw_rate[-10:].mean())) < 0.1:
        problems.append(
            f"told to go straight it turns at {motion.yaw_rate[-10:].mean():.2g} rad/s; check that "
            "both sides are alike"
        )
    first = reached[0] / CONTROL_RATE if reached.size else math.inf
    return judge("speed", problems, f"{measured:.3g} m/s, 90 % of it after {first:.1f} s")


def _brakes(robot: Car, track: Track) -> Finding:
    speed = robot.cruise_speed
    motion = track.run(_standing(robot), speed / SLOWING, speed)
    measured = float(motion.distance[-1])
    longest = 0.5 * speed**2 / SLOWING
    stopped = abs(float(motion.speed[-1])) <= STILL and measured < longest
    return judge(
        "brakes",
        []
        if stopped
        else [
            f"from {speed} m/s it still does {motion.speed[-1]:.2g} m/s after {measured:.3g} m; "
            f"expected to stand within {longest:.3g} m: raise brake (or force), check brake_joints"
        ],
        f"from {speed} m/s to rest in {measured:.3g} m",
    )


def _steering(robot: Car, track: Track) -> list[Finding]:
    speed = 0.5 * robot.cruise_speed
    wrong_side, wrong_rate, rates = [], [], []
    for side, command in (("left", TURN), ("right", -TURN)):
        targets = dict(robot.command.targets((speed, command), speed))
        for actuator in robot.actuators:
            wanted = float(targets[actuator.role])
            targets[actuator.role] = min(max(wanted, actuator.low), actuator.high)
        motion = track.run(targets, 5.0, speed)
        measured = float(motion.yaw_rate[-20:].mean())
        expected = float(robot.command.command(targets, float(motion.speed[-20:].mean()))[1])
        rates.append(f"{side} {measured:.2f} of {expected:.2f} rad/s")
        if not measured * command > 0:
            wrong_side.append(
                f"told to turn {side} ({command:+.2g} rad/s) it turns at {measured:+.2g} rad/s; "
                "check the steering joints, command.rear, or which side is left"
            )
        elif not near(measured, expected, YAW_RATE):
            wrong_rate.append(
                f"told {expected:+.2g} rad/s it turns at {measured:+.2g} rad/s; check "
                "command.wheelbase or command.track"
            )
    return [
        judge("turning side", wrong_side, "left is left and right is right"),
        judge("yaw rate", wrong_rate, "; ".join(rates)),
    ]
