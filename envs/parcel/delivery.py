"""One delivery: the parcel, where it is due, and the suites that draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from envs.interface import unknown
from envs.parcel.humanoid import Cradle
from envs.simulator import Shape

DENSITY = 200.0  # kg/m³ that a parcel is made with; each episode gives it a mass of its own
# Length in cradle lengths, width beyond the forearms' middles in cradle widths, height in cradle
# lengths, and where the centre of mass is in half extents.
_DRAWN = (
    ((0.90, 0.15, 0.80), (0.0, 0.0, 0.0)),
    ((0.70, 0.10, 0.60), (0.2, 0.0, 0.0)),
    ((0.80, 0.25, 0.40), (-0.1, 0.1, 0.0)),
    ((0.95, 0.20, 1.00), (0.0, -0.15, -0.2)),
    ((0.60, 0.30, 0.70), (0.1, 0.1, 0.2)),
)
# One that is heavier on its left has a twin that is heavier on its right.
PARCELS = _DRAWN + tuple((size, (x, -y, z)) for size, (x, y, z) in _DRAWN if y != 0.0)


@dataclass(frozen=True)
class Suite:
    """What a delivery may be.

    Attributes:
        distance: m, least and most.
        direction: Largest angle of the way from straight ahead, degrees, and the least.
        mass: Of the parcel as a fraction of the robot's, least and most.
        friction: Of the parcel, least and most.
        clearance: Of the stand below the parcel's underside in the nominal posture, in leg lengths,
            least and most.
        seconds: To deliver, s.
    """

    distance: tuple[float, float] = (2.0, 5.0)
    direction: tuple[float, float] = (0.0, 90.0)
    mass: tuple[float, float] = (0.02, 0.10)
    friction: tuple[float, float] = (0.5, 1.0)
    clearance: tuple[float, float] = (0.12, 0.17)
    seconds: float = 60.0


PRACTICE = "practice"  # of training alone: nearer stands, so that more are reached, and less time
SUITES = {
    "mixed": Suite(),
    "ahead": Suite(direction=(0.0, 20.0), mass=(0.02, 0.06)),
    "aside": Suite(direction=(60.0, 90.0)),
    "heavy": Suite(mass=(0.08, 0.10)),
    PRACTICE: Suite(distance=(0.4, 2.5), seconds=40.0),
}


@dataclass(frozen=True)
class Delivery:
    """One episode's draw.

    Attributes:
        parcel: Which of `PARCELS`.
        mass: Of the parcel, as a fraction of the robot's.
        friction: Of the parcel.
        distance: From the start to the stand, m.
        direction: Of the stand from straight ahead, rad, left positive.
        phase: Of the gait at the first step.
        clearance: Of the stand below the parcel's underside, in leg lengths.
        seconds: To deliver, s.
    """

    parcel: int
    mass: float
    friction: float
    distance: float
    direction: float
    phase: float
    clearance: float
    seconds: float


def draw_delivery(suite: str, rng: np.random.Generator) -> Delivery:
    """Draw an episode of ``suite``.

    Raises:
        ValueError: If there is no such suite.
    """
    if suite not in SUITES:
        raise ValueError(unknown("suite", suite, SUITES))
    rule = SUITES[suite]
    side = 1.0 if rng.random() < 0.5 else -1.0
    return Delivery(
        parcel=int(rng.integers(len(PARCELS))),
        mass=float(rng.uniform(*rule.mass)),
        friction=float(rng.uniform(*rule.friction)),
        distance=float(rng.uniform(*rule.distance)),
        direction=side * math.radians(float(rng.uniform(*rule.direction))),
        phase=0.5 * float(rng.integers(2)),
        clearance=float(rng.uniform(*rule.clearance)),
        seconds=rule.seconds,
    )


def parcel_shapes(cradle: Cradle) -> tuple[Shape, ...]:
    """Parcels of all sizes that fit a robot's arms."""
    shapes = []
    for (length, width, height), center in PARCELS:
        half = (
            0.5 * length * cradle.length,
            0.5 * (1.0 + width) * cradle.width,
            0.5 * height * cradle.length,
        )
        away = (center[0] * half[0], center[1] * half[1], center[2] * half[2])
        shapes.append(Shape("box", half, 8.0 * DENSITY * math.prod(half), away))
    return tuple(shapes)
