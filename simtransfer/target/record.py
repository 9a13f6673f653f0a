"""What came of an episode on the target, as the robot tells it, and of several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from envs.tables import build_json, checked
from simtransfer.measures import heading, shown, shown_measures
from simtransfer.statistics import wilson_interval
from simtransfer.target.wire import printable_json

BY_TASK = "task"  # how an episode ends that nothing cuts short


@dataclass(frozen=True)
class Played:
    """An episode.

    Attributes:
        number: Its place among those that are played, from 0.
        success: Whether the task was done.
        ended: By whom or what: ``task``, or why it was cut short.
        seconds: That it took, of the robot's time.
        last: Whether it was the last.
        measures: What else the task tells at an episode's end; empty if it was cut short.
        counts: Control steps and messages, by what happened to them.
    """

    number: int
    success: bool
    ended: str
    seconds: float
    last: bool
    measures: dict[str, float | bool]
    counts: dict[str, int]

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def read(text: str) -> Played:
        """The inverse of `text`.

        Raises:
            ValueError: If it is none.
        """
        played: Played = build_json(Played, printable_json(text), "result")
        for name, kind in (("measures", "float"), ("counts", "int")):
            entries = getattr(played, name)
            if not isinstance(entries, dict):
                raise ValueError(f"result.{name}: expected a table")
            for key, value in entries.items():
                if not (kind == "float" and isinstance(value, bool)):
                    checked(value, kind, f"result.{name}.{key}")
        return played


def summary(episodes: Sequence[Played]) -> dict[str, Any]:
    """Success with Wilson's interval, what the task tells of those it ended, and all counts."""
    successes = sum(played.success for played in episodes)
    interval = wilson_interval(successes, len(episodes))
    row: dict[str, Any] = {
        "episodes": len(episodes),
        "success_rate": interval.estimate,
        "success_interval": [interval.low, interval.high],
        "cut_short": sum(played.ended != BY_TASK for played in episodes),
        "seconds": sum(played.seconds for played in episodes),
    }
    whole = [played.measures for played in episodes if played.ended == BY_TASK]
    for name in dict.fromkeys(name for measured in whole for name in measured):
        values = [measured[name] for measured in whole if name in measured]
        kind = "rate" if isinstance(values[0], bool) else "mean"
        row[f"{name}_{kind}"] = sum(map(float, values)) / len(values)
    return row | {"counts": total([played.counts for played in episodes])}


def total(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """The sums of counts by name."""
    names = dict.fromkeys(name for each in counts for name in each)
    return {name: sum(each.get(name, 0) for each in counts) for name in names}


def summary_table(title: str, row: Mapping[str, Any]) -> Table:
    """A `summary` for people."""
    table = Table(title=title)
    table.add_column("")
    table.add_column("", justify="right")
    low, high = (100.0 * end for end in row["success_interval"])
    table.add_row("episodes", str(row["episodes"]))
    table.add_row("success", f"{100.0 * row['success_rate']:.1f} %")
    table.add_row("95 % interval", f"{low:.1f}–{high:.1f} %")
    for name in shown_measures(row):
        table.add_row(heading(name), shown(name, row[name]))
    for name in ("cut_short", "seconds"):
        table.add_row(name.replace("_", " "), f"{row[name]:.0f}")
    for name, count in row["counts"].items():
        table.add_row(f"robot: {name.replace('_', ' ')}", f"{count:,}")
    client = row.get("client", {"counts": {}, "latency_ms": {}})
    for name, count in client["counts"].items():
        table.add_row(f"client: {name.replace('_', ' ')}", f"{count:,}")
    for name, value in client["latency_ms"].items():
        table.add_row(f"client: answer after, {name}", f"{value:.2f} ms")
    return table
