"""How well a policy does: fixed episodes, acted without noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agents.actor import Act
from agents.group import Group, Make
from agents.processes import form
from envs.tables import LARGEST

WORLDS = 20  # stepped side by side, so that a network sees a batch


@dataclass(frozen=True)
class Episode:
    """One episode's result.

    Attributes:
        suite: Which list it is from.
        episode: Its place in that list.
        success: Whether the task was done.
        episode_return: Sum of rewards.
        length: Control steps.
        measures: What else the task tells at an episode's end, by name.
    """

    suite: str
    episode: int
    success: bool
    episode_return: float
    length: int
    measures: Mapping[str, float | bool]

    def row(self) -> dict[str, Any]:
        """Everything by name, in one table's row.

        Raises:
            ValueError: If a measure has the name of something else.
        """
        own = {name: value for name, value in vars(self).items() if name != "measures"}
        if taken := self.measures.keys() & {*own, "return"}:
            raise ValueError(f"a task cannot tell of {min(taken)!r}: the name is taken")
        return own | dict(self.measures)


@contextmanager
def side_by_side(make: Make, workers: int = 1) -> Iterator[Group]:
    """`WORLDS` environments to evaluate in, in so many processes; freed at the end."""
    worlds = form(make, WORLDS, workers)
    try:
        yield worlds
    finally:
        worlds.close()


def evaluate(
    act: Act,
    worlds: Group,
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
        A table with a row an episode; its columns are the fields of `Episode`, and what the task
        tells.

    Raises:
        ValueError: If an episode's number would be larger than a table can hold.
    """
    if first + max(episodes.values(), default=0) > LARGEST:
        raise ValueError("episodes are numbered below 2**63; give a smaller seed")
    results: list[Episode] = []
    for suite, count in episodes.items():
        for start in range(0, count, worlds.count):
            batch = range(first + start, first + min(start + worlds.count, count))
            for episode in _play(act, worlds, suite, batch):
                results.append(episode)
                if on_episode:
                    on_episode(episode)
    return pd.DataFrame([result.row() for result in results])


def _play(act: Act, worlds: Group, suite: str, batch: Sequence[int]) -> list[Episode]:
    arrays = worlds.arrays
    arrays.running[:] = False
    worlds.reset({i: {"options": {"suite": suite, "episode": k}} for i, k in enumerate(batch)})
    returns, lengths = np.zeros(worlds.count), np.zeros(worlds.count, dtype=int)
    ended: dict[int, Episode] = {}
    while (running := arrays.running.copy()).any():
        # The whole batch every time: a matrix product's rounding depends on its size.
        arrays.actions[:] = act(arrays.observations)
        infos = worlds.step(renew=False)
        returns[running] += arrays.rewards[running]
        lengths += running
        for i, info in infos.items():
            ended[i] = Episode(
                suite,
                batch[i],
                bool(info.pop("is_success")),
                float(returns[i]),
                int(lengths[i]),
                info,
            )
    return [ended[i] for i in range(len(batch))]


def summarize(episodes: pd.DataFrame) -> pd.DataFrame:
    """A row a suite: ``suite, episodes, success_rate, return_mean``, and what the task tells.

    Of what holds or does not hold in an episode, the share where it did (``collision_rate``), of
    what is a number its mean (``progress_mean``).
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
