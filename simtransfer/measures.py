"""What a task tells of its episodes beside success: columns that it adds to every table.

A column's name ends in ``_rate`` for a share of the episodes (``collision_rate``), in ``_mean`` for
the mean of a number (``progress_mean``); see `agents.evaluation.summarize`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

COMMON = ("success_rate", "return_mean")  # of every task
FAULT = "diverged_rate"  # of the physics, not of the policy: shown where there is one


def measures(columns: Iterable[str]) -> list[str]:
    """Those columns that hold a task's own measures."""
    return [c for c in columns if c.endswith(("_rate", "_mean")) and c not in COMMON]


def shown_measures(*rows: Mapping[str, Any]) -> list[str]:
    """The task's own measures of rows, without faults that did not occur."""
    return [c for c in measures(rows[0]) if c != FAULT or any(row[c] > 0.0 for row in rows)]


def heading(name: str) -> str:
    """A measure's name for people: ``off_road_rate`` is "off road"."""
    return name.removesuffix("_rate").removesuffix("_mean").replace("_", " ")


def is_share(name: str) -> bool:
    """Whether a measure is a share of the episodes, else the mean of a number."""
    return name.endswith("_rate")


def shown(name: str, value: float) -> str:
    """A measure's value for people: a share in percent, a mean with two decimals."""
    if math.isnan(value):
        return "–"
    return f"{100.0 * value:.1f} %" if is_share(name) else f"{value:.2f}"
