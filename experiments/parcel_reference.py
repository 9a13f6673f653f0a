"""What humanoids do with no policy at all: the reference alone, on fixed episodes.

python -m experiments.parcel_reference
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray

from agents.arena import Arena
from agents.evaluation import evaluate, summarize
from agents.processes import workers_for
from envs import make_environment
from simtransfer.cli import deferred, guarded
from simtransfer.results_table import results_table
from simtransfer.terminal import counting, output

ROBOTS = ("porter", "courier", "strider", "pocket")


def play(
    robots: tuple[str, ...] = ROBOTS,
    task: str = "parcel",
    suite: str = "mixed",
    randomization: str = "nominal",
    episodes: int = 20,
    workers: int | None = None,
) -> None:
    """Play fixed episodes with the action that changes nothing, and print what came of it.

    Args:
        robots: Names, or paths of a robot.toml.
        task: ``parcel`` or ``parcel-detuned``.
        suite: Scenario suite.
        randomization: Of the world.
        episodes: Of each robot.
        workers: Processes that step the worlds. Default: the number of cores.
    """
    if episodes < 1:
        raise ValueError(f"--episodes must be at least 1, got {episodes}")
    rows = [
        measure(robot, task, suite, randomization, episodes, workers_for(workers))
        for robot in robots
    ]
    output.print(results_table(f"no policy, {task}, {suite}, {randomization}", rows))


def stay(count: int, observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """The action that changes nothing, ``(n, count)``."""
    return np.zeros((len(observations), count), dtype=np.float32)


def measure(
    robot: str, task: str, suite: str, randomization: str, episodes: int, workers: int
) -> dict[str, Any]:
    """One robot's row, as `results_table` reads it."""
    make = partial(make_environment, task, robot, randomization=randomization)
    world = make()
    count = len(world.interface.action)
    world.close()
    still = partial(stay, count)
    with counting(robot, episodes) as tell, Arena(make, workers) as worlds:
        played = evaluate(still, worlds, {suite: episodes}, on_episode=tell)
    return {**summarize(played).to_dict("records")[0], "suite": robot}


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(play))))
