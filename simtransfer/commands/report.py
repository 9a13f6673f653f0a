"""``simtransfer report``: the report of an experiment's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from rich.markup import escape

from simtransfer.files import read_json
from simtransfer.report import ReportFiles, write_report
from simtransfer.terminal import output, print_json

TABLE_WIDTH = 120  # columns below which the tables' cells break into pieces


def report(folder: Annotated[Path, tyro.conf.Positional], /, json: bool = False) -> None:
    """Write the report of an experiment, finished or not, into its folder.

    Args:
        folder: The experiment's folder.
        json: Print summary.json instead of the tables.
    """
    show_report(write_report(folder), json)


def show_report(files: ReportFiles, json: bool) -> None:
    """Print a report's answers; the tables too where the terminal is wide enough to read them."""
    if json:
        print_json(read_json(files.summary))
        return
    if output.width >= TABLE_WIDTH:
        output.print(*files.tables)
    for line in files.headlines:
        output.print(escape(line), soft_wrap=True, highlight=False)
    for name, file in (("tables", files.table), ("report", files.page)):
        output.print(f"{name}: {escape(str(file))}", highlight=False, soft_wrap=True)
