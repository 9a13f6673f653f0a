"""Whether training from scratch had converged at the end of a comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simtransfer.learning_curves import CurveMatrix

SHARE = 0.2  # of a run, its last part, which is compared with the part before
SMALLEST = 0.02  # gain in success rate that matters
CONFIDENCE = 0.95  # one-sided
LEARNED = 0.5  # of the teacher's success, below which a task counts as not learned


@dataclass(frozen=True)
class StillImproving:
    """A method whose success still rose at the end of its budget.

    Attributes:
        student: Name of the student.
        method: Name of the method.
        seeds: Number of runs.
        gain: Success rate of the last fifth of the evaluations minus that of the fifth before, mean
            over seeds.
        low: Lower end of its one-sided 95 % interval.
    """

    student: str
    method: str
    seeds: int
    gain: float
    low: float

    @property
    def sentence(self) -> str:
        """The warning in reports."""
        return (
            f"training from scratch was still improving at the end (+{self.gain:.2f} over the last "
            "fifth): the comparison may understate it; run longer"
        )


@dataclass(frozen=True)
class NotLearned:
    """A method that had hardly begun to succeed at the end of its budget.

    Attributes:
        student: Name of the student.
        method: Name of the method.
        seeds: Number of runs.
        final: Success rate of the last fifth of the evaluations, mean over seeds.
        teacher: The teacher's success rate on its own robot.
    """

    student: str
    method: str
    seeds: int
    final: float
    teacher: float

    @property
    def sentence(self) -> str:
        """The warning in reports."""
        return (
            f"training from scratch had not learned the task at the end ({self.final:.2f}, the "
            f"teacher {self.teacher:.2f}): whether it would is not shown; run longer"
        )


def not_learned(curve: CurveMatrix, teacher: float) -> NotLearned | None:
    """Compare the success at the end of a method's finished runs with the teacher's.

    Args:
        curve: The method's curves.
        teacher: The teacher's success rate on its own robot; NaN if it was not measured.

    Returns:
        The two success rates, or None where the first is at least half of the second, or runs are
        unfinished.
    """
    if curve.short_seeds or not len(curve.steps):
        return None
    count = max(round(SHARE * (len(curve.steps) - 1)), 1)
    final = float(curve.success[:, -count:].mean())
    if not final < LEARNED * teacher:
        return None
    return NotLearned(curve.student, curve.method, len(curve.success), final, teacher)


def still_improving(curve: CurveMatrix, episodes: int) -> StillImproving | None:
    """Test whether success still rose at the end of a method's finished runs.

    With several seeds by Student's one-sided t-test of each run's gain, paired within runs; with a
    single one by the standard error of two success rates over so many episodes.

    Args:
        curve: The method's curves.
        episodes: Episodes of each evaluation.

    Returns:
        The gain, or None where there was none, runs are unfinished or evaluations are too few.
    """
    count = max(round(SHARE * (len(curve.steps) - 1)), 1)
    if curve.short_seeds or len(curve.steps) < 2 * count + 1:
        return None
    last = curve.success[:, -count:].mean(axis=1)
    before = curve.success[:, -2 * count : -count].mean(axis=1)
    gains = last - before
    gain = float(gains.mean())
    low = gain - _margin(gains, float(before.mean()), float(last.mean()), count * episodes)
    if gain < SMALLEST or not low > 0.0:
        return None
    return StillImproving(curve.student, curve.method, len(gains), gain, low)


def _margin(gains: NDArray[np.float64], before: float, last: float, episodes: int) -> float:
    """How far below the mean gain the one-sided interval reaches."""
    if len(gains) > 1:
        error = float(gains.std(ddof=1)) / math.sqrt(len(gains))
        return float(stats.t.ppf(CONFIDENCE, len(gains) - 1)) * error
    variance = before * (1.0 - before) + last * (1.0 - last)
    return float(stats.norm.ppf(CONFIDENCE)) * math.sqrt(variance / max(episodes, 1))
