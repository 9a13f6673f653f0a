"""Driving: get to the goal in time, hit nobody, stay on the road."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.driving.car import Car
from envs.driving.observation import (
    Scanner,
    lidar_features,
    nearest_users,
    own_features,
    privileged_features,
    route_lateral,
)
from envs.driving.picture import paint
from envs.driving.road import LANE_WIDTH, Road
from envs.driving.scenario import (
    MAX_DRIVERS,
    MAX_JAYWALKERS,
    MAX_PARKED,
    RIGHT_LANE,
    ROUTE_LENGTH,
    START,
    SUITES,
    draw_scenario,
)
from envs.driving.traffic import CAR, PEDESTRIAN, Traffic, User, in_right_lane
from envs.interface import Feature
from envs.mirror import Rule
from envs.robot import Robot, Targets, known_as
from envs.simulator import BodyState, Shape, Simulator
from envs.task import Outcome
from envs.terrain import Plot, Spot, draw_terrain

KERB = 0.2  # m that a tyre's middle may be beyond the edge
BESIDE = 1.0  # m to keep from a pedestrian
HEADWAY = 1.0  # s to keep from one who is ahead
PATIENCE, FURTHER = 4.0, 1.0  # s within which to get so many m further; who stands is in the way
ROLLED = 0.7  # cosine of the tilt at which a car counts as rolled over


@dataclass(frozen=True)
class Reward:
    """What is rewarded, each per control step unless said.

    Attributes:
        progress: Per metre along the route.
        goal: Once, at the goal.
        failure: Once, on a collision, on leaving the road, rolling over, getting stuck, or where
            the physics diverges.
        left_lane: While in the lane of the oncoming traffic.
        steering: Per (rad/s)² of change of the commanded yaw rate.
        time: Per step.
        pedestrian: Beside or right before a pedestrian, less with the distance, see `crowding`.
    """

    progress: float = 0.1
    goal: float = 5.0
    failure: float = -20.0
    left_lane: float = -0.02
    steering: float = -0.02
    time: float = -0.02
    pedestrian: float = -0.2


def crowding(ego: User, pedestrian: User) -> float:
    """How little room a pedestrian is left: 1 at contact, 0 beyond `BESIDE` and `HEADWAY`.

    What a careful driver keeps: a metre to the side and, ahead, a second's way. Without it a
    learner passes as closely as it just gets away with, and sometimes does not.
    """
    aside = abs(pedestrian.d - ego.d) - ego.half_width - pedestrian.half_width
    ahead = pedestrian.s - ego.s
    room = abs(ahead) - ego.half_length - pedestrian.half_length
    wanted = BESIDE + (HEADWAY * max(ego.along, 0.0) if ahead > 0.0 else 0.0)
    return max(1.0 - max(aside, 0.0) / BESIDE, 0.0) * max(1.0 - max(room, 0.0) / wanted, 0.0)


class Driving:
    """One world's driving episode.

    Args:
        robot: Who drives.
        reward: What is rewarded.
    """

    name = world = "driving"
    body: type[Robot] = Car
    roles: tuple[str, ...] = ("drive", "front_steering", "rear_steering", "left", "right")
    suites = tuple(SUITES)
    training_suite = curve_suite = "mixed"
    control_rate = 10.0
    physics_rate = 60.0
    solver_iterations = 20  # with half as many the husky, which turns by skidding, skids too far
    mirror: Rule | None = None  # one drives on the right
    halted = False  # a car does nothing of itself
    # All places that a road of such bends can lead to, and waves that are longer than a wheel.
    plot = Plot((-17.0, -119.0), (161, 239), 1.0, (4.0, 8.0, 16.0))

    def __init__(self, robot: Robot, reward: Reward | None = None) -> None:
        self.robot = robot = known_as(robot, Car)
        self.reward = reward or Reward()
        self.time_limit = ROUTE_LENGTH / (0.25 * robot.cruise_speed)  # s: no crawling
        self.features: tuple[Feature, ...] = (
            *own_features(robot),
            *lidar_features(robot.lidar),
            *privileged_features(),
        )
        self.shapes: tuple[Shape, ...] = (
            *(CAR,) * (MAX_PARKED + MAX_DRIVERS),
            *(PEDESTRIAN,) * MAX_JAYWALKERS,
        )
        own = own_features(robot)
        # The lidar has a noise of its own; what no sensor measures has none.
        self._noise = np.asarray([feature.scale if feature.sensor else 0.0 for feature in own])
        self._scanner = Scanner(robot.lidar)
        self._dt = 1.0 / self.control_rate

    def on(self, robot: Robot) -> Driving:
        """See `envs.task.Task.on`."""
        return Driving(robot, self.reward)

    def begin(
        self,
        simulator: Simulator,
        suite: str,
        rng: np.random.Generator,
        values: Mapping[str, float],
    ) -> None:
        """See `envs.task.Task.begin`."""
        drawn = draw_scenario(suite, rng)
        self.scenario = drawn.hurried(values["traffic_speed"], values["walking_speed"])
        self.road = Road(self.scenario.bends)
        self.traffic = Traffic(self.scenario, self.road)
        d = RIGHT_LANE + self.scenario.offset
        x, y, heading = self.road.pose(START, d)
        speed = self.scenario.speed * self.robot.cruise_speed
        level = Spot(x, y, self.robot.length)
        self.terrain = draw_terrain(self.plot, values["roughness"], (level,), rng)
        simulator.lay(self.terrain)
        simulator.reset(x, y, heading, speed)
        half = (0.5 * self.robot.length, 0.5 * self.robot.width)
        self.ego = User(START, d, speed, 0.0, *half)
        self.pose = (x, y, heading)
        self.elapsed = self.waited = 0.0
        self.halted = False
        self._furthest = START
        self.command = (speed, 0.0)
        self._yaw_rate_change = 0.0
        self._scanner.forget()
        self._place(simulator)
        self._measure(simulator.state())

    def _place(self, simulator: Simulator) -> None:
        """Stand the scripted users where they are; what this episode lacks stays out of sight."""
        cars = self.traffic.parked + self.traffic.cars
        for slot in range(MAX_PARKED + MAX_DRIVERS):
            if slot < len(cars):
                user = cars[slot]
                simulator.place(slot, *self.road.pose(user.s, user.d))
            else:
                simulator.place(slot, -500.0 - 10.0 * slot, 0.0, 0.0)
        first = MAX_PARKED + MAX_DRIVERS
        for k in range(MAX_JAYWALKERS):
            if k < len(self.traffic.pedestrians):
                user = self.traffic.pedestrians[k]
                simulator.place(first + k, *self.road.pose(user.s, user.d))
            else:
                simulator.place(first + k, -600.0 - 10.0 * k, 0.0, 0.0)

    def rest(self) -> Targets:
        """Go on as it rolls."""
        return self.robot.command.targets((self.forward, 0.0), self.forward)

    def act(self, simulator: Simulator, action: NDArray[np.floating]) -> Targets:
        """See `envs.task.Task.act`."""
        targets = self.robot.targets(action)
        command = self.robot.command.command(targets, self.forward)
        self._yaw_rate_change = command[1] - self.command[1]
        self.command = command
        self.traffic.move(self.ego, self._dt)
        slot = len(self.traffic.parked)
        for user in self.traffic.cars:
            simulator.place(slot, *self.road.pose(user.s, user.d))
            slot += 1
        slot = MAX_PARKED + MAX_DRIVERS
        for user in self.traffic.pedestrians:
            simulator.place(slot, *self.road.pose(user.s, user.d))
            slot += 1
        return targets

    def _measure(self, state: BodyState) -> None:
        x, y, _ = state.position
        qx, qy, qz, qw = state.quaternion
        yaw = math.atan2(2.0 * (qw * qz + qx * qy), 1.0 - 2.0 * (qy * qy + qz * qz))
        self._up = 1.0 - 2.0 * (qx * qx + qy * qy)
        self._roll = math.atan2(2.0 * (qw * qx + qy * qz), self._up)
        s, d, heading = self.road.project(x, y, self.ego.s)
        vx, vy, _ = state.linear_velocity
        cos, sin = math.cos(heading), math.sin(heading)
        self.ego.s, self.ego.d = s, d
        self.ego.along, self.ego.across = vx * cos + vy * sin, vy * cos - vx * sin
        self.pose = (x, y, yaw)
        self.heading_error = math.remainder(yaw - heading, 2.0 * math.pi)
        self.forward = vx * math.cos(yaw) + vy * math.sin(yaw)
        self._lateral = vy * math.cos(yaw) - vx * math.sin(yaw)
        self._yaw_rate = state.angular_velocity[2]

    def off_road(self) -> bool:
        """Whether a wheel's middle is beyond the road's edge."""
        robot, ego = self.robot, self.ego
        reach = 0.32 * robot.length * math.sin(self.heading_error)
        half = 0.45 * robot.width * math.cos(self.heading_error)
        return max(abs(ego.d + reach), abs(ego.d - reach)) + abs(half) > LANE_WIDTH + KERB

    def outcome(self, simulator: Simulator) -> Outcome:
        """Judge the step that was just simulated."""
        before = self.ego.s
        self._measure(simulator.state())
        self.elapsed += self._dt
        rolled = self._up < ROLLED
        touched = simulator.touched()
        collision = touched and not rolled
        off_road = self.off_road()
        goal = self.ego.s >= START + ROUTE_LENGTH
        self.waited += self._dt
        if self.ego.s >= self._furthest + FURTHER:
            self._furthest, self.waited = self.ego.s, 0.0
        stuck = self.waited >= PATIENCE - 1e-9
        failed = rolled or collision or off_road or stuck
        weights = self.reward
        value = weights.progress * (self.ego.s - before) + weights.time
        value += weights.steering * self._yaw_rate_change**2
        if not in_right_lane(self.ego.d):
            value += weights.left_lane
        if self.traffic.pedestrians:
            closest = max(crowding(self.ego, who) for who in self.traffic.pedestrians)
            value += weights.pedestrian * closest
        if failed:
            value += weights.failure
        elif goal:
            value += weights.goal
        late = self.elapsed >= self.time_limit - 1e-9
        info: dict[str, float | bool] = {}
        if failed or goal or late:
            info = self._metrics(
                is_success=goal and not failed,
                collision=collision,
                off_road=off_road and not collision,
                rollover=rolled,
                stuck=stuck and not (rolled or collision or off_road),
            )
        # Running out of time is part of the task, so it ends the episode rather than truncating it.
        return Outcome(float(value), failed or goal or late, info)

    def fail(self) -> Outcome:
        """See `envs.task.Task.fail`."""
        return Outcome(self.reward.failure, True, self._metrics())

    def _metrics(
        self,
        *,
        is_success: bool = False,
        collision: bool = False,
        off_road: bool = False,
        rollover: bool = False,
        stuck: bool = False,
    ) -> dict[str, float | bool]:
        """The metrics at an episode's end."""
        return {
            "is_success": is_success,
            "collision": collision,
            "off_road": off_road,
            "rollover": rollover,
            "stuck": stuck,
            "progress": min(max((self.ego.s - START) / ROUTE_LENGTH, 0.0), 1.0),
        }

    def observe(
        self,
        simulator: Simulator,
        values: dict[str, float],
        rng: np.random.Generator,
        out: NDArray[np.float32],
    ) -> None:
        """Fill ``out`` with all features, in the order of ``features``.

        Args:
            simulator: The world.
            values: Current parameters, see `envs.parameters.PARAMETERS`.
            rng: For sensor noise.
            out: Shape ``(len(features),)``.
        """
        robot, ego, (x, y, yaw) = self.robot, self.ego, self.pose
        position, velocity = simulator.joints()
        own = [self.forward, self._yaw_rate]
        for k, actuator in enumerate(robot.actuators):
            wheel = actuator.kind == "wheel_speed"
            own.append(velocity[k] * robot.wheel_radius if wheel else position[k])
        own += [
            *self.command,
            self.heading_error,
            LANE_WIDTH - ego.d,
            LANE_WIDTH + ego.d,
            START + ROUTE_LENGTH - ego.s,
            *route_lateral(self.road, ego.s, x, y, yaw),
        ]
        mx, my, mz = robot.lidar.mount
        origin = (
            x + mx * math.cos(yaw) - my * math.sin(yaw),
            y + mx * math.sin(yaw) + my * math.cos(yaw),
            robot.height + mz,
        )
        ends = self._scanner.ends(origin, yaw + math.radians(values["lidar_yaw"]))
        scan = self._scanner.read(
            simulator.cast(origin, ends),
            self._dt,
            rng,
            values["lidar_noise"],
            values["lidar_dropout"],
        )
        n, m = len(own), len(scan)
        out[:n] = own
        if values["observation_noise"] > 0.0:
            out[:n] += rng.normal(0.0, values["observation_noise"], n) * self._noise
        out[n : n + m] = scan
        out[n + m :] = [
            1.0 - self.elapsed / self.time_limit,
            1.0 - self.waited / PATIENCE,
            values["friction"],
            values["mass"],
            values["motor_strength"],
            values["servo_speed"],
            values["steering_offset"],
            values["action_delay"],
            self._lateral,
            self._roll,
            *nearest_users(self.traffic.users, ego, self.road, self.pose),
        ]

    def picture(self) -> NDArray[np.uint8]:
        """The robot's surroundings from above, ``(height, width, 3)``."""
        goal = START + ROUTE_LENGTH
        return paint(self.road, self.traffic, self.ego, self.pose, goal, self.terrain)
