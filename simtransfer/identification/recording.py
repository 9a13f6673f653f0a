"""Logs made in a simulator, of a robot whose parameters are known to whoever asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.draws import Draws
from envs.interface import Feature
from envs.randomization import Randomization
from envs.rig import FELT, channels, sense
from envs.robot import Robot
from simtransfer.identification.log import Episode, Log
from simtransfer.identification.replay import Commands, Replay

ZEROS, SENSORS = 0, 1  # words of seeds


def hidden(randomization: Randomization, seed: int) -> dict[str, float]:
    """Parameters of one robot that is drawn, as far as a robot without a task feels them."""
    draws = Draws(randomization)
    draws.redraw("reset", np.random.default_rng(seed))
    return {name: draws.values[name] for name in FELT if name in draws.names}


def record(
    robot: Robot,
    commands: Commands,
    values: Mapping[str, float],
    seed: int,
    simulator: str = "pybullet",
) -> Log:
    """Let a robot carry out commands, and keep what it reads.

    Args:
        robot: Who.
        commands: Of each episode, ``(steps, actuators)``.
        values: Of its parameters.
        seed: Of noise.
        simulator: The engine's name.
    """
    replay = Replay(robot, commands, simulator)
    try:
        clean = replay.play(values, (seed, ZEROS))
    finally:
        replay.close()
    features = channels(robot)
    rng = np.random.default_rng([seed, SENSORS])
    read = sensed(clean, [len(told) for told in commands], features, values, rng)
    parts = np.split(read, np.cumsum([len(told) for told in commands])[:-1])
    episodes = [Episode(told, part) for told, part in zip(commands, parts, strict=True)]
    return Log(robot, features, tuple(episodes))


def sensed(
    clean: NDArray[np.floating],
    lengths: Sequence[int],
    features: Sequence[Feature],
    values: Mapping[str, float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """What sensors make of a replay, ``(steps, channels)``; see `envs.rig.sense`.

    Args:
        clean: How things are, episode after episode.
        lengths: Of the episodes, in steps.
        features: The channels.
        values: Of parameters.
        rng: For noise and loss.
    """
    parts = np.split(np.asarray(clean, dtype=float), np.cumsum(lengths)[:-1])
    return np.concatenate([sense(part, features, values, rng) for part in parts])
