"""The files of a bridge's report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from simtransfer.bridge.findings import Findings
from simtransfer.bridge.page import render_page
from simtransfer.bridge.picture import draw_passage
from simtransfer.bridge.summary import render_summary
from simtransfer.bridge.tables import headline_lines, render_tables, terminal_tables
from simtransfer.files import write_bytes, write_table, write_text


@dataclass(frozen=True)
class BridgeFiles:
    """Where the parts of a bridge's report are.

    Attributes:
        page: `report.html`, which needs no other file.
        summary: `summary.json`, every number of the page.
        table: `table.txt`, the tables as text.
        headlines: What was found, in sentences.
        tables: The tables, to be printed with rich at a terminal's width.
    """

    page: Path
    summary: Path
    table: Path
    headlines: tuple[str, ...]
    tables: tuple[Table, ...]


def write_bridge(findings: Findings, folder: Path) -> BridgeFiles:
    """Write the report, its pictures and the recordings behind them into a folder."""
    files = BridgeFiles(
        page=folder / "report.html",
        summary=folder / "summary.json",
        table=folder / "table.txt",
        headlines=tuple(headline_lines(findings)),
        tables=tuple(terminal_tables(findings)),
    )
    pictures = []
    for number, crossing in enumerate(findings.crossings):
        pictures.append(draw_passage(crossing.passage))
        write_bytes(pictures[-1], folder / f"divergence-{number}.png")
        write_table(crossing.passage.table(), folder / f"divergence-{number}.parquet")
    write_text(render_summary(findings), files.summary)
    write_text(render_tables(findings), files.table)
    # Last, since it is what people open: when it is there, so is everything else.
    write_text(render_page(findings, pictures), files.page)
    return files
