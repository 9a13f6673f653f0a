"""The driving world's named features, and how they are filled."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from envs.driving.car import Car, Lidar
from envs.driving.road import LANE_WIDTH, Road
from envs.driving.scenario import RIGHT_LANE, ROUTE_LENGTH
from envs.driving.traffic import User
from envs.interface import Feature

LOOKAHEAD = (3.0, 6.0, 10.0, 15.0, 22.0, 30.0)  # m ahead at which the route is told
USERS = 5  # nearest road users that the privileged features describe
FAR = 60.0  # m, where an absent road user is said to be
NO_RETURN = 40.0  # m that a beam reads which sees nothing, whatever its sensor could have seen
RATE_LIMIT = 25.0  # m/s, where rates saturate: something came into the beam or left it


def own_features(robot: Car) -> list[Feature]:
    """What the robot senses of itself and of its route, and what it was last asked to do."""
    top = 1.4 * robot.cruise_speed
    features = [
        Feature("base/linear_velocity/x", "m/s", -2.0, top, sensor="odometry"),
        Feature("base/angular_velocity/z", "rad/s", -1.5, 1.5, sensor="inertial"),
    ]
    for actuator in robot.actuators:
        if actuator.kind != "wheel_speed":
            name, unit = f"joint/{actuator.role}/position", "rad"
        else:
            name, unit = f"wheel/{actuator.role}/speed", "m/s"
        features.append(Feature(name, unit, actuator.low, actuator.high, sensor="encoder"))
    located = partial(Feature, sensor="localization")
    features += [
        Feature("command/speed", "m/s", -2.0, top),
        Feature("command/yaw_rate", "rad/s", -2.0, 2.0),
        located("route/heading", "rad", -1.5, 1.5),
        located("lane/left_edge", "m", -2.0, 2.0 * LANE_WIDTH),
        located("lane/right_edge", "m", -2.0, 2.0 * LANE_WIDTH),
        located("task/goal/distance", "m", 0.0, ROUTE_LENGTH),
    ]
    for ahead in LOOKAHEAD:
        reach = 5.0 + 0.5 * ahead
        features.append(located(f"route/{ahead:g}/lateral", "m", -reach, reach))
    return features


def lidar_features(lidar: Lidar) -> list[Feature]:
    """Range and range rate of every beam, named by its angle in degrees."""
    angles = lidar.bearings
    ranged = partial(Feature, unit="m", low=0.0, high=NO_RETURN, series="lidar/range")
    rated = partial(Feature, unit="m/s", low=-RATE_LIMIT, high=RATE_LIMIT, series="lidar/rate")
    return [
        beam(name=f"lidar/{a:.1f}/{what}", coordinate=a, sensor="lidar")
        for what, beam in (("range", ranged), ("rate", rated))
        for a in angles
    ]


def privileged_features() -> list[Feature]:
    """What only the simulator knows: exact positions and speeds, friction, masses, time."""
    group = "privileged"
    features = [
        Feature("privileged/time_left", "1", 0.0, 1.0, group),
        Feature("privileged/patience_left", "1", 0.0, 1.0, group),
        Feature("privileged/friction", "1", 0.4, 1.2, group),
        Feature("privileged/mass", "1", 0.7, 1.5, group),
        Feature("privileged/motor_strength", "1", 0.5, 1.2, group),
        Feature("privileged/servo_speed", "1", 0.3, 1.2, group),
        Feature("privileged/steering_offset", "rad", -0.05, 0.05, group),
        Feature("privileged/action_delay", "step", 0.0, 1.0, group),
        Feature("privileged/lateral_velocity", "m/s", -3.0, 3.0, group),
        Feature("privileged/roll", "rad", -0.5, 0.5, group),
    ]
    for k in range(USERS):
        features += [
            Feature(f"privileged/user/{k}/x", "m", -20.0, FAR, group),
            Feature(f"privileged/user/{k}/y", "m", -10.0, 10.0, group),
            Feature(f"privileged/user/{k}/vx", "m/s", -16.0, 6.0, group),
            Feature(f"privileged/user/{k}/vy", "m/s", -4.0, 4.0, group),
        ]
    return features


def route_lateral(road: Road, s: float, x: float, y: float, yaw: float) -> list[float]:
    """Metres to the left, in the robot's frame, of its lane's middle at each `LOOKAHEAD`."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    lateral = []
    for ahead in LOOKAHEAD:
        px, py, _ = road.pose(s + ahead, RIGHT_LANE)
        lateral.append((py - y) * cos - (px - x) * sin)
    return lateral


def nearest_users(
    users: list[User], robot: User, road: Road, pose: tuple[float, float, float]
) -> list[float]:
    """Position and velocity (m, m/s, robot's frame) of the nearest users ahead, flattened."""
    x, y, yaw = pose
    cos, sin = math.cos(yaw), math.sin(yaw)
    ahead = [user for user in users if -12.0 < user.s - robot.s < FAR]
    ahead.sort(key=lambda user: abs(user.s - robot.s))
    values: list[float] = []
    for user in ahead[:USERS]:
        ux, uy, heading = road.pose(user.s, user.d)
        vx, vy = user.world_velocity(heading)
        dx, dy = ux - x, uy - y
        values += [
            dx * cos + dy * sin,
            dy * cos - dx * sin,
            vx * cos + vy * sin,
            vy * cos - vx * sin,
        ]
    while len(values) < 4 * USERS:
        values += [FAR, 0.0, 0.0, 0.0]
    return values


class Scanner:
    """Range and range rate from ray casts.

    Args:
        lidar: The robot's scanner.
    """

    def __init__(self, lidar: Lidar) -> None:
        self._lidar = lidar
        self._rays = np.radians(lidar.rays)
        self._ends = np.zeros((self._rays.size, 3))
        self._previous: NDArray[np.float64] | None = None

    def forget(self) -> None:
        """Begin a new episode: the first rates are zero."""
        self._previous = None

    def ends(self, origin: tuple[float, float, float], yaw: float) -> NDArray[np.float64]:
        """End points of all rays, ``(beams * rays_per_beam, 3)`` m."""
        angles = self._rays.ravel() + yaw
        np.multiply(np.cos(angles), self._lidar.range, out=self._ends[:, 0])
        np.multiply(np.sin(angles), self._lidar.range, out=self._ends[:, 1])
        self._ends[:, :2] += origin[:2]
        self._ends[:, 2] = origin[2]
        return self._ends

    def read(
        self,
        fractions: NDArray[np.float64],
        dt: float,
        rng: np.random.Generator,
        noise: float,
        dropout: float,
    ) -> NDArray[np.float64]:
        """Ranges (m) then rates (m/s) of the beams, ``(2 * beams,)``.

        Args:
            fractions: How far each ray got, of the range.
            dt: Seconds since the last reading.
            rng: For noise and dropout.
            noise: Standard deviation of a range, m.
            dropout: Probability that a beam returns nothing.
        """
        reached = fractions.reshape(self._rays.shape).min(axis=1)
        ranges = reached * self._lidar.range
        if noise > 0.0:
            ranges += rng.normal(0.0, noise, ranges.shape)
        blind = reached >= 1.0
        if dropout > 0.0:
            blind |= rng.random(ranges.shape) < dropout
        ranges[blind] = NO_RETURN
        previous = ranges if self._previous is None else self._previous
        rates = (ranges - previous) / dt
        np.minimum(np.maximum(rates, -RATE_LIMIT, out=rates), RATE_LIMIT, out=rates)
        self._previous = ranges
        return np.concatenate([ranges, rates])
