"""The report's files, written into the experiment's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from simtransfer.files import replace_file
from simtransfer.records import read_experiment
from simtransfer.report.curves import draw_curves
from simtransfer.report.findings import find
from simtransfer.report.page import render_page
from simtransfer.report.summary import render_summary
from simtransfer.report.tables import headline_lines, render_tables, terminal_tables


@dataclass(frozen=True)
class ReportFiles:
    """Where the parts of a report are.

    Attributes:
        page: `report.html`, which needs no other file.
        curves: `curves.png`.
        summary: `summary.json`, every number of the page.
        table: `table.txt`, the tables as text.
        headlines: One sentence a student.
        tables: The tables, to be printed with rich at a terminal's width.
    """

    page: Path
    curves: Path
    summary: Path
    table: Path
    headlines: tuple[str, ...]
    tables: tuple[Table, ...]


def write_report(folder: Path) -> ReportFiles:
    """Write the report of an experiment, finished or not, into its folder.

    The same folder gives the same numbers: the bootstrap's seed is fixed.

    Raises:
        ValueError: The folder cannot be read; see `simtransfer.records.read_experiment`.
    """
    findings = find(read_experiment(folder))
    curves = draw_curves(findings)
    video = findings.experiment.video
    page = render_page(findings, curves, video.read_bytes() if video else None)
    files = ReportFiles(
        page=folder / "report.html",
        curves=folder / "curves.png",
        summary=folder / "summary.json",
        table=folder / "table.txt",
        headlines=tuple(headline_lines(findings)),
        tables=tuple(terminal_tables(findings)),
    )
    write_bytes(files.curves, curves)
    write_bytes(files.summary, render_summary(findings).encode())
    write_bytes(files.table, render_tables(findings).encode())
    # Last, since it is what people open: when it is there, so is everything else.
    write_bytes(files.page, page.encode())
    return files


def write_bytes(path: Path, content: bytes) -> None:
    """Write a part of a report in one step."""

    def fill(draft: Path) -> None:
        draft.write_bytes(content)

    replace_file(path, fill)
