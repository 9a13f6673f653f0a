"""`summary.json`: every number of the report, for another program."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from simtransfer.report.findings import BOOTSTRAP_SEED, Findings, Headline, SuiteResult
from simtransfer.statistics import CONFIDENCE, RESAMPLES, AggregateCurve
from simtransfer.verdicts import Verdict


def render_summary(findings: Findings) -> str:
    """The findings as JSON text: keys in a fixed order, what is not defined as null."""
    return json.dumps(as_json(summarize(findings)), indent=2, allow_nan=False) + "\n"


def summarize(findings: Findings) -> dict[str, Any]:
    """The findings as nested dictionaries, in the report's order."""
    experiment = findings.experiment
    return {
        "name": experiment.name,
        "task": experiment.task,
        "finished": not experiment.unfinished,
        "runs": experiment.runs,
        "unfinished": [asdict(run) for run in experiment.unfinished],
        "headlines": [_headline(headline) for headline in findings.headlines],
        "scratch_not_converged": [
            {**asdict(row), "warning": row.sentence} for row in findings.unconverged
        ],
        "metrics": [
            {**asdict(row), **_verdict(findings.verdicts.get((row.student, row.method)))}
            for row in findings.metrics
        ],
        "curves": [_curve(curve) for curve in findings.aggregates],
        "suites": [_suite(result) for result in findings.suites],
        "teacher": asdict(experiment.teacher),
        "costs": [asdict(cost) for cost in findings.costs],
        "students": experiment.students,
        "methods": experiment.methods,
        "seeds": experiment.seeds,
        "steps": experiment.steps,
        "evaluation_interval": experiment.evaluation_interval,
        "confidence": CONFIDENCE,
        "bootstrap": {"resamples": RESAMPLES, "seed": BOOTSTRAP_SEED},
        "command": experiment.command,
        "versions": experiment.versions,
        "config": experiment.config,
    }


def _headline(headline: Headline) -> dict[str, Any]:
    return {
        "student": headline.student,
        "best_method": headline.verdict.method if headline.verdict else None,
        **_verdict(headline.verdict),
        "best_of": headline.compared,
        "negative_transfer": headline.negative,
    }


def _suite(result: SuiteResult) -> dict[str, Any]:
    return {k: v for k, v in asdict(result).items() if k != "measures"} | dict(result.measures)


def _verdict(verdict: Verdict | None) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome.value if verdict else None,
        "verdict": verdict.sentence if verdict else None,
    }


def _curve(curve: AggregateCurve) -> dict[str, Any]:
    return {
        "student": curve.student,
        "method": curve.method,
        "seeds": curve.seeds,
        "short_seeds": curve.short_seeds,
        "steps": curve.steps,
        "success": curve.mean,
        "low": curve.low,
        "high": curve.high,
    }


def as_json(value: Any) -> Any:
    """The same value in JSON's types; JSON knows neither NaN nor infinity."""
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
