"""What a run draws from, as that changes: kept at each evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from simtransfer.files import write_table
from simtransfer.run_records import check_ranges
from simtransfer.schedule import Ranges


class MeasuredRanges:
    """Ranges at steps of training; none where they never change.

    Args:
        ranges: What is drawn from.
        file: Where that is kept.
    """

    def __init__(self, ranges: Ranges, file: Path) -> None:
        self._ranges, self._file = ranges, file
        self._tables: list[pd.DataFrame] = []

    def keep(self, step: int) -> None:
        """Write down what is drawn from now, once a step."""
        held = any((table["step"] == step).any() for table in self._tables)
        if self._ranges.schedule.kind != "fixed" and not held:
            self._tables.append(self._ranges.table(step))
            write_table(pd.concat(self._tables, ignore_index=True), self._file)

    def state(self) -> dict[str, str]:
        """All that is needed to go on."""
        return {"widths": json.dumps([table.to_dict("records") for table in self._tables])}

    def restore(self, state: Mapping[str, str]) -> None:
        """Go on from `state`.

        Raises:
            ValueError: If it holds something else.
        """
        self._tables = [pd.DataFrame(rows) for rows in json.loads(state.get("widths", "[]"))]
        for table in self._tables:
            check_ranges(table)
