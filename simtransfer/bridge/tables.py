"""The bridge's tables: one set of rows, shown by the page and by a terminal."""

from __future__ import annotations

import math

from rich import box
from rich.table import Table
from rich.text import Text

from simtransfer.bridge.divergence import Divergence, Onset
from simtransfer.bridge.findings import TITLES, Crossing, Findings
from simtransfer.bridge.matrix import MatrixRow
from simtransfer.bridge.policies import ENGINES
from simtransfer.bridge.retention import Kept
from simtransfer.report import wording
from simtransfer.report.tables import Cell, as_text

FIRST = 10  # observations that are shown of those that diverge
MATRIX_COLUMNS = ("Trained in", "Policy", *(f"In {TITLES[e]}" for e in ENGINES), "Kept")
ONSET_COLUMNS = (
    "Observation",
    "Group",
    "Step",
    "After",
    "Distance",
    "At most",
    "Reference",
    "There",
)


def matrix_cells(findings: Findings, suite: str) -> list[tuple[Cell, ...]]:
    """A suite's matrix; an engine that nobody was trained in has a row that says so."""
    rows = findings.of_suite(suite)
    lines = []
    for engine in ENGINES:
        trained = [row for row in rows if row.trained_in == engine]
        lines += [_matrix_line(row) for row in trained]
        if not trained:
            nobody = Cell("–", f"none given; train --simulator {engine} makes one")
            lines.append((Cell(TITLES[engine]), nobody, *(Cell(wording.NOTHING),) * 3))
    return lines


def _matrix_line(row: MatrixRow) -> tuple[Cell, ...]:
    shares = [
        Cell(
            one_decimal(cell.success.estimate),
            f"{wording.span(cell.success, one_decimal)}, half within {cell.length:.0f} steps",
        )
        for cell in row.cells
    ]
    seeds = "" if row.seeds == 1 else f"{row.seeds} seeds"
    return (Cell(TITLES[row.trained_in]), Cell(row.label, seeds), *shares, kept_cell(row))


def kept_cell(row: MatrixRow) -> Cell:
    """What is kept, with its interval; and why not, where there is none."""
    if row.kept is Kept.UNDEFINED:
        return Cell(wording.NOTHING, row.kept.value)
    return Cell(
        one_decimal(row.retention.estimate),
        f"{wording.span(row.retention, one_decimal)}, {row.kept.value}",
    )


def one_decimal(value: float) -> str:
    """A share in percent, with the decimal that 200 episodes are worth."""
    if math.isnan(value):
        return wording.NOTHING
    return f"{100.0 * value:.1f} %" if math.isfinite(value) else "∞"


def headline_lines(findings: Findings) -> list[str]:
    """For each row and suite, what is kept in one sentence; then how the worlds part."""
    lines = []
    for row in findings.matrix:
        away = TITLES[next(engine for engine in ENGINES if engine != row.trained_in)]
        home = TITLES[row.trained_in]
        if row.kept is Kept.UNDEFINED:
            said = f"no success in {home} on {row.suite}, so nothing to keep in {away}"
        else:
            span = wording.span(row.retention, one_decimal)
            kept = one_decimal(row.retention.estimate)
            said = f"keeps {kept} ({span}) of its success in {home} in {away} on {row.suite}"
            said += f": {row.kept.value}"
        lines.append(f"{row.label}: {said}")
    lines += [f"{each.passage.label}: {each.sentence}" for each in findings.crossings]
    return lines


def divergences(crossing: Crossing) -> dict[str, Divergence]:
    """Both of a crossing's, by what is compared."""
    passage = crossing.passage
    return {
        "The policy answers what it sees": passage.closed_divergence,
        "The same actions in both": passage.replay_divergence,
    }


def onset_lines(crossing: Crossing, divergence: Divergence) -> list[tuple[str, ...]]:
    """The first observations to diverge."""
    return [_onset_line(onset, crossing.passage.rate) for onset in divergence.onsets[:FIRST]]


def _onset_line(onset: Onset, rate: float) -> tuple[str, ...]:
    unit = "" if onset.feature.unit == "1" else f" {onset.feature.unit}"
    return (
        onset.feature.name,
        onset.feature.group,
        str(onset.step),
        f"{onset.step / rate:.2f} s",
        f"{onset.size:.1f}",
        f"{onset.peak:.1f}",
        f"{onset.reference:.3g}{unit}",
        f"{onset.other:.3g}{unit}",
    )


def terminal_tables(findings: Findings) -> list[Table]:
    """The tables for a terminal, ready to be printed with rich."""
    tables = []
    for suite in findings.episodes.suites:
        title = f"Success on {suite}, {findings.episodes.count} episodes, with 95 % intervals"
        lines = [
            [f"{cell.text}\n{cell.interval}".rstrip() for cell in line]
            for line in matrix_cells(findings, suite)
        ]
        tables.append(_table(title, MATRIX_COLUMNS, lines))
    for crossing in findings.crossings:
        for title, divergence in divergences(crossing).items():
            lines = [list(line) for line in onset_lines(crossing, divergence)]
            if lines:
                title = f"First to diverge, {crossing.passage.label}: {title.lower()}"
                tables.append(_table(title, ONSET_COLUMNS, lines))
    return tables


def _table(title: str, columns: tuple[str, ...], lines: list[list[str]]) -> Table:
    table = Table(*columns, title=Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    for line in lines:
        table.add_row(*map(Text, line))  # not markup: a policy may be called "[left]"
    return table


def render_tables(findings: Findings) -> str:
    """Headlines and tables as plain text, for `table.txt`."""
    return as_text(headline_lines(findings), terminal_tables(findings))
