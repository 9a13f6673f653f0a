"""All that a report says, computed once; its parts only differ in how they show it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from envs import curve_suite
from simtransfer.convergence import NotLearned, StillImproving, not_learned, still_improving
from simtransfer.learning_curves import UNTRAINED, curve_keys, curve_matrix, forward_fill
from simtransfer.measures import measures
from simtransfer.records import Experiment
from simtransfer.statistics import AggregateCurve, Interval, aggregate_curves, wilson_interval
from simtransfer.transfer_metrics import BASELINE, TransferMetrics, measure_all
from simtransfer.verdicts import Outcome, Verdict, best_verdict, judge

BOOTSTRAP_SEED = 0


@dataclass(frozen=True)
class Headline:
    """The answer for one student: its best method, of how many, and which did harm.

    Attributes:
        student: Name of the student.
        metrics: The best method's; None while nothing can be compared.
        verdict: The best method's.
        compared: How many methods it is the best of.
        negative: Methods with negative transfer.
    """

    student: str
    metrics: TransferMetrics | None
    verdict: Verdict | None
    compared: int
    negative: tuple[str, ...]


@dataclass(frozen=True)
class SuiteResult:
    """The last evaluation of the finished runs of one method on one suite of episodes."""

    student: str
    method: str
    suite: str
    seeds: int
    episodes: int
    success: Interval
    measures: Mapping[str, float]


@dataclass(frozen=True)
class RunCost:
    """What the runs of one method cost.

    Attributes:
        student: Name of the student.
        method: Name of the method.
        runs: How many.
        steps: Of the longest run.
        hours_per_run: Mean.
        hours_to_level: Until the threshold was reached; NaN if it never was.
        hours: Of all runs.
    """

    student: str
    method: str
    runs: int
    steps: int
    hours_per_run: float
    hours_to_level: float
    hours: float


@dataclass(frozen=True)
class Findings:
    """Everything a report says; ``unconverged``: students whose scratch had not converged."""

    experiment: Experiment
    aggregates: tuple[AggregateCurve, ...]
    metrics: tuple[TransferMetrics, ...]
    verdicts: Mapping[tuple[str, str], Verdict]
    headlines: tuple[Headline, ...]
    suites: tuple[SuiteResult, ...]
    costs: tuple[RunCost, ...]
    unconverged: tuple[StillImproving | NotLearned, ...]

    def threshold(self, student: str) -> float:
        """The success rate that counts as having learnt; NaN if the baseline has no runs."""
        for row in self.metrics:
            if row.student == student and row.method == BASELINE:
                return row.threshold
        return math.nan


def find(experiment: Experiment) -> Findings:
    """Compute everything that a report says of an experiment.

    Raises:
        ValueError: If its task is unknown.
    """
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    suite = curve_suite(experiment.task)
    curves = forward_fill(experiment.curves, _untrained_methods(experiment, suite), suite)
    aggregates = aggregate_curves(curves, generator, suite=suite)
    metrics = measure_all(
        curves,
        generator,
        teacher_steps=experiment.teacher.steps,
        teacher_success=experiment.teacher.success_rate,
        suite=suite,
    )
    return Findings(
        experiment=experiment,
        aggregates=aggregates,
        metrics=metrics,
        verdicts={
            (row.student, row.method): judge(row) for row in metrics if row.method != BASELINE
        },
        headlines=tuple(_headline(student, metrics) for student in experiment.students),
        suites=_suite_results(experiment),
        costs=_run_costs(experiment, metrics),
        unconverged=_unconverged(curves, suite, experiment.teacher.success_rate),
    )


def _unconverged(
    curves: pd.DataFrame, suite: str, teacher: float
) -> tuple[StillImproving | NotLearned, ...]:
    """Students whose training from scratch had not converged when the budget ended."""
    rows = []
    for student, method in curve_keys(curves, suite):
        if method == BASELINE:
            of_student = curves[(curves["student"] == student) & (curves["method"] == method)]
            on_curve = of_student[of_student["suite"] == suite]
            episodes = round(float(on_curve["episodes"].mean()))
            matrix = curve_matrix(curves, student, method, suite)
            rows.append(not_learned(matrix, teacher) or still_improving(matrix, episodes))
    return tuple(row for row in rows if row)


def _untrained_methods(experiment: Experiment, suite: str) -> tuple[str, ...]:
    """Methods known not to train, and those whose runs all finished after one evaluation."""
    unfinished = {run.method for run in experiment.unfinished}
    curves = experiment.curves[experiment.curves["suite"] == suite]
    evaluations = curves.groupby(["method", "student", "seed"]).size().groupby("method").max()
    once = (str(method) for method in evaluations.index[evaluations == 1])
    return (*UNTRAINED, *(method for method in once if method not in unfinished))


def _headline(student: str, metrics: tuple[TransferMetrics, ...]) -> Headline:
    rows = [row for row in metrics if row.student == student and row.method != BASELINE]
    best = best_verdict(rows)
    return Headline(
        student=student,
        metrics=best[0] if best else None,
        verdict=best[1] if best else None,
        compared=len(rows),
        negative=tuple(row.method for row in rows if judge(row).outcome is Outcome.NEGATIVE),
    )


def _suite_results(experiment: Experiment) -> tuple[SuiteResult, ...]:
    unfinished = {(run.student, run.method, run.seed) for run in experiment.unfinished}
    results = []
    groups = experiment.curves.groupby(["student", "method", "suite"], sort=False)
    for (student, method, suite), rows in groups:
        # The last evaluation of a run that goes on is not its result.
        finished = [(student, method, seed) not in unfinished for seed in rows["seed"]]
        last = rows[finished].sort_values("step").groupby("seed").tail(1)
        if len(last) and last["episodes"].sum() > 0:
            results.append(_suite_result(str(student), str(method), str(suite), last))
    return tuple(results)


def _suite_result(student: str, method: str, suite: str, last: pd.DataFrame) -> SuiteResult:
    episodes = int(last["episodes"].sum())
    successes = round(float((last["success_rate"] * last["episodes"]).sum()))
    sums = {
        name: float((last[name] * last["episodes"]).sum(skipna=False))
        for name in measures(last.columns)
    }
    return SuiteResult(
        student=student,
        method=method,
        suite=suite,
        seeds=len(last),
        episodes=episodes,
        # Every seed plays the same episodes: so many more trials they are not.
        success=wilson_interval(round(successes / len(last)), round(episodes / len(last))),
        measures={name: value / episodes for name, value in sums.items()},
    )


def _run_costs(experiment: Experiment, metrics: tuple[TransferMetrics, ...]) -> tuple[RunCost, ...]:
    costs = []
    steps_to_level = {
        (row.student, row.method): math.nan if row.censored else row.time_to_threshold.estimate
        for row in metrics
    }
    for (student, method), rows in experiment.curves.groupby(["student", "method"], sort=False):
        hours = rows.groupby("seed")["wall_seconds"].max() / 3600.0
        steps = int(rows["step"].max())
        share = steps_to_level.get((student, method), math.nan) / steps if steps else math.nan
        costs.append(
            RunCost(
                student=str(student),
                method=str(method),
                runs=len(hours),
                steps=steps,
                hours_per_run=float(hours.mean()),
                hours_to_level=share * float(hours.mean()),
                hours=float(hours.sum()),
            )
        )
    return tuple(costs)
