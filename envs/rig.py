"""A robot on its own: commanded and read as in an environment, but with no task to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from envs.arrivals import Commands, Readings
from envs.catalogue import find_task, first_task, make_simulator
from envs.driving.car import Car
from envs.driving.observation import own_features
from envs.interface import Feature
from envs.parameters import PARAMETERS
from envs.quaternion import rotate
from envs.robot import Robot, Targets

SENSED = ("observation_noise", "observation_delay", "observation_loss")
# What a rig does to a robot, and an environment too.
FELT = (
    *(name for name, parameter in PARAMETERS.items() if parameter.physical),
    "motor_strength",
    "steering_offset",
    "encoder_offset",
    "action_delay",
    *SENSED,
)
AXES = ("x", "y", "z")
FASTEST = 3.0  # rad/s, of a base's turning that is told in full


def channels(robot: Robot) -> tuple[Feature, ...]:
    """What a robot reads of itself: its inertial unit, its encoders, and a car its speed."""
    if isinstance(robot, Car):
        own = ("base", "joint", "wheel")
        return tuple(f for f in own_features(robot) if f.name.split("/")[0] in own)
    inertial, encoder = partial(Feature, sensor="inertial"), partial(Feature, sensor="encoder")
    features = [inertial(f"base/gravity/{axis}", "1", -1.0, 1.0) for axis in AXES]
    features += [
        inertial(f"base/angular_velocity/{axis}", "rad/s", -FASTEST, FASTEST) for axis in AXES
    ]
    for a in robot.actuators:
        features.append(encoder(f"joint/{a.role}/position", "rad", a.low, a.high))
        features.append(encoder(f"joint/{a.role}/velocity", "rad/s", -a.rate, a.rate))
    return tuple(features)


class Rig:
    """One robot on an empty plane.

    Args:
        robot: Who.
        simulator: The engine's name.

    Attributes:
        robot: Who.
        channels: What is read.
        control_rate: Commands a second, Hz; that of the world it is made for.
    """

    def __init__(self, robot: Robot, simulator: str = "pybullet") -> None:
        task = find_task(first_task(robot))
        self.robot, self.channels = robot, channels(robot)
        self.control_rate = task.control_rate
        self._simulator = make_simulator(simulator)
        self._simulator.load(robot, (), task.physics_rate, iterations=task.solver_iterations)
        self._commands = Commands(round(task.physics_rate / task.control_rate))
        self._varied: dict[str, None] = {}  # parameters that were given so far, in their order
        self._scale = np.asarray([feature.scale for feature in self.channels])

    def begin(self, values: Mapping[str, float], speed: float, rng: np.random.Generator) -> None:
        """Stand the robot straight, rolling at a speed.

        Args:
            values: Parameter values by name; those left out are as without randomization.
            speed: Forward, m/s.
            rng: For the error of each joint's zero.
        """
        simulator = self._simulator
        # Only what differs from the robot's file, now or before, costs time.
        self._varied |= dict.fromkeys(values)
        initial = {name: PARAMETERS[name].initial for name in (*FELT, *self._varied)}
        self._values = initial | dict(values)
        for name in self._varied:
            if PARAMETERS[name].physical:
                simulator.vary(name, self._values[name])
        if "encoder_offset" in self._varied:
            most, count = self._values["encoder_offset"], len(self.robot.actuators)
            turned = [actuator.kind != "wheel_speed" for actuator in self.robot.actuators]
            simulator.misread(rng.uniform(-most, most, count) * turned)
        simulator.reset(0.0, 0.0, 0.0, speed)
        self._commands.begin(self._rest(speed))

    def _rest(self, speed: float) -> Targets:
        """Targets that keep it as it begins, as far as its limits allow."""
        posture = self.robot.start(0.0)
        rest = {}
        for a in self.robot.actuators:
            at = [posture.get(joint, (0.0, 0.0))[0] for joint in a.joints]
            held = speed if a.kind == "wheel_speed" else float(np.mean(at))
            rest[a.role] = min(max(held, a.low), a.high)
        return rest

    def send(self, targets: Targets) -> None:
        """Let targets (rad, m/s, by role) act for one control step, late as they may come."""
        values, simulator = self._values, self._simulator
        forward = self._forward()
        for arrived, substeps in self._commands.send(targets, values["action_delay"]):
            told = dict(arrived)
            for actuator in self.robot.actuators:
                if actuator.kind == "position":
                    told[actuator.role] += values["steering_offset"]
            simulator.drive(told, values["motor_strength"], forward)
            simulator.advance(substeps)

    def _forward(self) -> float:
        state = self._simulator.state()
        x, y, z, w = state.quaternion
        return float(rotate((-x, -y, -z, w), *state.linear_velocity)[0])

    def read(self) -> NDArray[np.float64]:
        """How things are, ``(channels,)``, before anything is misread but zeros."""
        state = self._simulator.state()
        x, y, z, w = state.quaternion
        back = (-x, -y, -z, w)
        turning = rotate(back, *state.angular_velocity)
        position, velocity = self._simulator.joints()
        if isinstance(self.robot, Car):
            radius = self.robot.wheel_radius
            own = [
                velocity[k] * radius if a.kind == "wheel_speed" else position[k]
                for k, a in enumerate(self.robot.actuators)
            ]
            return np.asarray([self._forward(), turning[2], *own])
        joints = np.stack([position, velocity], axis=1).ravel()
        down = rotate(back, *self._simulator.down())
        read: NDArray[np.float64] = np.concatenate([down, turning, joints])
        return read

    def play(
        self,
        commands: Sequence[Targets],
        values: Mapping[str, float],
        rng: np.random.Generator,
        speed: float = 0.0,
    ) -> NDArray[np.float64]:
        """An episode: what is read before each command, ``(commands, channels)``.

        Args:
            commands: Targets, one set a control step.
            values: Of parameters.
            rng: For the error of each joint's zero.
            speed: That it begins at, m/s.
        """
        self.begin(values, speed, rng)
        rows = []
        for targets in commands:
            rows.append(self.read())
            self.send(targets)
        return np.asarray(rows)

    def close(self) -> None:
        """Free the world."""
        self._simulator.close()


def sense(
    readings: NDArray[np.float64],
    features: Sequence[Feature],
    values: Mapping[str, float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """What sensors make of how things are: noise, delay and loss, as an environment has them.

    Args:
        readings: Of one episode, ``(steps, channels)``.
        features: The channels.
        values: Of parameters.
        rng: For noise and loss.
    """
    noise, delay, loss = (values.get(name, 0.0) for name in SENSED)
    scale = np.asarray([feature.scale for feature in features])
    low = np.asarray([feature.low for feature in features])
    high = np.asarray([feature.high for feature in features])
    seen = readings + rng.normal(0.0, 1.0, readings.shape) * (noise * scale)
    seen = np.clip(seen, low, high)
    if delay <= 0.0 and loss <= 0.0:
        return seen
    arrivals = Readings(np.ones(len(features), dtype=np.bool_))
    return np.asarray([arrivals.arrive(row, delay, loss, rng) for row in seen])
