"""``simtransfer bench``: steps a second, and what is added to the bare engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from stable_baselines3.common.logger import Logger

from agents.bundle import Network
from agents.group import LocalGroup
from agents.learner import PPOLearner
from agents.settings import PPOSettings
from agents.worlds import Worlds
from envs import make_environment
from envs.environment import Environment
from simtransfer.terminal import errors, output, print_json


@dataclass(frozen=True)
class Bench:
    """Steps a second, and ratios taken in one run.

    Attributes:
        environment_steps_per_second: One environment alone, resets included.
        vectorized_steps_per_second: All worlds of a training, stepped by a constant policy.
        training_steps_per_second: Collection and updates.
        step_to_engine_ratio: An environment's step over the bare engine steps inside it.
        training_to_collection_ratio: Training's steps a second over the vectorized environments'.
    """

    environment_steps_per_second: float
    vectorized_steps_per_second: float
    training_steps_per_second: float
    step_to_engine_ratio: float
    training_to_collection_ratio: float


def bench(
    task: str = "driving",
    robot: str = "hatchback",
    randomization: str = "nominal",
    steps: int = 3000,
    json: bool = False,
) -> None:
    """Measure steps a second of one environment, of the vectorized ones and of training.

    Args:
        task: The task.
        robot: A robot's name or the path of a robot.toml.
        randomization: none, nominal or wide.
        steps: Control steps to time; at least 100.
        json: Print JSON instead of a table.
    """
    if steps < 100:
        raise ValueError(f"--steps must be at least 100, got {steps}")
    make = partial(make_environment, task, robot, randomization=randomization, privileged=True)
    with errors.status("measuring"):
        result = measure(make, steps)
    if json:
        print_json(asdict(result))
        return
    table = Table(title=f"{task}, {robot}")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in asdict(result).items():
        table.add_row(name.replace("_", " "), f"{value:,.2f}" if value < 10 else f"{value:,.0f}")
    output.print(table)


def measure(make: Callable[[], Environment], steps: int) -> Bench:
    """Take all figures in one run."""
    settings = PPOSettings()
    world = make()
    action = np.zeros(len(world.interface.action), dtype=np.float32)
    alone, ratio = _step_alone(world, action, steps)
    world.close()
    worlds = Worlds(LocalGroup(make, settings.worlds))
    worlds.reset()
    actions = np.tile(action, (settings.worlds, 1))
    rounds = max(steps // settings.worlds, 10)
    began = time.perf_counter()
    for _ in range(rounds):
        worlds.step(actions)
    vectorized = rounds * settings.worlds / (time.perf_counter() - began)
    learner = PPOLearner(
        worlds,
        world.interface,
        Network(),
        settings,
        budget=10**6,
        seed=0,
        logger=Logger(None, []),
    )
    began = time.perf_counter()
    learner.learn(worlds, 2 * settings.rollout * settings.worlds, lambda step: None, lambda: None)
    training = learner.steps / (time.perf_counter() - began)
    worlds.close()
    return Bench(alone, vectorized, training, ratio, training / vectorized)


def _step_alone(world: Environment, action: NDArray[np.float32], steps: int) -> tuple[float, float]:
    """Steps a second with resets, and a step's time over that of the engine steps inside it."""
    advance, inside, stepping = world.simulator.advance, 0.0, 0.0

    def timed(substeps: int) -> None:
        nonlocal inside
        began = time.perf_counter()
        advance(substeps)
        inside += time.perf_counter() - began

    world.simulator.advance = timed  # type: ignore[method-assign]
    world.reset(seed=0)
    start = time.perf_counter()
    for _ in range(steps):
        began = time.perf_counter()
        *_, terminated, _, _ = world.step(action)
        stepping += time.perf_counter() - began
        if terminated:
            world.reset()
    return steps / (time.perf_counter() - start), stepping / inside
