"""Episodes of a fixed list, played by a policy without noise in worlds side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from agents.actor import Act
from agents.group import Group

Place = tuple[str, int]  # a suite, and an episode's number in its list


@dataclass(frozen=True)
class Episode:
    """One episode's result.

    Attributes:
        suite: Which list it is from.
        episode: Its place in that list.
        success: Whether the task was done.
        episode_return: Sum of rewards.
        length: Control steps.
        measures: Further metrics at an episode's end, by name: the task's, and whether the physics
            ``diverged``.
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


class Queue(Protocol):
    """Episodes that wait for who plays them."""

    def take(self, row: int) -> int | None:
        """The next one's index whose place in a batch is ``row``; None if all are taken."""


class LocalQueue:
    """A `Queue` of one process.

    Args:
        count: How many episodes.
        rows: Places in a batch.
    """

    def __init__(self, count: int, rows: int) -> None:
        self._rest = [iter(range(row, count, rows)) for row in range(rows)]

    def take(self, row: int) -> int | None:
        """See `Queue.take`."""
        return next(self._rest[row], None)


def play(
    act: Act, worlds: Group, places: Sequence[Place], queue: Queue, at_once: int
) -> Iterator[list[Episode]]:
    """Play until nothing is left to take; when an episode ends the next begins at once.

    Args:
        act: The policy.
        worlds: Where; an episode has the world of its row.
        places: All that are to be played, by whomever.
        queue: Which of them are left.
        at_once: How many to play side by side.

    Yields:
        After each control step, the episodes that ended with it.
    """
    arrays = worlds.arrays
    arrays.running[:] = False
    returns, lengths = np.zeros(worlds.count), np.zeros(worlds.count, dtype=int)
    playing: dict[int, Place] = {}  # by world

    def begin() -> None:
        orders = {}
        for world in range(worlds.count):
            if len(playing) < at_once and world not in playing:
                if (index := queue.take(world)) is None:
                    continue
                playing[world] = suite, episode = places[index]
                orders[world] = {"options": {"suite": suite, "episode": episode}}
                returns[world] = lengths[world] = 0
        worlds.reset(orders)

    begin()
    while playing:
        # The whole batch every time: a matrix product's rounding depends on its size, and in some
        # shapes on the row.
        arrays.actions[:] = act(arrays.observations)
        running = arrays.running.copy()
        infos = worlds.step(renew=False)
        returns[running] += arrays.rewards[running]
        lengths += running
        ended = [
            Episode(
                *playing.pop(world),
                bool(info.pop("is_success")),
                float(returns[world]),
                int(lengths[world]),
                info,
            )
            for world, info in infos.items()
        ]
        if ended:
            begin()
        yield ended
