"""A run's learning curve while it grows: periodic evaluations, and what is kept of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from agents.actor import Act
from agents.evaluation import evaluate, summarize
from agents.group import Group
from envs import curve_suite, suites
from simtransfer.files import write_table
from simtransfer.run_config import RunConfig


class MeasuredCurve:
    """Evaluations at steps of training.

    Args:
        config: The run's.
        file: Where the curve is kept.

    Attributes:
        measured: Results of every suite after the last evaluation, a row a suite.
        seconds: Of training so far.
    """

    def __init__(self, config: RunConfig, file: Path) -> None:
        self._config, self._file = config, file
        self._suite = curve_suite(config.task)
        self._rows: list[pd.DataFrame] = []
        self.measured = pd.DataFrame()
        self.seconds = 0.0

    @property
    def latest(self) -> float:
        """The last evaluation's success rate; NaN before the first."""
        if not self._rows:
            return math.nan
        table = pd.concat(self._rows)
        return float(table.loc[table["suite"] == self._suite, "success_rate"].iloc[-1])

    def add(self, step: int, act: Act, arena: Group, last: bool) -> None:
        """Evaluate and write down.

        Args:
            step: Of training.
            act: The policy without noise.
            arena: Where it is evaluated.
            last: Whether training is over, so that every suite is played.
        """
        config, suite = self._config, self._suite
        count = max(config.episodes, config.final_episodes) if last else config.episodes
        played = evaluate(act, arena, {suite: count})
        # The curve's episodes are the same ones at every point.
        table = summarize(played[: config.episodes])
        if last:
            rest = {name: config.final_episodes for name in suites(config.task) if name != suite}
            others = summarize(evaluate(act, arena, rest))
            table = pd.concat([table, others])
            self.measured = pd.concat([summarize(played[: config.final_episodes]), others])
        table.insert(0, "step", step)
        table["wall_seconds"] = self.seconds
        self._rows.append(table)
        write_table(pd.concat(self._rows, ignore_index=True), self._file)

    def state(self) -> dict[str, str]:
        """All that is needed to go on."""
        table = pd.concat(self._rows, ignore_index=True)
        return {
            "seconds": repr(self.seconds),
            "rows": json.dumps(table.to_dict("records")),  # floats come back to the bit
            "measured": json.dumps(self.measured.to_dict("records")),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        self.seconds = float(state["seconds"])
        self._rows = [pd.DataFrame(json.loads(state["rows"]))]
        self.measured = pd.DataFrame(json.loads(state["measured"]))
