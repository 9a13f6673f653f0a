"""`report.html`: one page that needs no other file and no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from itertools import groupby

from simtransfer.records import UnfinishedRun
from simtransfer.report import tables, wording
from simtransfer.report.findings import Findings
from simtransfer.report.summary import as_json
from simtransfer.report.templates import templates
from simtransfer.run_records import TensorRecord
from simtransfer.statistics import RESAMPLES
from simtransfer.verdicts import Outcome

TEMPLATE = "page.html"


def render_page(
    findings: Findings, curves: bytes, ranges: bytes | None, video: bytes | None
) -> str:
    """Render the page with its picture and video inside.

    Args:
        findings: What the page says.
        curves: The learning curves as a PNG.
        ranges: What was drawn from in training as a PNG, if that changed.
        video: The video as an MP4, if there is one.
    """
    environment = templates()
    environment.filters.update(
        steps=wording.steps,
        hours=wording.hours,
        percent=wording.percent,
        fixed=wording.fixed,
        signed=wording.signed,
        verdict=tables.join_verdict,
    )
    environment.globals.update(
        by_student=by_student, outcome_colour=outcome_colour, speed_up_cell=tables.speed_up_cell
    )
    experiment = findings.experiment
    return environment.get_template(TEMPLATE).render(
        findings=findings,
        experiment=experiment,
        unfinished=unfinished_lines(experiment.unfinished),
        metric_columns=tables.METRIC_COLUMNS,
        metric_rows=tables.metric_rows(findings),
        suite_columns=tables.suite_columns(findings),
        suite_rows=tables.suite_rows(findings),
        cost_columns=tables.COST_COLUMNS,
        cost_rows=tables.cost_rows(findings),
        transfers=[
            (student, method, tensors, count_statuses(tensors))
            for (student, method), tensors in experiment.transfers.items()
        ],
        config=json.dumps(as_json(experiment.config), indent=2),
        resamples=RESAMPLES,
        curves=base64.b64encode(curves).decode(),
        ranges=base64.b64encode(ranges).decode() if ranges else None,
        video=base64.b64encode(video).decode() if video else None,
    )


def unfinished_lines(runs: tuple[UnfinishedRun, ...]) -> list[str]:
    """The unfinished runs, one line for each (student, method)."""
    lines = []
    for (student, method), group in groupby(runs, key=lambda run: (run.student, run.method)):
        seeds: dict[str, list[str]] = {}
        for run in group:
            seeds.setdefault(_progress(run), []).append(str(run.seed))
        parts = (
            f"seed{'s' if len(names) > 1 else ''} {', '.join(names)} {progress}"
            for progress, names in seeds.items()
        )
        lines.append(f"{student}, {method}: {'; '.join(parts)}")
    return lines


def _progress(run: UnfinishedRun) -> str:
    return "not begun" if run.step is None else f"at step {wording.steps(run.step)}"


def count_statuses(tensors: tuple[TensorRecord, ...]) -> str:
    """How many tensors have each status: "4 copied, 2 aligned, 1 new"."""
    counts: dict[str, int] = {}
    for tensor in tensors:
        for status in tensor.status.split(","):
            counts[status.strip()] = counts.get(status.strip(), 0) + 1
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def by_student(rows: Sequence[tables.Row]) -> list[tuple[str, list[tables.Row]]]:
    """Neighbouring rows of one student together, in the order they have."""
    return [(student, list(group)) for student, group in groupby(rows, key=lambda row: row.student)]


def outcome_colour(outcome: str) -> str:
    """The style class of an outcome; the page also says it in words."""
    good = (Outcome.FASTER.value, Outcome.HIGHER.value)
    return "good" if outcome in good else "bad" if outcome == Outcome.NEGATIVE.value else ""
