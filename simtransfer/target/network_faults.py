"""What a bad network does to datagrams: some are lost, all come late, some overtake others."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

import numpy as np

Item = TypeVar("Item")


@dataclass(frozen=True)
class Faults:
    """How bad a network is, the same in both directions.

    Attributes:
        loss: Probability that a datagram is lost, each by itself.
        delay: Mean time that one takes, in robot's seconds.
        jitter: Largest deviation from that, each with its own, uniform; none comes before it went.
    """

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no network does."""
        if not 0.0 <= self.loss < 1.0:
            raise ValueError(f"loss must be from 0 to below 1, got {self.loss:g}")
        for name in ("delay", "jitter"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise ValueError(f"{name} must be a number of seconds from 0 on, got {value:g}")

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return max(self.loss, self.delay, self.jitter) > 0.0


class Channel(Generic[Item]):
    """One direction of a network.

    Args:
        faults: What it does.
        rng: What it draws from.

    Attributes:
        lost: How many it has lost.
    """

    def __init__(self, faults: Faults, rng: np.random.Generator) -> None:
        self._faults, self._rng = faults, rng
        self._under_way: list[tuple[float, int, Item]] = []
        self._order = count()
        self.lost = 0

    def send(self, item: Item, now: float) -> None:
        """Take something on its way, at a time in robot's seconds."""
        faults = self._faults
        if faults.loss > 0.0 and self._rng.random() < faults.loss:
            self.lost += 1
            return
        late = faults.delay
        if faults.jitter > 0.0:
            late += float(self._rng.uniform(-faults.jitter, faults.jitter))
        heapq.heappush(self._under_way, (now + max(late, 0.0), next(self._order), item))

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    @property
    def next_arrival(self) -> float:
        """When the next one arrives, in robot's seconds; infinity if none is under way."""
        return self._under_way[0][0] if self._under_way else math.inf

    def arrive(self, now: float) -> tuple[float, Item] | None:
        """What has arrived by now and when, the first first; None if nothing has."""
        if not self._under_way or self.next_arrival > now:
            return None
        when, _, item = heapq.heappop(self._under_way)
        return when, item

    def clear(self) -> None:
        """Forget what is under way."""
        self._under_way.clear()
