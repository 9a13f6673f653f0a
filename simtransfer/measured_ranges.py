"""What a run draws from, as that changes: kept at each evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from simtransfer.files import write_table
from simtransfer.schedule import Ranges


class MeasuredRanges:
    """Ranges at steps of training; none where they never change.

    Args:
        ranges: What is drawn from.
        file: Where that is kept.
    """

    def __init__(self, ranges: Ranges, file: Path) -> None:
        self._ranges, self._file = ranges, file
        self._tables: dict[int, pd.DataFrame] = {}  # by step

    def keep(self, step: int) -> None:
        """Write down what is drawn from now, once a step."""
        if self._ranges.schedule.kind != "fixed" and step not in self._tables:
            self._tables[step] = self._ranges.table(step)
            write_table(pd.concat(self._tables.values(), ignore_index=True), self._file)

    def state(self) -> dict[str, str]:
        """All that is needed to go on."""
        rows = {step: table.to_dict("records") for step, table in self._tables.items()}
        return {"ranges": json.dumps(rows)}

    def restore(self, state: Mapping[str, str]) -> None:
        """Go on from `state`."""
        tables = json.loads(state.get("ranges", "{}"))
        self._tables = {int(step): pd.DataFrame(rows) for step, rows in tables.items()}
