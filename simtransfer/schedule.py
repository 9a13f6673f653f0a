"""How much of its ranges a training draws from, and how that changes while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.draws import Probe
from envs.interface import unknown
from envs.randomization import Randomization, Term
from envs.tables import settle_types

Drawn = tuple[Randomization, tuple[Probe, ...], float]  # what `Environment.randomize` takes
COLUMNS = ("step", "parameter", "occasion", "low", "high", "lowest", "highest")


@dataclass(frozen=True)
class Schedule:
    """How much of the randomization's ranges is drawn from.

    A share of 0 is no randomization, a share of 1 all of a range, at either side of what changes
    nothing.

    Attributes:
        kind: ``fixed`` (all of it, always), ``curriculum`` (growing evenly) or ``automatic``
            (each end of each range moves out while the policy does well there; OpenAI 2019,
            "Solving Rubik's Cube with a Robot Hand", arXiv 1910.07113, algorithm 1).
        until: ``curriculum``: share of the training by whose end ranges are whole.
        probability: ``automatic``: that an episode is held at one of the ends.
        episodes: ``automatic``: episodes at an end after which it may move.
        move: ``automatic``: by which share of the range it moves.
        well: ``automatic``: success from which it moves out.
        badly: ``automatic``: success up to which it moves in.
        measure: ``automatic``: what counts as success: ``is_success``, or another thing that the
            task tells of an episode, like parcel's ``carried``.
    """

    kind: str = "fixed"
    until: float = 0.5
    probability: float = 0.5
    episodes: int = 10
    move: float = 0.2
    well: float = 0.8
    badly: float = 0.5
    measure: str = "is_success"

    def __post_init__(self) -> None:
        """Refuse what moves nothing."""
        settle_types(self, "schedule.")
        if self.kind not in KINDS:
            raise ValueError("schedule.kind: " + unknown("kind", self.kind, KINDS))
        for name in ("until", "probability", "move"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(
                    f"schedule.{name}: must be above 0, at most 1, got {getattr(self, name)}"
                )
        if self.episodes < 1:
            raise ValueError(f"schedule.episodes: must be at least 1, got {self.episodes}")
        if not 0.0 <= self.badly < self.well <= 1.0:
            raise ValueError(
                "schedule.badly: must be below schedule.well, both within 0 and 1, "
                f"got {self.badly} and {self.well}"
            )

    def begin(self, terms: Randomization, budget: int) -> Ranges:
        """What a training draws from.

        Args:
            terms: The whole ranges.
            budget: Steps of the whole training.
        """
        return KINDS[self.kind](self, terms, budget)


class Ranges:
    """The whole ranges, always; other kinds change what this says.

    Args:
        schedule: The kind and its figures.
        terms: The whole ranges.
        budget: Steps of the whole training.

    Attributes:
        terms: The whole ranges.
    """

    def __init__(self, schedule: Schedule, terms: Randomization, budget: int) -> None:
        self.schedule, self.terms, self.budget = schedule, terms, budget

    def shares(self, step: int) -> NDArray[np.float64]:
        """Of each term's range how much is drawn from below and above its middle, ``(n, 2)``."""
        return np.ones((len(self.terms), 2))

    def drawn(self, step: int) -> Drawn:
        """What worlds are to draw from, after ``step`` steps of training."""
        terms = [
            term.within(low, high) if isinstance(term, Term) else term
            for term, (low, high) in zip(self.terms, self.shares(step).tolist(), strict=True)
        ]
        return tuple(terms), (), 0.0

    def tell(self, info: Mapping[str, Any]) -> None:
        """Take note of an episode's end."""

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state`."""

    def table(self, step: int) -> pd.DataFrame:
        """What is drawn from, a row a term, `COLUMNS`; rows drawn together have no ends."""
        rows = [
            (step, now.parameter, now.occasion, now.low, now.high, term.low, term.high)
            for now, term in zip(self.drawn(step)[0], self.terms, strict=True)
            if isinstance(now, Term) and isinstance(term, Term)
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))


class Curriculum(Ranges):
    """Ranges that grow evenly from nothing to all."""

    def shares(self, step: int) -> NDArray[np.float64]:
        """See `Ranges.shares`."""
        return super().shares(step) * min(step / (self.schedule.until * self.budget), 1.0)


class Automatic(Ranges):
    """Ranges whose ends move by how well the policy does there."""

    def __init__(self, schedule: Schedule, terms: Randomization, budget: int) -> None:
        super().__init__(schedule, terms, budget)
        # An end where there is nothing to draw is whole from the beginning.
        self._movable = np.array(
            [
                (term.low < term.neutral, term.neutral < term.high)
                if isinstance(term, Term)
                else (False, False)
                for term in terms
            ]
        ).reshape(-1, 2)
        self._shares = np.where(self._movable, 0.0, 1.0)
        self._seen: list[list[list[float]]] = [[[], []] for _ in terms]

    def shares(self, step: int) -> NDArray[np.float64]:
        """See `Ranges.shares`."""
        return self._shares.copy()

    def drawn(self, step: int) -> Drawn:
        """See `Ranges.drawn`."""
        terms, *_ = super().drawn(step)
        return terms, self._probes(terms), self.schedule.probability

    def _probes(self, terms: Randomization) -> tuple[Probe, ...]:
        return tuple(
            Probe(place, bool(side), (term.low, term.high)[side])
            for place, term in enumerate(terms)
            if isinstance(term, Term)
            for side in (0, 1)
            if self._movable[place, side]
        )

    def tell(self, info: Mapping[str, Any]) -> None:
        """See `Ranges.tell`.

        Raises:
            ValueError: If the task does not tell of the schedule's measure.
        """
        schedule, probe = self.schedule, info.get("probe")
        if schedule.measure not in info:
            told = [name for name, value in info.items() if isinstance(value, bool)]
            raise ValueError("schedule.measure: " + unknown("measure", schedule.measure, told))
        # Of an episode that began before its end moved nothing can be said of where it is now.
        if probe is None or probe not in self._probes(self.drawn(0)[0]):
            return
        place, side = probe.place, int(probe.high)
        seen = self._seen[place][side]
        seen.append(float(info[schedule.measure]))
        if len(seen) < schedule.episodes:
            return
        success = float(np.mean(seen))
        seen.clear()
        way = float(success >= schedule.well) - float(success <= schedule.badly)
        moved = self._shares[place, side] + way * schedule.move
        self._shares[place, side] = np.clip(np.round(moved, 9), 0.0, 1.0)

    def state(self) -> dict[str, Tensor]:
        """See `Ranges.state`."""
        longest = max((len(side) for ends in self._seen for side in ends), default=0)
        seen = [side + [np.nan] * (longest - len(side)) for ends in self._seen for side in ends]
        return {
            "shares": torch.tensor(self._shares),
            "seen": torch.tensor(seen, dtype=torch.float64).reshape(len(self._seen), 2, longest),
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Ranges.restore`."""
        self._shares = state["shares"].numpy().copy()
        self._seen = [
            [[x for x in side if not np.isnan(x)] for side in ends]
            for ends in state["seen"].tolist()
        ]


KINDS: dict[str, Callable[[Schedule, Randomization, int], Ranges]] = {
    "fixed": Ranges,
    "curriculum": Curriculum,
    "automatic": Automatic,
}
