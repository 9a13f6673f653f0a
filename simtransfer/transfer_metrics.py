"""What transfer was worth: a method's learning curves against those of training from scratch.

The quantities are those of Taylor & Stone, "Transfer Learning for Reinforcement Learning Domains: A
Survey" (JMLR 2009), and the probability of improvement of Agarwal et al. (NeurIPS 2021). Each is
computed on the interquartile mean curve over seeds. Its interval is a paired bootstrap: one draw of
seeds resamples the method and the baseline together, and the threshold with them.

Choices that decide what a number means:

- *Threshold*: 90 % of the baseline's final level. A *final level* is the mean of the last three
  evaluations.
- *Time to threshold*: the first evaluation step at which the curve, averaged over a window of three
  evaluations centred on it (two at either end), is at the threshold. A centred window does not
  delay a curve, as a trailing one would; the delay would be the same for fast and slow curves and
  so pull every speed-up towards 1.
- *Floor*: a time is at least one evaluation interval, since nothing shorter was measured. A method
  that starts at the threshold is so credited with less than it may deserve.
- *Censoring*: a curve that never gets there has the last common step as its time, and is marked.
  Its speed-up is then an upper bound, and at most 1: censoring never makes a method look faster.
- *Unfinished runs*: both curves are cut where the shorter ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from simtransfer.curve_quantities import (
    Array,
    final_level,
    first_at_threshold,
    improvement_table,
    learning_slope,
    success_threshold,
)
from simtransfer.learning_curves import (
    CURVE_SUITE,
    CurveMatrix,
    check_curves,
    curve_keys,
    curve_matrix,
    forward_fill,
)
from simtransfer.statistics import RESAMPLES, Interval, interquartile_mean, percentile_interval

BASELINE = "scratch"


@dataclass(frozen=True)
class TransferMetrics:
    """One method against the baseline on one student; each `Interval` is over seeds.

    Attributes:
        student: Name of the student.
        method: Name of the method; the baseline itself has a row too, with trivial comparisons.
        seeds: Seeds that both have; the others were left out.
        horizon: Last environment step that all compared runs have reached.
        budget: Last environment step of the student's longest curve.
        threshold: Success rate that counts as having learnt; NaN if the baseline learnt nothing.
        start: Success rate at the first evaluation.
        jumpstart: Start minus the baseline's start.
        jumpstart_of_teacher: Jumpstart as a share of the teacher's success rate.
        time_to_threshold: Environment steps; the horizon if censored.
        censored: Whether the curve never reached the threshold up to the horizon.
        baseline_censored: Whether the baseline's did not, which takes an unfinished run: its
            final level defines the threshold. The speed-up is a lower bound then.
        seeds_at_threshold: How many single runs reached it.
        slope: Success rate gained per 100 000 steps: least-squares line from the first evaluation
            to that at which the threshold is reached (the second one at least, all if censored).
        final_level: Mean of the last three evaluations: the asymptote.
        final_level_difference: Final level minus the baseline's.
        area_ratio: (Area under the curve - baseline's area) / baseline's area.
        speed_up: The baseline's time to threshold / the method's.
        speed_up_charged: The same with the teacher's training steps added to the method's.
        probability_of_improvement: P(a run's final level is above that of a run of the baseline),
            over all pairs of seeds; a tie counts half.
    """

    student: str
    method: str
    seeds: tuple[int, ...]
    horizon: int
    budget: int
    threshold: float
    start: Interval
    jumpstart: Interval
    jumpstart_of_teacher: Interval
    time_to_threshold: Interval
    censored: bool
    baseline_censored: bool
    seeds_at_threshold: int
    slope: Interval
    final_level: Interval
    final_level_difference: Interval
    area_ratio: Interval
    speed_up: Interval
    speed_up_charged: Interval
    probability_of_improvement: Interval


def measure_transfer(
    method: CurveMatrix,
    baseline: CurveMatrix,
    generator: np.random.Generator,
    *,
    teacher_steps: float = math.nan,
    teacher_success: float = math.nan,
    resamples: int = RESAMPLES,
) -> TransferMetrics:
    """Compare one method with the baseline on the seeds and steps that both have.

    Args:
        method: The method's curves.
        baseline: The baseline's curves for the same student.
        generator: Source of the resampling.
        teacher_steps: Environment steps the teacher was trained for; NaN if unknown.
        teacher_success: The teacher's success rate; NaN if unknown.
        resamples: Number of bootstrap resamples.

    Raises:
        ValueError: The two have no seed or no evaluation step in common.
    """
    seeds = [seed for seed in method.seeds if seed in baseline.seeds]
    steps = np.intersect1d(method.steps, baseline.steps)
    if not seeds or not len(steps):
        raise ValueError(
            f"{method.student}: {method.method} and {baseline.method} have no "
            f"{'evaluation step' if seeds else 'seed'} in common"
        )
    ours, theirs = method.of_seeds(seeds), baseline.of_seeds(seeds)
    index = _seed_draws(len(seeds), generator, resamples)
    # Cut to the common steps for comparing; the threshold alone may use all the baseline did.
    threshold = success_threshold(interquartile_mean(theirs.success[index], axis=1))
    our_runs = ours.success[:, np.isin(ours.steps, steps)]
    their_runs = theirs.success[:, np.isin(theirs.steps, steps)]
    values = _compare_curves(
        steps,
        interquartile_mean(our_runs[index], axis=1),
        interquartile_mean(their_runs[index], axis=1),
        threshold,
    )
    wins = improvement_table(final_level(our_runs), final_level(their_runs))
    pairs = wins[index[:, :, None], index[:, None, :]]
    values["probability_of_improvement"] = pairs.mean(axis=(1, 2))
    values["jumpstart_of_teacher"] = values["jumpstart"] / (teacher_success or math.nan)
    values["speed_up_charged"] = values["baseline_time"] / (values["time"] + teacher_steps)

    def interval(name: str) -> Interval:
        return percentile_interval(float(values[name][0]), values[name][1:])

    _, single_runs = first_at_threshold(our_runs, np.full(len(seeds), threshold[0]))
    return TransferMetrics(
        student=method.student,
        method=method.method,
        seeds=tuple(seeds),
        horizon=int(steps[-1]),
        budget=method.budget,
        threshold=float(threshold[0]),
        start=interval("start"),
        jumpstart=interval("jumpstart"),
        jumpstart_of_teacher=interval("jumpstart_of_teacher"),
        time_to_threshold=interval("time"),
        censored=bool(values["reached"][0] == 0.0),
        baseline_censored=bool(values["baseline_reached"][0] == 0.0),
        seeds_at_threshold=int(np.nansum(single_runs)),
        slope=interval("slope"),
        final_level=interval("final_level"),
        final_level_difference=interval("final_level_difference"),
        area_ratio=interval("area_ratio"),
        speed_up=interval("speed_up"),
        speed_up_charged=interval("speed_up_charged"),
        probability_of_improvement=interval("probability_of_improvement"),
    )


def _seed_draws(count: int, generator: np.random.Generator, resamples: int) -> NDArray[np.int64]:
    """The seeds as they are in row 0, then one resample a row; a single seed has none."""
    as_they_are = np.arange(count)[None, :]
    if count < 2:
        return as_they_are
    return np.vstack([as_they_are, generator.integers(count, size=(resamples, count))])


def _compare_curves(
    steps: NDArray[np.int64], ours: Array, theirs: Array, threshold: Array
) -> dict[str, Array]:
    """Every quantity of pairs of curves (N, T) and thresholds (N,), each of shape (N,)."""
    our_index, reached = first_at_threshold(ours, threshold)
    their_index, baseline_reached = first_at_threshold(theirs, threshold)
    interval = steps[1] - steps[0] if len(steps) > 1 else math.nan
    defined = np.where(np.isnan(threshold), np.nan, 1.0)
    time = np.maximum(steps[our_index], interval) * defined
    baseline_time = np.maximum(steps[their_index], interval) * defined
    our_area, their_area = trapezoid(ours, steps, axis=-1), trapezoid(theirs, steps, axis=-1)
    return {
        "start": ours[:, 0],
        "jumpstart": ours[:, 0] - theirs[:, 0],
        "time": time,
        "baseline_time": baseline_time,
        "reached": reached,
        "baseline_reached": baseline_reached,
        "speed_up": baseline_time / time,
        "slope": learning_slope(steps, ours, our_index),
        "final_level": final_level(ours),
        "final_level_difference": final_level(ours) - final_level(theirs),
        "area_ratio": (our_area - their_area) / np.where(their_area > 0.0, their_area, np.nan),
    }


def measure_all(
    curves: pd.DataFrame,
    generator: np.random.Generator,
    *,
    baseline: str = BASELINE,
    teacher_steps: float = math.nan,
    teacher_success: float = math.nan,
    resamples: int = RESAMPLES,
    suite: str = CURVE_SUITE,
) -> tuple[TransferMetrics, ...]:
    """Compare every method with the baseline, for every student that has baseline runs.

    Args:
        curves: The learning curves; see `simtransfer.learning_curves`.
        generator: Source of the resampling.
        baseline: Name of the method that the others are compared with.
        teacher_steps: Environment steps the teacher was trained for; NaN if unknown.
        teacher_success: The teacher's success rate; NaN if unknown.
        resamples: Number of bootstrap resamples.
        suite: The suite that curves are measured on.

    Returns:
        One row for each (student, method), the baseline included, in the table's order. Left out
        is what cannot be compared yet: no baseline runs, or no seed or step in common.

    Raises:
        ValueError: The table is not usable; see `check_curves`.
    """
    check_curves(curves)
    filled = forward_fill(curves, suite=suite)
    keys = curve_keys(filled, suite)
    rows = []
    for student, name in keys:
        if (student, baseline) not in keys:
            continue
        method = curve_matrix(filled, student, name, suite)
        reference = curve_matrix(filled, student, baseline, suite)
        shares_seed = set(method.seeds) & set(reference.seeds)
        if shares_seed and np.intersect1d(method.steps, reference.steps).size:
            rows.append(
                measure_transfer(
                    method,
                    reference,
                    generator,
                    teacher_steps=teacher_steps,
                    teacher_success=teacher_success,
                    resamples=resamples,
                )
            )
    return tuple(rows)
