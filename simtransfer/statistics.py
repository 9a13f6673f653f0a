"""Intervals, and the aggregate of several seeds' learning curves.

The aggregate is the interquartile mean with a percentile bootstrap interval, after Agarwal et al.,
"Deep Reinforcement Learning at the Edge of the Statistical Precipice" (NeurIPS 2021). Their
bootstrap is stratified by task; here one student on one suite is one stratum, so that it is
resampled by seed alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from simtransfer.learning_curves import (
    CURVE_SUITE,
    CurveMatrix,
    check_curves,
    curve_keys,
    curve_matrix,
    forward_fill,
)

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % confidence interval; NaN where it is not defined."""

    estimate: float
    low: float
    high: float

    def above(self, value: float) -> bool:
        """Whether the whole interval lies above the value; false for an undefined one."""
        return self.low > value

    def below(self, value: float) -> bool:
        """Whether the whole interval lies below the value; false for an undefined one."""
        return self.high < value


@dataclass(frozen=True)
class AggregateCurve:
    """The interquartile mean over seeds at each evaluation step, with its band.

    Attributes:
        student: Name of the student.
        method: Name of the method.
        seeds: The seeds that were aggregated.
        steps: Evaluation steps that all seeds have, shape (T,).
        mean: Interquartile mean of the success rate, shape (T,).
        low: Lower end of the 95 % band, shape (T,); NaN for a single seed.
        high: Upper end of the band, shape (T,); NaN for a single seed.
        short_seeds: Seeds whose runs are unfinished, for which the curve ends early.
        budget: The last evaluation step of the student's longest curve.
    """

    student: str
    method: str
    seeds: tuple[int, ...]
    steps: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    short_seeds: tuple[int, ...]
    budget: int


def interquartile_mean(values: NDArray[np.float64], axis: int = 0) -> NDArray[np.float64]:
    """Mean of the middle half: a quarter of the values, rounded down, is cut from each end."""
    return np.asarray(stats.trim_mean(values, 0.25, axis=axis), dtype=np.float64)


def wilson_interval(successes: int, episodes: int) -> Interval:
    """Share of episodes that succeeded, with Wilson's 95 % score interval (Wilson, 1927).

    Raises:
        ValueError: There are no episodes, or more successes than episodes.
    """
    if episodes < 1 or not 0 <= successes <= episodes:
        raise ValueError(f"{successes} successes in {episodes} episodes is not a share")
    test = stats.binomtest(successes, episodes)
    interval = test.proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Interval(successes / episodes, float(interval.low), float(interval.high))


def percentile_interval(estimate: float, draws: NDArray[np.float64]) -> Interval:
    """The percentile bootstrap interval of an estimate from its resampled values.

    A draw that is NaN (a ratio whose denominator was zero in that resample) widens both ends: left
    out, it would make the interval too narrow. Where such draws reach an end, the interval is NaN.

    Args:
        estimate: The value on the seeds as they are.
        draws: The value on each resample, shape (B,); empty if nothing could be resampled.
    """
    if draws.size == 0 or math.isnan(estimate):
        return Interval(estimate, math.nan, math.nan)
    tail = (1.0 - CONFIDENCE) / 2.0
    undefined = np.isnan(draws)
    last = draws.size - 1
    low = np.sort(np.where(undefined, -np.inf, draws))[math.floor(tail * last)]
    high = np.sort(np.where(undefined, np.inf, draws))[math.ceil((1.0 - tail) * last)]
    if not (np.isfinite(low) and np.isfinite(high)):
        return Interval(estimate, math.nan, math.nan)
    return Interval(estimate, float(low), float(high))


def aggregate_curve(
    matrix: CurveMatrix, generator: np.random.Generator, resamples: int = RESAMPLES
) -> AggregateCurve:
    """Interquartile mean over seeds and its 95 % band, at each step that all seeds have."""
    mean = interquartile_mean(matrix.success)
    if len(matrix.seeds) < 2 or not len(matrix.steps):
        # One seed says nothing about the spread over seeds.
        low = high = np.full_like(mean, np.nan)
    else:
        band = stats.bootstrap(
            (matrix.success,),
            interquartile_mean,
            axis=0,
            n_resamples=resamples,
            confidence_level=CONFIDENCE,
            method="percentile",
            random_state=generator,
        ).confidence_interval
        low, high = np.asarray(band.low), np.asarray(band.high)
    return AggregateCurve(
        student=matrix.student,
        method=matrix.method,
        seeds=matrix.seeds,
        steps=matrix.steps,
        mean=mean,
        low=low,
        high=high,
        short_seeds=matrix.short_seeds,
        budget=matrix.budget,
    )


def aggregate_curves(
    curves: pd.DataFrame,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    suite: str = CURVE_SUITE,
) -> tuple[AggregateCurve, ...]:
    """The aggregate curve of each (student, method), in the table's order.

    Args:
        curves: The learning curves; see `simtransfer.learning_curves`.
        generator: Source of the resampling.
        resamples: Number of bootstrap resamples.
        suite: The suite that curves are measured on.

    Raises:
        ValueError: The table is not usable; see `check_curves`.
    """
    check_curves(curves)
    filled = forward_fill(curves, suite=suite)
    return tuple(
        aggregate_curve(curve_matrix(filled, student, method, suite), generator, resamples)
        for student, method in curve_keys(filled, suite)
    )
