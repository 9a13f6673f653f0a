"""What is drawn of a world, by which generator, and the ends of ranges that an episode probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from envs.parameters import OCCASIONS, PARAMETERS
from envs.randomization import Randomization, Term


@dataclass(frozen=True)
class Probe:
    """One end of a term's range, where it is held for a whole episode.

    Attributes:
        place: Of the term among all terms.
        high: Whether it is the upper end.
        draw: What is drawn there.
    """

    place: int
    high: bool
    draw: float


class Draws:
    """The current value of every parameter, and the terms that redraw them.

    Args:
        terms: Randomization terms.

    Attributes:
        values: By parameter, drawn or not.
        loaded: What was last drawn at ``load``, by parameter.
        names: Of the parameters that are drawn.
        probe: What this episode probes, if anything; of what is drawn at ``load``, all episodes
            until the next one do.
    """

    def __init__(self, terms: Randomization) -> None:
        self.names = frozenset(name for term in terms for name in term.names)
        self.loaded: Mapping[str, float] = {}
        self.values = {name: parameter.initial for name, parameter in PARAMETERS.items()}
        self.probe: Probe | None = None
        self._lasting: Probe | None = None
        self.use(terms)

    def use(
        self, terms: Randomization, probes: Sequence[Probe] = (), probability: float = 0.0
    ) -> None:
        """Draw from other ranges of the same parameters from now on.

        Args:
            terms: The same terms over other ranges.
            probes: Ends that may be probed.
            probability: That an episode probes one of them.
        """
        self._terms = {
            occasion: tuple((k, term) for k, term in enumerate(terms) if term.occasion == occasion)
            for occasion in OCCASIONS
        }
        lasting = [probe for probe in probes if terms[probe.place].occasion == "load"]
        self._probes = {
            "load": lasting,
            "reset": [probe for probe in probes if probe not in lasting],
        }
        self._probability = probability

    def redraw(
        self, occasion: str, rng: np.random.Generator, dt: float = 0.0
    ) -> Mapping[str, float]:
        """Redraw the terms of ``occasion``.

        Args:
            occasion: ``load``, ``reset`` or ``interval``.
            rng: Where draws come from.
            dt: Seconds since the last call, for ``interval``: each term comes with probability
                ``dt / period``.

        Returns:
            The parameters that were redrawn.
        """
        drawn: dict[str, float] = {}
        if occasion == "reset":  # what changed during an episode does not outlast it
            for name in (name for _, term in self._terms["interval"] for name in term.names):
                self.values[name] = self.loaded.get(name, PARAMETERS[name].initial)
        if occasion != "interval":
            self._choose(occasion, rng)
        for place, term in self._terms[occasion]:
            if occasion == "interval" and rng.random() >= dt / term.period:
                continue
            if self.probe and self.probe.place == place and isinstance(term, Term):
                drawn[term.parameter] = term.made(self.probe.draw)
            else:
                drawn |= term.values(rng)
        if occasion == "load":
            self.loaded = drawn
        self.values.update(drawn)
        return drawn

    def _choose(self, occasion: str, rng: np.random.Generator) -> None:
        """Choose what is probed from now on, if anything."""
        if occasion == "load":
            self._lasting = None
        self.probe = self._lasting
        among, count = self._probes[occasion], sum(map(len, self._probes.values()))
        # Without probes nothing is drawn, so that what follows is as if there were no such thing.
        if self.probe or not among or rng.random() >= self._probability * len(among) / count:
            return
        self.probe = among[rng.integers(len(among))]
        if occasion == "load":
            self._lasting = self.probe


class Stream:
    """Episodes that are drawn one after another.

    Training and evaluation have a stream each, so that neither changes what the other draws.

    Args:
        terms: Randomization terms.

    Attributes:
        draws: The parameters, as they are in these episodes.
        rng: Generator of everything that is drawn for them.
    """

    def __init__(self, terms: Randomization) -> None:
        self.draws = Draws(terms)
        self.rng: np.random.Generator | None = None
        self._loaded = False

    def seed(self, words: Sequence[int]) -> None:
        """Begin at the first episode of a seed."""
        self.rng, self._loaded = np.random.default_rng(words), False

    def load(self) -> bool:
        """Draw what is drawn at ``load`` if this seed has not yet; return whether it was drawn."""
        if self._loaded:
            return False
        assert self.rng
        self.draws.redraw("load", self.rng)
        self._loaded = True
        return True
