"""How well a policy does: fixed episodes, acted without noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from agents.actor import Act
from agents.arena import Arena
from agents.playing import Episode, Place
from envs.tables import LARGEST, shown

MOST_EPISODES = 1_000_000  # more is a typing error


def places(episodes: Mapping[str, int], first: int = 0) -> list[Place]:
    """So many of each suite's fixed list, from ``first`` on.

    Raises:
        ValueError: If an episode's number is negative or larger than a table can hold, or if there
            are more than `MOST_EPISODES`.
    """
    if first < 0:
        raise ValueError(f"episodes are numbered from 0, got {first}")
    if (count := sum(episodes.values())) > MOST_EPISODES:
        raise ValueError(f"episodes must be at most {MOST_EPISODES:,} in all, got {shown(count)}")
    if first + max(episodes.values(), default=0) > LARGEST:
        raise ValueError("episodes are numbered below 2**63; give a smaller seed")
    return [(suite, first + k) for suite, count in episodes.items() for k in range(count)]


def evaluate(
    act: Act,
    arena: Arena,
    episodes: Mapping[str, int],
    *,
    first: int = 0,
    on_episode: Callable[[Episode], None] | None = None,
) -> pd.DataFrame:
    """Play the first episodes of each suite's fixed list; the policy alone decides the result.

    Args:
        act: The policy; must survive pickling if the arena has other processes.
        arena: Where; may be used again.
        episodes: How many of each suite.
        first: Where in each list to begin.
        on_episode: Called as each episode ends.

    Returns:
        As `tabulate`.

    Raises:
        ValueError: If an episode's number would be larger than a table can hold, or the policy
            cannot be sent to other processes.
    """
    arena.begin(act, places(episodes, first))
    return tabulate(arena.finish(on_episode))


def tabulate(episodes: list[Episode]) -> pd.DataFrame:
    """A row an episode: the fields of `Episode`, and what the task tells."""
    return pd.DataFrame([episode.row() for episode in episodes])


def summarize(episodes: pd.DataFrame) -> pd.DataFrame:
    """A row a suite: ``suite, episodes, success_rate, return_mean``, and what the task tells.

    Of what holds or does not hold in an episode, the share where it did (``collision_rate``, and
    ``diverged_rate``, where the physics did), of what is a number its mean (``progress_mean``).
    """
    added = [column for column in episodes.columns if column not in Episode.__dataclass_fields__]
    kinds = {
        name: "rate" if isinstance(episodes[name].iloc[0], bool | np.bool_) else "mean"
        for name in added
    }
    return (
        episodes.groupby("suite", sort=False)
        .agg(
            episodes=("success", "size"),
            success_rate=("success", "mean"),
            return_mean=("episode_return", "mean"),
            **{f"{name}_{kind}": (name, "mean") for name, kind in kinds.items()},
        )
        .reset_index()
    )
