"""Trained in × evaluated in: success, how long episodes last, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simtransfer.bridge.cells import Cells, Episodes
from simtransfer.bridge.policies import ENGINES, Row
from simtransfer.bridge.retention import Kept, is_kept, retention
from simtransfer.statistics import Interval, wilson_interval


@dataclass(frozen=True)
class Cell:
    """How a row's policies do in one engine on one suite.

    Attributes:
        engine: Which engine.
        success: Share of the episodes, mean of the seeds.
        length: Median length of an episode, control steps.
    """

    engine: str
    success: Interval
    length: float


@dataclass(frozen=True)
class MatrixRow:
    """A row of one suite's matrix.

    Attributes:
        label: Of the policies.
        trained_in: The engine that they learned in.
        suite: Which episodes.
        seeds: How many policies.
        episodes: How many episodes each of them played in each engine.
        cells: One for each engine, in their order.
        retention: Success elsewhere ÷ success in the engine that was trained in.
        kept: What that says.
    """

    label: str
    trained_in: str
    suite: str
    seeds: int
    episodes: int
    cells: tuple[Cell, ...]
    retention: Interval
    kept: Kept

    def cell(self, engine: str) -> Cell:
        """The one of an engine."""
        return self.cells[ENGINES.index(engine)]


def elsewhere(engine: str) -> str:
    """The engine that is not this one."""
    return next(other for other in ENGINES if other != engine)


def matrix(rows: Sequence[Row], cells: Cells, episodes: Episodes) -> tuple[MatrixRow, ...]:
    """All rows of all suites' matrices, suite by suite."""
    return tuple(_row(row, cells, suite) for suite in episodes.suites for row in rows)


def _row(row: Row, cells: Cells, suite: str) -> MatrixRow:
    def played(engine: str, column: str) -> NDArray[np.generic]:
        tables = [cells[bundle.digest, engine, suite] for bundle in row.bundles]
        return np.stack([table[column].to_numpy() for table in tables])

    success = {engine: played(engine, "success").astype(bool) for engine in ENGINES}
    seeds, episodes = success[row.trained_in].shape
    kept = retention(success[elsewhere(row.trained_in)], success[row.trained_in])
    return MatrixRow(
        label=row.label,
        trained_in=row.trained_in,
        suite=suite,
        seeds=seeds,
        episodes=episodes,
        cells=tuple(
            Cell(
                engine,
                # Every seed plays the same episodes: so many more trials they are not.
                wilson_interval(round(float(success[engine].sum()) / seeds), episodes),
                float(np.median(played(engine, "length").astype(float))),
            )
            for engine in ENGINES
        ),
        retention=kept,
        kept=is_kept(kept),
    )
