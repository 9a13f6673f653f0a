"""What is thought of parameters before a log is read: the ranges that training would draw from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtr

from envs.interface import unknown
from envs.parameters import PARAMETERS
from envs.randomization import OPERATIONS, Randomization, Samples, Term
from envs.rig import FELT

# The share of draws below each value, the other way round, as `envs.randomization` draws.
QUANTILES = {
    "uniform": stats.uniform(0.0, 1.0).ppf,
    "log_uniform": None,  # depends on the range
    "normal": stats.norm(0.5, 0.25).ppf,
    "truncated": stats.truncnorm(-2.0, 2.0, 0.5, 0.25).ppf,
}
EDGE = 1e-9  # of the share of draws: a normal one has no end


@dataclass(frozen=True)
class Prior:
    """Terms whose parameters a log may tell of, and those that it cannot.

    Parameters are inferred as the normal quantiles of their ranks: standard normal and independent
    before a log is read, whatever their ranges and distributions are. So a width is a share of
    what it was, and nothing that is inferred can leave a range.

    Attributes:
        terms: Of the parameters that are inferred.
        others: The rest, which stays as it is.
    """

    terms: tuple[Term, ...]
    others: Randomization

    @staticmethod
    def of(randomization: Randomization, only: Sequence[str] = ()) -> Prior:
        """The terms of a randomization that can be inferred.

        Args:
            randomization: What training would draw from.
            only: Parameters to infer; default: all that a robot without a task feels.

        Raises:
            ValueError: If a parameter is not drawn at resets, or nothing is left.
        """
        told = [
            term
            for term in randomization
            if isinstance(term, Term)
            and term.occasion == "reset"
            and term.parameter in FELT
            and term.low < term.high
        ]
        names = [term.parameter for term in told]
        for name in only:
            if name not in names:
                raise ValueError(unknown("parameter to identify", name, names))
        terms = tuple(term for term in told if not only or term.parameter in only)
        if not terms:
            raise ValueError(
                "the prior has nothing to identify: it needs terms drawn at reset of parameters "
                "that the robot itself feels"
            )
        return Prior(terms, tuple(term for term in randomization if term not in terms))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters that are inferred."""
        return tuple(term.parameter for term in self.terms)

    def values(self, normal: NDArray[np.floating]) -> NDArray[np.float64]:
        """Parameters in their units.

        Args:
            normal: Normal quantiles of their ranks, ``(n, parameters)``.

        Returns:
            As many values, ``(n, parameters)``.
        """
        ranks = np.clip(ndtr(np.asarray(normal, dtype=float)), EDGE, 1.0 - EDGE)
        return np.stack([_value(term, ranks[:, k]) for k, term in enumerate(self.terms)], axis=1)

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Normal quantiles of ranks, ``(count, parameters)``."""
        return rng.normal(size=(count, len(self.terms)))

    def posterior(self, values: NDArray[np.floating]) -> Randomization:
        """A randomization that draws what was inferred together, and the rest as before.

        Args:
            values: Samples, in the parameters' units, ``(n, parameters)``.
        """
        rows = tuple(tuple(map(float, row)) for row in values.tolist())
        return (*self.others, Samples(self.names, rows))


def _value(term: Term, rank: NDArray[np.float64]) -> NDArray[np.float64]:
    quantile = QUANTILES[term.distribution]
    if quantile is None:
        drawn = term.low * (term.high / term.low) ** rank
    else:
        drawn = term.low + (term.high - term.low) * quantile(rank)
    parameter, combine = PARAMETERS[term.parameter], OPERATIONS[term.operation]
    value = [combine(parameter.initial, draw) for draw in drawn.tolist()]
    return np.clip(value, parameter.low, parameter.high)
