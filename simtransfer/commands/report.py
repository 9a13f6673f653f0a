"""``simtransfer report``: the report of an experiment's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from simtransfer.files import read_json
from simtransfer.report import write_report
from simtransfer.terminal import output, print_json


def report(folder: Annotated[Path, tyro.conf.Positional], /, json: bool = False) -> None:
    """Write the report of an experiment, finished or not, into its folder.

    Args:
        folder: The experiment's folder.
        json: Print summary.json instead of the tables.
    """
    files = write_report(folder)
    if json:
        print_json(read_json(files.summary))
        return
    output.print(*files.tables)
    output.print(f"report: {files.page}", highlight=False, soft_wrap=True)
