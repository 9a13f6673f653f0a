"""A run's learning curve while it grows: periodic evaluations, and what is kept of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agents.actor import Act
from agents.arena import Arena
from agents.evaluation import places, summarize, tabulate
from envs import curve_suite, suites
from envs.tables import checked
from simtransfer.files import write_table
from simtransfer.run_config import RunConfig
from simtransfer.run_records import check_curve, check_measured


@dataclass(frozen=True)
class _Point:
    """An evaluation that was begun."""

    arena: Arena
    step: int
    last: bool
    seconds: float


class MeasuredCurve:
    """Evaluations at steps of training; other processes make them while it leaves cores free.

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
        self._begun: _Point | None = None
        self.measured = pd.DataFrame()
        self.seconds = 0.0

    @property
    def latest(self) -> float:
        """The last evaluation's success rate; NaN before the first."""
        if not self._rows:
            return math.nan
        table = pd.concat(self._rows)
        return float(table.loc[table["suite"] == self._suite, "success_rate"].iloc[-1])

    @property
    def evaluations(self) -> int:
        """How many points the curve has."""
        return int(pd.concat(self._rows)["step"].nunique())

    def holds(self, step: int) -> bool:
        """Whether there is a point at that step."""
        return any((table["step"] == step).any() for table in self._rows)

    def begin(self, step: int, act: Act, arena: Arena, last: bool) -> None:
        """Begin to evaluate, once what was begun before is finished.

        Without other processes, or after training, this ends it too.

        Args:
            step: Of training.
            act: The policy without noise; what it is now counts.
            arena: Where it is evaluated.
            last: Whether training is over, so that every suite is played.
        """
        self.finish()
        config, suite = self._config, self._suite
        count = {suite: max(config.episodes, config.final_episodes) if last else config.episodes}
        if last:
            others = [name for name in suites(config.task) if name != suite]
            count |= dict.fromkeys(others, config.final_episodes)
        arena.begin(act, places(count))
        self._begun = _Point(arena, step, last, self.seconds)
        if last or not arena.apart:
            self.finish()

    def pause(self) -> None:
        """Let other processes hold what was begun, or write it down if they have played it all."""
        if self._begun:
            self._begun.arena.hold()
            if self._begun.arena.is_done():
                self.finish()

    def go_on(self) -> None:
        """Let them go on."""
        if self._begun:
            self._begun.arena.release()

    def finish(self) -> None:
        """Play what is left of what was begun, and write it down."""
        if not self._begun:
            return
        point, self._begun = self._begun, None
        config, suite = self._config, self._suite
        played = tabulate(point.arena.finish())
        own, others = played[played["suite"] == suite], played[played["suite"] != suite]
        # The curve's episodes are the same ones at every point.
        rows = summarize(pd.concat([own[: config.episodes], others]))
        if point.last:
            self.measured = summarize(pd.concat([own[: config.final_episodes], others]))
        rows.insert(0, "step", point.step)
        rows["wall_seconds"] = point.seconds
        self._rows.append(rows)
        write_table(pd.concat(self._rows, ignore_index=True), self._file)

    def state(self) -> dict[str, str]:
        """All that is needed to go on."""
        table = pd.concat(self._rows, ignore_index=True)
        return {
            "seconds": repr(self.seconds),
            "rows": json.dumps(table.to_dict("records")),  # floats come back to the bit
            "measured": json.dumps(self.measured.to_dict("records")),
        }

    def restore(self, state: Mapping[str, Any], end: int) -> None:
        """Restore `state`.

        Args:
            state: State of a run that may have ended there, with results of every suite.
            end: Steps of the whole training now. If there are more, the results of every suite are
                dropped, since the training ends later.

        Raises:
            ValueError: If it is no curve.
        """
        self.seconds = checked(float(state["seconds"]), "float", "seconds")
        rows = pd.DataFrame(json.loads(state["rows"]))
        check_curve(rows)
        measured = json.loads(state["measured"])
        if measured != []:
            check_measured(measured)
        if len(rows) and rows["step"].max() < end:
            rows = rows[rows["suite"] == self._suite].reset_index(drop=True)
            measured = []
        self._rows = [rows]
        self.measured = pd.DataFrame(measured)
