"""What a policy keeps of its success in an engine that it never learned in, with an interval."""

from __future__ import annotations

import math
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simtransfer.statistics import CONFIDENCE, Interval

WANTED, AT_LEAST = 0.90, 0.85  # of the estimate, and of its lower bound


class Kept(Enum):
    """Whether a policy's success outlives the change of engine."""

    YES = "kept"
    NO = "lost"
    OPEN = "not shown"
    UNDEFINED = "nothing to keep"


def retention(away: NDArray[np.bool_], home: NDArray[np.bool_]) -> Interval:
    """Success away ÷ success at home on the same episodes, with its 95 % interval.

    The interval is the hybrid score interval for a ratio of paired proportions of Bonett and Price,
    "Confidence intervals for a ratio of binomial proportions based on paired data" (Statistics in
    Medicine 25, 2006), which Fagerland, Lydersen and Laake recommend ("Recommended tests and
    confidence intervals for paired binomial proportions", Statistics in Medicine 33, 2014). A
    bootstrap of pairs would call 5 successes of 5 in both worlds certain; this does not.

    Seeds play the same episodes, so each episode counts once, with the seeds' mean: how seeds
    differ is left out, as it is of a success rate's interval.

    Args:
        away: Successes in the other engine, ``(seeds, episodes)``.
        home: In the engine that was trained in, of the same seeds and episodes.

    Returns:
        NaN throughout where nothing succeeded at home: there is no ratio. Where nothing did away,
        0 with a lower end of 0.
    """
    if away.shape != home.shape or away.ndim != 2 or not away.size:
        raise ValueError(f"outcomes are not paired: {away.shape} away, {home.shape} at home")
    seeds = len(away)
    both = float((away & home).sum()) / seeds
    only_away = float((away & ~home).sum()) / seeds
    only_home = float((home & ~away).sum()) / seeds
    if both + only_home == 0.0:
        return Interval(math.nan, math.nan, math.nan)
    low, high = _hybrid_score(both, only_away, only_home)
    return Interval((both + only_away) / (both + only_home), low, high)


def _hybrid_score(both: float, only_first: float, only_second: float) -> tuple[float, float]:
    """Bonett and Price's interval; of pairs with no success in either nothing depends on."""
    first, second = both + only_first, both + only_second
    either = both + only_first + only_second
    apart = math.sqrt((only_first + only_second + 2.0) / ((first + 1.0) * (second + 1.0)))
    spread = sum(
        math.sqrt((1.0 - (count + 1.0) / (either + 2.0)) / (count + 1.0))
        for count in (first, second)
    )
    z = float(stats.norm.ppf(0.5 + 0.5 * CONFIDENCE)) * apart / spread
    low_first, high_first = _score(first, either, z)
    low_second, high_second = _score(second, either, z)
    return low_first / high_second, high_first / low_second


def _score(count: float, total: float, z: float) -> tuple[float, float]:
    """Wilson's interval of a share with another quantile; counts may be means over seeds."""
    middle = 2.0 * count + z * z
    reach = z * math.sqrt(z * z + 4.0 * count * max(1.0 - count / total, 0.0))
    size = 2.0 * (total + z * z)
    return max(middle - reach, 0.0) / size, (middle + reach) / size


def is_kept(kept: Interval) -> Kept:
    """Whether at least `WANTED` is kept, and surely `AT_LEAST`."""
    if math.isnan(kept.estimate):
        return Kept.UNDEFINED
    if kept.estimate >= WANTED and kept.low >= AT_LEAST:
        return Kept.YES
    return Kept.NO if kept.below(WANTED) else Kept.OPEN
