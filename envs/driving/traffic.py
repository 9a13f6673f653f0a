"""How scripted road users move: along the road, and not blindly into what is ahead."""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.driving.road import Road
from envs.driving.scenario import RIGHT_LANE, Jaywalker, Scenario
from envs.simulator import Shape

CAR = Shape("box", (2.1, 0.9, 0.75))
PEDESTRIAN = Shape("cylinder", (0.3, 0.3, 0.85))
BRAKING = 6.0  # m/s², of scripted cars
ACCELERATION = 1.5  # m/s²
GAP = 3.0  # m that scripted cars keep, bumper to bumper
HIDING_PLACE = -4.6  # m, d of a pedestrian who waits behind a parked car
FAR_SIDE = 5.5  # m, d where a pedestrian has left the road


@dataclass
class User:
    """A road user in road coordinates.

    Attributes:
        s: m along.
        d: m to the left.
        along: Speed along the road, m/s.
        across: Speed to the left, m/s.
        half_length: m.
        half_width: m.
        pedestrian: Whether it walks.
    """

    s: float
    d: float
    along: float
    across: float
    half_length: float
    half_width: float
    pedestrian: bool = False

    def world_velocity(self, heading: float) -> tuple[float, float]:
        """Velocity in world axes, m/s, where the road's heading is ``heading``."""
        cos, sin = math.cos(heading), math.sin(heading)
        return self.along * cos - self.across * sin, self.along * sin + self.across * cos


class Traffic:
    """All road users of one episode but the robot."""

    def __init__(self, scenario: Scenario, road: Road) -> None:
        self.road = road
        half_length, half_width, _ = CAR.half_extents
        self.parked = [User(s, d, 0.0, 0.0, half_length, half_width) for s, d in scenario.parked]
        self.cars = [
            User(driver.s, driver.d, driver.speed, 0.0, half_length, half_width)
            for driver in scenario.drivers
        ]
        self._desired = [driver.speed for driver in scenario.drivers]
        radius = PEDESTRIAN.half_extents[0]
        self.pedestrians = [
            User(walker.s, HIDING_PLACE, 0.0, 0.0, radius, radius, pedestrian=True)
            for walker in scenario.jaywalkers
        ]
        self._walkers = scenario.jaywalkers
        self._walking = [False] * len(self._walkers)

    @property
    def wrong_way(self) -> list[User]:
        """Cars that come against the traffic."""
        pairs = zip(self.cars, self._desired, strict=True)
        return [car for car, desired in pairs if desired < 0.0]

    @property
    def users(self) -> list[User]:
        """Parked cars, moving cars and pedestrians."""
        return self.parked + self.cars + self.pedestrians

    def move(self, robot: User, dt: float) -> None:
        """Move everyone by ``dt`` seconds, given where the robot is."""
        for car, desired in zip(self.cars, self._desired, strict=True):
            self._drive(car, desired, robot, dt)
        for i, (pedestrian, walker) in enumerate(zip(self.pedestrians, self._walkers, strict=True)):
            self._walk(i, pedestrian, walker, robot, dt)

    def _drive(self, car: User, desired: float, robot: User, dt: float) -> None:
        """Keep a speed from which the car can stop behind whatever is in its path."""
        direction = math.copysign(1.0, desired)
        room = math.inf
        for other in (robot, *self.cars, *self.pedestrians):
            ahead = (other.s - car.s) * direction
            beside = abs(other.d - car.d) > other.half_width + car.half_width + 0.2
            if other is not car and ahead > 0.0 and not beside:
                room = min(room, ahead - other.half_length - car.half_length - GAP)
        safe = math.sqrt(2.0 * BRAKING * max(room, 0.0)) if room < math.inf else math.inf
        speed = abs(car.along)
        speed = min(speed + ACCELERATION * dt, abs(desired), max(safe, speed - 1.3 * BRAKING * dt))
        car.along = direction * max(speed, 0.0)
        car.s += car.along * dt

    def _walk(self, i: int, who: User, walker: Jaywalker, robot: User, dt: float) -> None:
        """Step out in front of the robot; stand still rather than walk into a car's side."""
        gap = who.s - who.half_length - robot.s - robot.half_length
        if 0.0 < gap < walker.trigger * max(robot.along, 1.0):
            self._walking[i] = True
        waits = any(_in_the_way(car, who) for car in (robot, *self.cars))
        who.across = walker.speed if self._walking[i] and not waits and who.d < FAR_SIDE else 0.0
        who.d += who.across * dt


def _in_the_way(car: User, who: User) -> bool:
    """Whether a pedestrian who walks to the left would walk into the side of ``car``."""
    level = abs(who.s - car.s) < car.half_length + who.half_length + 0.3
    between = car.d - car.half_width - who.half_width - who.d
    return level and 0.0 < between < 1.2


def in_right_lane(d: float) -> bool:
    """Whether ``d`` (m) is nearer to the middle of the robot's own lane than to the other's."""
    return abs(d - RIGHT_LANE) < abs(d + RIGHT_LANE)
