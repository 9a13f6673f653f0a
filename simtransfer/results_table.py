"""Results of fixed episodes as people read them: a column for each suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from simtransfer.measures import heading, shown, shown_measures


def results_table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """A table of `agents.evaluation.summarize`'s rows, with intervals where they are given."""
    table = Table(title=title)
    table.add_column("")
    for row in rows:
        table.add_column(str(row["suite"]), justify="right")
    table.add_row("episodes", *(str(row["episodes"]) for row in rows))
    table.add_row("success", *(f"{100 * row['success_rate']:.1f} %" for row in rows))
    if all("success_interval" in row for row in rows):
        spans = [[f"{100 * end:.1f}" for end in row["success_interval"]] for row in rows]
        table.add_row("95 % interval", *(f"{low}–{high} %" for low, high in spans))
    for name in shown_measures(*rows):
        table.add_row(heading(name), *(shown(name, row[name]) for row in rows))
    table.add_row("return", *(f"{row['return_mean']:.2f}" for row in rows))
    return table
