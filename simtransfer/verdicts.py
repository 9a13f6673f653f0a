"""One sentence on what a comparison showed, in fixed words."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from simtransfer.statistics import Interval
from simtransfer.transfer_metrics import BASELINE, TransferMetrics

# With fewer seeds a bootstrap interval is known to be too narrow: with two, chance alone puts zero
# outside it every second time. The sentence says so rather than hiding the number.
ENOUGH_SEEDS = 5


class Outcome(enum.Enum):
    """What was shown, best first."""

    FASTER = "faster"
    HIGHER = "higher"
    NO_DIFFERENCE = "no difference shown"
    NEGATIVE = "negative transfer"


@dataclass(frozen=True)
class Verdict:
    """What was shown for one method on one student, and the sentence that says it."""

    student: str
    method: str
    outcome: Outcome
    sentence: str


def judge(metrics: TransferMetrics) -> Verdict:
    """Say what a comparison showed.

    Negative transfer comes first: a method that is faster to the threshold and then ends below the
    baseline is worse than it. An outcome other than "no difference shown" needs an interval that
    excludes no effect.
    """
    outcome, finding = _find(metrics)
    return Verdict(metrics.student, metrics.method, outcome, finding + _reservations(metrics))


def _find(metrics: TransferMetrics) -> tuple[Outcome, str]:
    losses = _losses(metrics)
    if losses:
        return Outcome.NEGATIVE, f"negative transfer: {'; '.join(losses)}{_consolation(metrics)}"
    speed_up, difference = metrics.speed_up, metrics.final_level_difference
    if speed_up.above(1.0):
        return Outcome.FASTER, (
            f"reached the level {speed_up.estimate:.1f}× faster ({_interval(speed_up, '.1f')})"
        )
    if difference.above(0.0):
        return Outcome.HIGHER, (
            f"ended higher by {difference.estimate:.2f} ({_interval(difference, '.2f')})"
        )
    return Outcome.NO_DIFFERENCE, "no difference shown"


def _losses(metrics: TransferMetrics) -> list[str]:
    losses = []
    difference, area, speed_up = (
        metrics.final_level_difference,
        metrics.area_ratio,
        metrics.speed_up,
    )
    if difference.below(0.0):
        losses.append(
            f"final level lower by {-difference.estimate:.2f} ({_interval(difference, '.2f')})"
        )
    if area.below(0.0):
        percent = Interval(*(100.0 * value for value in (area.estimate, area.low, area.high)))
        losses.append(
            f"area under the curve smaller by {-percent.estimate:.0f} %"
            f" ({_interval(percent, '.0f')} %)"
        )
    # Taking longer is only worth a sentence of its own where nothing above already says worse.
    if not losses and speed_up.below(1.0):
        losses.append(
            f"reached the level only {speed_up.estimate:.2f}× as fast"
            f" ({_interval(speed_up, '.2f')})"
        )
    return losses


def _consolation(metrics: TransferMetrics) -> str:
    if metrics.speed_up.above(1.0):
        return f", although it reached the level {metrics.speed_up.estimate:.1f}× faster"
    if metrics.jumpstart.above(0.0):
        return f", although it started higher by {metrics.jumpstart.estimate:.2f}"
    return ""


def _reservations(metrics: TransferMetrics) -> str:
    reservations = []
    if len(metrics.seeds) == 1:
        reservations.append("one seed: no interval")
    elif len(metrics.seeds) < ENOUGH_SEEDS:
        reservations.append(f"only {len(metrics.seeds)} seeds: the interval is too narrow")
    if metrics.horizon < metrics.budget:
        reservations.append(f"so far: step {metrics.horizon:,} of {metrics.budget:,}")
    return "".join(f"; {reservation}" for reservation in reservations)


def _interval(interval: Interval, digits: str) -> str:
    low, high = (
        f"{end:{digits}}".replace("-", "\N{MINUS SIGN}") for end in (interval.low, interval.high)
    )
    # A dash between two numbers, one of which is negative, cannot be read.
    between = " to " if interval.low < 0.0 else "–"
    return f"95 % interval {low}{between}{high}"


def best_verdict(
    metrics: Sequence[TransferMetrics], baseline: str = BASELINE
) -> tuple[TransferMetrics, Verdict] | None:
    """The best of one student's methods, the baseline left out; None if there is no other.

    Best is the best outcome; among equals, the greater lower end of the speed-up's interval, then
    of the area ratio's, then of the gain in final level, which there is even where the baseline
    never succeeds. Since it is chosen on the runs that it is reported on, its estimate is
    optimistic: a report that shows it says of how many it is the best.
    """
    judged = [(row, judge(row)) for row in metrics if row.method != baseline]
    return min(judged, key=_rank, default=None)


def _rank(judged: tuple[TransferMetrics, Verdict]) -> tuple[float, float, float, float]:
    metrics, verdict = judged
    return (
        list(Outcome).index(verdict.outcome),
        -_low_end(metrics.speed_up),
        -_low_end(metrics.area_ratio),
        -_low_end(metrics.final_level_difference),
    )


def _low_end(interval: Interval) -> float:
    # NaN compares false with everything and would leave the order to chance.
    return interval.low if interval.low == interval.low else -1e9
