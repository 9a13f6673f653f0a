"""How fast it steps, and what is added to the bare engine: figures taken in one run."""

from __future__ import annotations

import gc
import math
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import stable_baselines3
import torch
from numpy.typing import NDArray
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import SubprocVecEnv, VecNormalize

from agents.array_policy import ArrayPolicy
from agents.bundle import Network
from agents.course import rest
from agents.group import Make
from agents.learner import PPOLearner
from agents.networks import ACTIVATIONS
from agents.processes import form
from agents.settings import PPOSettings
from agents.worlds import Worlds
from envs.environment import Environment

PARTS = 3  # that each figure is the median of: what a ratio compares takes turns
CALLS = 1000  # of a policy


@dataclass(frozen=True)
class Benchmark:
    """Steps a second, and ratios, which depend less on the machine.

    Attributes:
        environment_steps_per_second: One environment alone, resets included.
        vectorized_steps_per_second: All worlds of a training, stepped by a constant policy.
        training_steps_per_second: Collection and updates.
        step_to_engine_ratio: An environment's step over the bare engine steps inside it.
        reset_to_step_ratio: A reset over a step.
        vectorized_efficiency: Vectorized steps a second over those of one environment times the
            processes.
        training_to_collection_ratio: Training's steps a second over the vectorized ones.
        training_to_stock_ratio: Training's steps a second over those of Stable-Baselines3's PPO
            with `SubprocVecEnv` and `VecNormalize` and the same hyperparameters.
        policy_to_predict_ratio: Time of a single action by `ArrayPolicy` over that of SB3's
            ``predict``.
        bytes_per_reset: Growth of memory.
    """

    environment_steps_per_second: float
    vectorized_steps_per_second: float
    training_steps_per_second: float
    step_to_engine_ratio: float
    reset_to_step_ratio: float
    vectorized_efficiency: float
    training_to_collection_ratio: float
    training_to_stock_ratio: float
    policy_to_predict_ratio: float
    bytes_per_reset: float


def measure(
    make: Make, settings: PPOSettings, *, steps: int, resets: int, workers: int
) -> Benchmark:
    """Take all figures.

    Args:
        make: Makes an environment; must survive pickling.
        settings: Hyperparameters of the trainings.
        steps: Control steps that stepping is timed over.
        resets: Over which memory is watched.
        workers: Processes.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a training: a network this small gains nothing from more
    world = make()
    worlds = Worlds(form(make, settings.worlds, workers))
    try:
        stepped = [
            (*_alone(world, steps // PARTS, seed), _collection(worlds, steps // PARTS))
            for seed in range(PARTS)
        ]
        growth = _growth(world, resets)
        learner = PPOLearner(
            worlds,
            worlds.interface,
            Network(),
            settings,
            seed=0,
            logger=Logger(None, []),
            mirror=worlds.group.spaces.mirror,
        )
        trained = _trainings(worlds, learner, make, settings)
        policy = _policy(learner, np.asarray(worlds.reset())[0])
    finally:
        worlds.close()
        world.close()
        torch.set_num_threads(threads)
    alone, engine, reset, vectorized = np.median(stepped, axis=0).tolist()
    training = float(np.median([ours for ours, _ in trained]))
    processes = min(workers, settings.worlds)
    return Benchmark(
        environment_steps_per_second=alone,
        vectorized_steps_per_second=vectorized,
        training_steps_per_second=training,
        step_to_engine_ratio=engine,
        reset_to_step_ratio=reset,
        vectorized_efficiency=float(np.median([all_ / one for one, *_, all_ in stepped]))
        / processes,
        training_to_collection_ratio=training / vectorized,
        training_to_stock_ratio=float(np.median([ours / stock for ours, stock in trained])),
        policy_to_predict_ratio=policy,
        bytes_per_reset=growth,
    )


def _rate(work: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def _alone(world: Environment, steps: int, seed: int) -> tuple[float, float, float]:
    """Steps a second with resets; a step's time over its engine steps', and a reset's over it."""
    engine_step, inside, stepping, resetting, resets = world.simulator.engine_step, 0.0, 0.0, 0.0, 0

    def timed() -> None:
        nonlocal inside
        began = time.perf_counter()
        engine_step()
        inside += time.perf_counter() - began

    world.simulator.engine_step = timed  # type: ignore[method-assign]
    action = np.zeros(len(world.interface.action), dtype=np.float32)
    world.reset(seed=seed)
    for _ in range(steps):
        began = time.perf_counter()
        *_, terminated, truncated, _ = world.step(action)
        stepped = time.perf_counter()
        stepping += stepped - began
        if terminated or truncated:
            world.reset()
            resetting += time.perf_counter() - stepped
            resets += 1
    world.simulator.engine_step = engine_step  # type: ignore[method-assign]
    rate = steps / (stepping + resetting)
    if not resets:  # so few steps end no episode
        began = time.perf_counter()
        world.reset()
        resetting, resets = time.perf_counter() - began, 1
    return rate, stepping / inside, (resetting / resets) / (stepping / steps)


def _growth(world: Environment, resets: int) -> float:
    """Bytes that the process grows by with each reset."""
    for _ in range(100):  # until what is kept once is there
        world.reset()
    gc.collect()
    before = _memory()
    for _ in range(resets):
        world.reset()
    gc.collect()
    return max(_memory() - before, 0) / resets


def _memory() -> int:
    """Bytes in memory now where the system tells, else the most there were."""
    told = Path("/proc/self/statm")
    if told.exists():
        return int(told.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _collection(worlds: Worlds, steps: int) -> float:
    rounds = max(steps // worlds.num_envs, 10)
    noise = np.zeros((rounds, worlds.num_envs, len(worlds.interface.action)), dtype=np.float32)
    worlds.reset()
    worlds.run(rest, noise[:1])
    return _rate(lambda: worlds.run(rest, noise), rounds * worlds.num_envs)


def _policy(learner: PPOLearner, observation: NDArray[np.float32]) -> float:
    """Time of one action by arrays over that by Stable-Baselines3."""
    ours, algorithm = ArrayPolicy(learner.actor()), learner.algorithm

    def arrays() -> None:
        for _ in range(CALLS):
            ours(observation)

    def stock() -> None:
        for _ in range(CALLS):
            algorithm.predict(observation, deterministic=True)

    return _rate(stock, CALLS) / _rate(arrays, CALLS)


def _trainings(
    worlds: Worlds, learner: PPOLearner, make: Make, settings: PPOSettings
) -> list[tuple[float, float]]:
    """Steps a second of a rollout and its updates: ours, and Stable-Baselines3's own.

    That has a process for each world, and knows no mirror: where ours does, each of its samples
    teaches half as much.
    """
    steps = settings.rollout * settings.worlds
    others = VecNormalize(SubprocVecEnv([make] * settings.worlds, start_method="forkserver"))
    try:
        stock = _stock(others, settings)
        return [
            (
                _rate(lambda: learner.learn(worlds, steps, lambda step: None, lambda: None), steps),
                _rate(lambda: stock.learn(steps), steps),
            )
            for _ in range(PARTS)
        ]
    finally:
        others.close()


def _stock(worlds: VecNormalize, settings: PPOSettings) -> stable_baselines3.PPO:
    """Stable-Baselines3's PPO with the same hyperparameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stable_baselines3.PPO(
            "MlpPolicy",
            worlds,
            n_steps=settings.rollout,
            batch_size=settings.batch,
            n_epochs=settings.epochs,
            gamma=settings.discount,
            ent_coef=settings.entropy,
            learning_rate=settings.learning_rate,
            gae_lambda=settings.trace,
            clip_range=settings.clip,
            target_kl=settings.divergence,
            max_grad_norm=settings.gradient,
            policy_kwargs={
                "net_arch": list(Network().hidden),
                "activation_fn": ACTIVATIONS[Network().activation],
                "log_std_init": math.log(settings.exploration),
            },
            device="cpu",
        )
