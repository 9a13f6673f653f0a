"""``simtransfer report``: the report of an experiment's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Protocol

import tyro
from rich.table import Table

from simtransfer.files import read_json
from simtransfer.report import write_report
from simtransfer.terminal import output, print_json

TABLE_WIDTH = 120  # columns below which the tables' cells break into pieces


def report(folder: Annotated[Path, tyro.conf.Positional], /, json: bool = False) -> None:
    """Write the report of an experiment, finished or not, into its folder.

    Args:
        folder: The experiment's folder.
        json: Print summary.json instead of the tables.
    """
    show_report(write_report(folder), json)


class Report(Protocol):
    """What can be shown of a report."""

    @property
    def page(self) -> Path:
        """For a browser."""

    @property
    def summary(self) -> Path:
        """Every number, as JSON."""

    @property
    def table(self) -> Path:
        """The tables as text."""

    @property
    def headlines(self) -> tuple[str, ...]:
        """The answers."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables, at any width."""


def show_report(files: Report, json: bool) -> None:
    """Print a report's answers; the tables too where the terminal is wide enough to read them."""
    if json:
        print_json(read_json(files.summary))
        return
    if output.width >= TABLE_WIDTH:
        output.print(*files.tables)
    for line in files.headlines:
        output.print(line, soft_wrap=True, highlight=False)
    for name, file in (("tables", files.table), ("report", files.page)):
        output.print(f"{name}: {file}", highlight=False, soft_wrap=True)
