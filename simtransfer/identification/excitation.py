"""Commands that make a robot show what it is: speeding, braking and turning, or swaying."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from envs.driving.car import Car
from envs.robot import Robot
from simtransfer.identification.log import SHORTEST

SPRINT, BRAKE, TURN = (1.8, 3.0), (0.8, 1.2), (0.5, 1.2)  # s that a car is told the same
SIDEWAYS = 4.0  # m/s², asked of a car's tyres at most
SWAY = 0.2  # of a joint's range, at most, from where it stands
TONES = (0.5, 3.0)  # Hz
COUNT = 3  # tones of each joint
LONGEST = 3600.0  # s
MOST = 10**6  # commands: a day of a car's


def excitation(
    robot: Robot, rate: float, episodes: int, seconds: float, seed: int
) -> list[NDArray[np.float64]]:
    """Targets (rad, m/s) of episodes that begin at rest, each ``(steps, actuators)``.

    Args:
        robot: Who.
        rate: Commands a second, Hz.
        episodes: How many.
        seconds: Length of each.
        seed: Of what is drawn.

    Raises:
        ValueError: If there is nothing to do, or too much.
    """
    shortest = SHORTEST / rate
    if episodes < 1 or not shortest <= seconds <= LONGEST:
        raise ValueError(
            f"a log needs an episode or more, each of {shortest:g} to {LONGEST:g} seconds, "
            f"got {episodes} of {seconds:g}"
        )
    if episodes * seconds * rate > MOST:
        raise ValueError(
            f"{episodes} episodes of {seconds:g} seconds are more than memory should hold; give "
            f"{int(MOST / (seconds * rate))} at most"
        )
    steps = round(seconds * rate)
    low = np.asarray([actuator.low for actuator in robot.actuators])
    high = np.asarray([actuator.high for actuator in robot.actuators])
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(episodes):
        told = _drive(robot, rate, steps, rng) if isinstance(robot, Car) else None
        if told is None:
            told = _sway(robot, rate, steps, rng)
        found.append(np.clip(told, low, high))
    return found


def _drive(car: Car, rate: float, steps: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Straight ahead as fast as motors go, brake, and only then turn, at a speed that is kept.

    Tyres that brake and turn at once are where engines, and tyres, differ most.
    """
    cruise = car.cruise_speed

    def told(share: float, aside: float, seconds: tuple[float, float]) -> list[list[float]]:
        speed = share * cruise
        targets = car.command.targets((speed, aside / max(speed, 1.0)), speed)
        row = [float(targets[actuator.role]) for actuator in car.actuators]
        return [row] * max(round(rng.uniform(*seconds) * rate), 1)

    kept = float(rng.uniform(0.35, 0.6))
    rows = told(1.0, 0.0, SPRINT) + told(float(rng.choice([0.0, kept])), 0.0, BRAKE)
    while len(rows) < steps:
        rows += told(kept, SIDEWAYS * float(rng.uniform(-1.0, 1.0)), TURN)
    return np.asarray(rows[:steps])


def _sway(robot: Robot, rate: float, steps: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Each joint to its own tune, from its posture on; left and right alike, which keeps it up."""
    time = np.arange(steps) / rate
    tunes: dict[str, NDArray[np.float64]] = {}
    columns = []
    for a in robot.actuators:
        tones = rng.uniform(*TONES, COUNT), rng.uniform(0.0, 2.0 * math.pi, COUNT)
        size = rng.uniform(0.3, 1.0)
        word = a.role.split("_", 1)[-1]
        tune = np.sin(2.0 * math.pi * np.outer(time, tones[0]) + tones[1]).mean(axis=1)
        tune = tunes.setdefault(word, size * SWAY * (tune - tune[0]))
        columns.append(a.neutral + (a.high - a.low) * tune)
    return np.stack(columns, axis=1)
