"""What an episode holds: drawn from a generator, by suite."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from envs.driving.road import LANE_WIDTH
from envs.interface import unknown

ROUTE_LENGTH = 120.0  # m from start to goal
START = 12.0  # m along the road where an episode begins


@dataclass(frozen=True)
class Suite:
    """Which hazards an episode may hold, beside bends, parked cars and slower traffic.

    Attributes:
        jaywalkers: Largest number of pedestrians who step out.
        wrong_way: Probability of a car coming the wrong way.
        certain: Whether each episode holds the hazard (else by chance).
    """

    jaywalkers: int = 0
    wrong_way: float = 0.0
    certain: bool = True


SUITES: dict[str, Suite] = {
    "nominal": Suite(),
    "jaywalker": Suite(jaywalkers=2),
    "wrong_way": Suite(wrong_way=1.0),
    "mixed": Suite(jaywalkers=2, wrong_way=0.5, certain=False),
}


@dataclass(frozen=True)
class Jaywalker:
    """A pedestrian who waits behind a parked car and steps out.

    Attributes:
        s: m along the road where they cross.
        trigger: They step out when the car would be there in so many seconds.
        speed: Walking speed, m/s.
    """

    s: float
    trigger: float
    speed: float


@dataclass(frozen=True)
class Driver:
    """A scripted car.

    Attributes:
        s: m along the road at the start.
        d: m left of the centreline.
        speed: Desired speed, m/s; negative drives against the traffic.
    """

    s: float
    d: float
    speed: float


@dataclass(frozen=True)
class Scenario:
    """One episode's draw.

    Attributes:
        bends: Lengths (m) and curvatures (1/m) of the road.
        parked: ``s`` and ``d`` (m) of parked cars.
        drivers: Moving cars.
        jaywalkers: Pedestrians.
        offset: The robot's lateral start relative to its lane's middle, m.
        speed: The robot's speed at the start, as a fraction of its cruise speed.
    """

    bends: tuple[tuple[float, float], ...]
    parked: tuple[tuple[float, float], ...]
    drivers: tuple[Driver, ...]
    jaywalkers: tuple[Jaywalker, ...]
    offset: float
    speed: float

    def hurried(self, cars: float, walkers: float) -> Scenario:
        """With the speeds of others multiplied by a factor for cars and one for pedestrians."""
        if cars == walkers == 1.0:
            return self
        return replace(
            self,
            drivers=tuple(replace(each, speed=cars * each.speed) for each in self.drivers),
            jaywalkers=tuple(replace(each, speed=walkers * each.speed) for each in self.jaywalkers),
        )


BENDS = 5
MAX_PARKED, MAX_DRIVERS, MAX_JAYWALKERS = 4, 1, 2
RIGHT_LANE = -0.5 * LANE_WIDTH
PASSING_LINE = -1.5  # m, where scripted cars drive: clear of the parked ones


def draw_scenario(suite: str, rng: np.random.Generator) -> Scenario:
    """Draw an episode of ``suite``.

    Raises:
        ValueError: If there is no such suite.
    """
    if suite not in SUITES:
        raise ValueError(unknown("suite", suite, SUITES))
    rule = SUITES[suite]
    # From 20 to 40 m and from -1/40 to 1/40 1/m; `rng.uniform` would take three times as long.
    drawn = rng.random((BENDS, 2)).tolist()
    bends = tuple((20.0 + 20.0 * u, 2 / 40 * v - 1 / 40) for u, v in drawn)
    # Parked cars stand on the kerb, a metre inside the lane, far enough apart to weave around.
    places = START + 28.0 + 24.0 * np.arange(4) + rng.uniform(-5.0, 5.0, 4)
    kept = places[rng.random(4) < 0.7]
    least = 1 if rule.certain and rule.jaywalkers else 0
    walkers = int(rng.integers(least, rule.jaywalkers + 1)) if rule.jaywalkers else 0
    if len(kept) < walkers:
        kept = places[:walkers]
    parked = tuple((float(s), float(-LANE_WIDTH - rng.uniform(-0.1, 0.3))) for s in kept)
    chosen = rng.permutation(len(parked))[:walkers]
    jaywalkers = tuple(
        Jaywalker(
            s=parked[i][0] + 3.2,
            trigger=float(rng.uniform(1.8, 3.0)),
            speed=float(rng.uniform(1.0, 1.8)),
        )
        for i in sorted(chosen)
    )
    drivers = []
    # Not both at once: they would meet head on, and stand in each other's way, before the robot
    # has to do anything about either.
    if rng.random() < rule.wrong_way:
        start = START + float(rng.uniform(70.0, 150.0))
        drivers.append(Driver(start, PASSING_LINE, -float(rng.uniform(4.0, 8.0))))
    elif rng.random() < 0.7:
        ahead = START + float(rng.uniform(15.0, 45.0))
        drivers.append(Driver(ahead, PASSING_LINE, float(rng.uniform(2.5, 4.5))))
    return Scenario(
        bends,
        parked,
        tuple(drivers),
        jaywalkers,
        offset=float(rng.uniform(-0.3, 0.3)),
        speed=float(rng.uniform(0.3, 0.9)),
    )
