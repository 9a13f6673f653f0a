"""How well a policy does: fixed episodes, acted without noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.actor import Act
from envs.environment import Environment

WORLDS = 20  # stepped side by side, so that a network sees a batch


@dataclass(frozen=True)
class Episode:
    """One episode's result.

    Attributes:
        suite: Which list it is from.
        episode: Its place in that list.
        success: Whether the task was done.
        collision: Whether somebody was hit.
        episode_return: Sum of rewards.
        length: Control steps.
    """

    suite: str
    episode: int
    success: bool
    collision: bool
    episode_return: float
    length: int


@contextmanager
def side_by_side(make: Callable[[], Environment]) -> Iterator[list[Environment]]:
    """`WORLDS` environments to evaluate in, freed at the end."""
    worlds = [make() for _ in range(WORLDS)]
    try:
        yield worlds
    finally:
        for world in worlds:
            world.close()


def evaluate(
    act: Act,
    worlds: Sequence[Environment],
    episodes: dict[str, int],
    *,
    first: int = 0,
    on_episode: Callable[[Episode], None] | None = None,
) -> pd.DataFrame:
    """Play the first episodes of each suite's fixed list.

    Which world plays which episode is fixed and a world has no memory, so the result depends on
    nothing but the policy.

    Args:
        act: The policy.
        worlds: From `side_by_side`; may be used again.
        episodes: How many of each suite.
        first: Where in each list to begin.
        on_episode: Called as each episode ends.

    Returns:
        A table with a row an episode and the fields of `Episode` as columns.
    """
    results: list[Episode] = []
    for suite, count in episodes.items():
        for start in range(0, count, len(worlds)):
            batch = range(first + start, first + min(start + len(worlds), count))
            for episode in _play(act, worlds, suite, batch):
                results.append(episode)
                if on_episode:
                    on_episode(episode)
    return pd.DataFrame([vars(result) for result in results])


def _play(
    act: Act, worlds: Sequence[Environment], suite: str, batch: Sequence[int]
) -> list[Episode]:
    observations: NDArray[np.float32] = np.stack(
        [
            world.reset(options={"suite": suite, "episode": batch[min(i, len(batch) - 1)]})[0]
            for i, world in enumerate(worlds)
        ]
    )
    running = set(range(len(batch)))
    returns, lengths = np.zeros(len(batch)), np.zeros(len(batch), dtype=int)
    ended: dict[int, Episode] = {}
    while running:
        # The whole batch every time: a matrix product's rounding depends on its size.
        actions = act(observations)
        for i in sorted(running):
            observation, reward, terminated, truncated, info = worlds[i].step(actions[i])
            observations[i] = observation
            returns[i] += reward
            lengths[i] += 1
            if terminated or truncated:
                running.discard(i)
                ended[i] = Episode(
                    suite,
                    batch[i],
                    bool(info["is_success"]),
                    bool(info["collision"]),
                    float(returns[i]),
                    int(lengths[i]),
                )
    return [ended[i] for i in range(len(batch))]


def summarize(episodes: pd.DataFrame) -> pd.DataFrame:
    """Rates by suite: ``suite, episodes, success_rate, collision_rate, return_mean``."""
    return (
        episodes.groupby("suite", sort=False)
        .agg(
            episodes=("success", "size"),
            success_rate=("success", "mean"),
            collision_rate=("collision", "mean"),
            return_mean=("episode_return", "mean"),
        )
        .reset_index()
    )
