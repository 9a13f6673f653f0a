"""The report's tables: one set of rows, shown by the page and by a terminal."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from simtransfer.measures import heading, is_share, shown
from simtransfer.report import wording
from simtransfer.report.findings import Findings, SuiteResult
from simtransfer.statistics import Interval
from simtransfer.transfer_metrics import BASELINE, TransferMetrics

TERMINAL_WIDTH = 200
METRIC_COLUMNS = (
    "Method",
    "Speed-up",
    "Speed-up, teacher charged",
    "Steps to threshold",
    "Jumpstart",
    "Slope per 100k steps",
    "Final level",
    "Area ratio",
    "P(improvement)",
)
COST_COLUMNS = (
    "What",
    "Runs",
    "Steps per run",
    "Time per run",
    "Time to the level",
    "Time in all",
)


@dataclass(frozen=True)
class Cell:
    """A number as text, and its 95 % interval, empty if it has none."""

    text: str
    interval: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a table, with the student it belongs to and what its colour should say."""

    student: str
    cells: tuple[Cell, ...]
    outcome: str = ""
    verdict: str = ""


def metric_rows(findings: Findings) -> list[Row]:
    """What transfer was worth: a row for each (student, method), scratch included."""
    rows = []
    for metrics in findings.metrics:
        verdict = findings.verdicts.get((metrics.student, metrics.method))
        rows.append(
            Row(
                student=metrics.student,
                cells=(Cell(metrics.method), *_metric_cells(metrics)),
                outcome=verdict.outcome.value if verdict else "",
                verdict=verdict.sentence if verdict else "",
            )
        )
    return rows


def _metric_cells(metrics: TransferMetrics) -> tuple[Cell, ...]:
    is_baseline = metrics.method == BASELINE
    # Against itself a baseline has no difference and a ratio of one; showing that tells nothing.
    compared = Cell(wording.NOTHING)
    return (
        compared if is_baseline else speed_up_cell(metrics, metrics.speed_up),
        compared if is_baseline else speed_up_cell(metrics, metrics.speed_up_charged),
        _time_cell(metrics),
        compared if is_baseline else _cell(metrics.jumpstart, wording.signed),
        _cell(metrics.slope, wording.fixed),
        _cell(metrics.final_level, wording.fixed),
        compared if is_baseline else _cell(metrics.area_ratio, wording.signed_percent),
        compared if is_baseline else _cell(metrics.probability_of_improvement, wording.fixed),
    )


def speed_up_cell(metrics: TransferMetrics, speed_up: Interval) -> Cell:
    """A speed-up, marked as a bound where a curve ended before the threshold."""
    if metrics.censored and metrics.baseline_censored:
        return Cell("not yet")
    bound = "≤ " if metrics.censored else "≥ " if metrics.baseline_censored else ""
    return _cell(speed_up, wording.ratio, bound)


def _time_cell(metrics: TransferMetrics) -> Cell:
    if metrics.censored:
        single = f"{metrics.seeds_at_threshold} of {len(metrics.seeds)} runs did"
        return Cell(f"not by {wording.steps(metrics.horizon)}", single)
    return _cell(metrics.time_to_threshold, wording.steps)


def _cell(interval: Interval, one: Callable[[float], str], prefix: str = "") -> Cell:
    text = one(interval.estimate)
    return Cell(text if text == wording.NOTHING else prefix + text, wording.span(interval, one))


def suite_names(findings: Findings) -> tuple[str, ...]:
    """The suites that were evaluated, in the order they were recorded."""
    return tuple(dict.fromkeys(result.suite for result in findings.suites))


def suite_columns(findings: Findings) -> tuple[str, ...]:
    """A column for each suite, between the method and the finished runs."""
    return ("Method", *suite_names(findings), "Finished runs")


def suite_rows(findings: Findings) -> list[Row]:
    """Final evaluation of the finished runs: a row for each (student, method)."""
    by_method: dict[tuple[str, str], dict[str, SuiteResult]] = {}
    for result in findings.suites:
        by_method.setdefault((result.student, result.method), {})[result.suite] = result
    names = suite_names(findings)
    return [
        Row(
            student=student,
            cells=(
                Cell(method),
                *(_suite_cell(results.get(name)) for name in names),
                Cell(str(max(result.seeds for result in results.values()))),
            ),
        )
        for (student, method), results in by_method.items()
    ]


def _suite_cell(result: SuiteResult | None) -> Cell:
    if result is None:
        return Cell(wording.NOTHING)
    about = [wording.span(result.success, wording.percent)]
    about += [
        f"{heading(name)} {shown(name, value)}"
        for name, value in result.measures.items()
        if not (math.isnan(value) or (is_share(name) and value == 0.0))  # what never happened
    ]
    share = f"{wording.percent(result.success.estimate)} of {result.episodes}"
    return Cell(share, ", ".join(about))


def cost_rows(findings: Findings) -> list[Row]:
    """What the teacher and the runs cost; the teacher's row belongs to no student."""
    teacher = findings.experiment.teacher
    of_teacher = (
        f"teacher {teacher.name}",
        "1",
        wording.steps(teacher.steps),
        wording.hours(teacher.hours),
        wording.NOTHING,
        wording.hours(teacher.hours),
    )
    rows = [Row("", tuple(Cell(text) for text in of_teacher))]
    for cost in findings.costs:
        texts = (
            cost.method,
            str(cost.runs),
            wording.steps(cost.steps),
            wording.hours(cost.hours_per_run),
            wording.hours(cost.hours_to_level),
            wording.hours(cost.hours),
        )
        rows.append(Row(cost.student, tuple(Cell(text) for text in texts)))
    return rows


def headline_lines(findings: Findings) -> list[str]:
    """One sentence per student: what its best method achieved; then what weakens the comparison."""
    lines = []
    for headline in findings.headlines:
        if headline.verdict is None:
            lines.append(f"{headline.student}: nothing to compare yet")
            continue
        best = headline.verdict
        lines.append(f"{headline.student}: {best.method} {join_verdict(best.sentence)}")
        if headline.negative:
            lines.append(f"  negative transfer: {', '.join(headline.negative)}")
    lines += [f"{row.student}: {row.sentence}" for row in findings.unconverged]
    return lines


def join_verdict(sentence: str) -> str:
    """A verdict as the rest of a sentence that a method's name begins: "reuse: no difference"."""
    return sentence if sentence.startswith(("reached", "ended")) else f"– {sentence}"


def terminal_tables(findings: Findings) -> list[Table]:
    """The tables for a terminal, ready to be printed with rich."""
    return [
        _table(
            "What transfer was worth, with 95 % intervals", METRIC_COLUMNS, metric_rows(findings)
        ),
        _table("Success in the final evaluation", suite_columns(findings), suite_rows(findings)),
        _table("Cost", COST_COLUMNS, cost_rows(findings)),
    ]


def _table(title: str, columns: tuple[str, ...], rows: list[Row]) -> Table:
    table = Table("Student", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column)
    student = None
    for row in rows:
        if student is not None and row.student != student:
            table.add_section()
        shown = row.student if row.student != student else ""
        texts = [f"{cell.text}\n{cell.interval}".rstrip() for cell in row.cells]
        # Text, not markup: a student may be called "[left]".
        table.add_row(Text(shown), *map(Text, texts))
        student = row.student
    return table


def render_tables(findings: Findings) -> str:
    """Headline and tables as plain text, for `table.txt`."""
    return as_text(headline_lines(findings), terminal_tables(findings))


def as_text(headlines: Sequence[str], tables: Sequence[Table]) -> str:
    """Sentences, then tables, as plain text."""
    console = Console(file=io.StringIO(), width=TERMINAL_WIDTH, record=True, color_system=None)
    for line in headlines:
        console.print(Text(line))
    for table in tables:
        console.print()
        console.print(table)
    lines = console.export_text().splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"
