"""The report's files, written into the experiment's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from envs.bounded_files import MEBIBYTE, read_bytes
from simtransfer.files import write_bytes, write_text
from simtransfer.records import read_experiment
from simtransfer.report.curves import draw_curves
from simtransfer.report.findings import find
from simtransfer.report.page import render_page
from simtransfer.report.ranges import draw_ranges
from simtransfer.report.summary import render_summary
from simtransfer.report.tables import headline_lines, render_tables, terminal_tables

VIDEO_LIMIT = 256 * MEBIBYTE  # it becomes part of the page


@dataclass(frozen=True)
class ReportFiles:
    """Where the parts of a report are.

    Attributes:
        page: `report.html`, which needs no other file.
        curves: `curves.png`.
        ranges: `ranges.png`, where the randomization's ranges changed in training.
        summary: `summary.json`, every number of the page.
        table: `table.txt`, the tables as text.
        headlines: One sentence a student.
        tables: The tables, to be printed with rich at a terminal's width.
    """

    page: Path
    curves: Path
    ranges: Path | None
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
    drawn = findings.experiment.ranges
    ranges = draw_ranges(drawn) if len(drawn) else None
    shown = read_bytes(video, VIDEO_LIMIT) if video else None
    page = render_page(findings, curves, ranges, shown)
    files = ReportFiles(
        page=folder / "report.html",
        curves=folder / "curves.png",
        ranges=folder / "ranges.png" if ranges else None,
        summary=folder / "summary.json",
        table=folder / "table.txt",
        headlines=tuple(headline_lines(findings)),
        tables=tuple(terminal_tables(findings)),
    )
    write_bytes(curves, files.curves)
    if ranges and files.ranges:
        write_bytes(ranges, files.ranges)
    write_text(render_summary(findings), files.summary)
    write_text(render_tables(findings), files.table)
    # Last, since it is what people open: when it is there, so is everything else.
    write_text(page, files.page)
    return files
