"""Learning curves as a table, and one method's curves as a matrix of seeds and steps.

The table is tidy: one row is one evaluation of one run, with the columns `student`, `method`,
`seed`, `step`, `suite`, `episodes`, `success_rate`, `return_mean` and the task's own measures. The
curve's quantity is `success_rate` on one suite, the task's `curve_suite`, at evaluation steps 0, E,
2E, ...
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CURVE_SUITE = "mixed"  # of the shipped tasks
UNTRAINED = ("zero_shot",)
REQUIRED_COLUMNS = ("student", "method", "seed", "step", "suite", "success_rate")


@dataclass(frozen=True)
class CurveMatrix:
    """The success of all seeds of one method, on the evaluation steps that all of them have.

    Attributes:
        student: Name of the student.
        method: Name of the method.
        seeds: The S seeds, ascending; row order of `success`.
        steps: The T evaluation steps, ascending, shape (T,).
        success: Success rate, from 0 to 1, shape (S, T).
        short_seeds: Seeds whose curve ends before the student's longest one: unfinished runs.
        budget: The last evaluation step of the student's longest curve.
    """

    student: str
    method: str
    seeds: tuple[int, ...]
    steps: NDArray[np.int64]
    success: NDArray[np.float64]
    short_seeds: tuple[int, ...]
    budget: int

    def of_seeds(self, seeds: Sequence[int]) -> CurveMatrix:
        """The same curves, of these seeds only and in their order."""
        rows = [self.seeds.index(seed) for seed in seeds]
        short = tuple(seed for seed in seeds if seed in self.short_seeds)
        return replace(self, seeds=tuple(seeds), success=self.success[rows], short_seeds=short)


def check_curves(curves: pd.DataFrame) -> None:
    """Refuse a table that no statistic could be computed from.

    Raises:
        ValueError: A column is missing, a value that is needed is NaN, a success rate is not within
            0 and 1, or a run has two rows for one step and suite.
    """
    missing = [column for column in REQUIRED_COLUMNS if column not in curves.columns]
    if missing:
        raise ValueError(
            f"learning curves lack the column(s) {', '.join(missing)}; "
            f"they have {', '.join(map(str, curves.columns)) or 'none'}"
        )
    for column in REQUIRED_COLUMNS:
        empty = curves[column].isna()
        if empty.any():
            raise ValueError(
                f"learning curves: {column} is NaN in {_name_row(curves[empty])}; "
                "a failed evaluation must be repeated or its row left out"
            )
    outside = ~curves["success_rate"].between(0.0, 1.0)
    if outside.any():
        value = curves.loc[outside, "success_rate"].iloc[0]
        raise ValueError(
            f"learning curves: success_rate is {value} in {_name_row(curves[outside])}; "
            "it must be within 0 and 1"
        )
    twice = curves.duplicated(["student", "method", "seed", "step", "suite"])
    if twice.any():
        raise ValueError(f"learning curves: two rows for {_name_row(curves[twice])}")


def _name_row(rows: pd.DataFrame) -> str:
    row = rows.iloc[0]
    return ", ".join(f"{key} {row[key]}" for key in ("student", "method", "seed", "step", "suite"))


def forward_fill(
    curves: pd.DataFrame, methods: Collection[str] = UNTRAINED, suite: str = CURVE_SUITE
) -> pd.DataFrame:
    """Give methods that do not train a row at every evaluation step of their student.

    A zero-shot student is evaluated once; its curve is flat. What was measured at one step holds at
    all. A method that already has every row is left as it is. Hyphens and blanks in a name count
    as underscores: `zero-shot` is `zero_shot`.

    Args:
        curves: The learning curves.
        methods: Names of the methods that do not train.
        suite: The suite that curves are measured on.

    Returns:
        A table with the added rows, for that suite only; the argument is not changed.
    """
    flat = {_plain(name) for name in methods}
    on_curve = curves[curves["suite"] == suite]
    parts = [curves[curves["suite"] != suite]]
    for student, of_student in on_curve.groupby("student", sort=False):
        steps = pd.Index(sorted(of_student["step"].unique()), name="step")
        for (method, seed), run in of_student.groupby(["method", "seed"], sort=False):
            if _plain(method) in flat and len(run) < len(steps):
                run = run.set_index("step").reindex(steps).ffill().bfill().reset_index()
                run = run.assign(student=student, method=method, seed=seed)
            parts.append(run[list(curves.columns)])
    kept = [part for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else curves.copy()


def _plain(method: str) -> str:
    return method.replace("-", "_").replace(" ", "_").lower()


def curve_matrix(
    curves: pd.DataFrame, student: str, method: str, suite: str = CURVE_SUITE
) -> CurveMatrix:
    """The curves of one method as a matrix, on the steps that all its seeds have.

    Args:
        curves: The learning curves, already forward-filled.
        student: Name of the student.
        method: Name of the method.
        suite: The suite that curves are measured on.

    Raises:
        ValueError: There is no such curve.
    """
    of_student = curves[(curves["student"] == student) & (curves["suite"] == suite)]
    rows = of_student[of_student["method"] == method]
    if rows.empty:
        raise ValueError(f"no learning curve on suite {suite!r} for {student}, {method}")
    table = rows.pivot(index="step", columns="seed", values="success_rate").sort_index()
    budget = int(of_student["step"].max())
    ends = rows.groupby("seed")["step"].max()
    shared = table.dropna()
    return CurveMatrix(
        student=student,
        method=method,
        seeds=tuple(int(seed) for seed in shared.columns),
        steps=shared.index.to_numpy(dtype=np.int64),
        success=shared.to_numpy(dtype=np.float64).T,
        short_seeds=tuple(int(seed) for seed in ends.index[ends < budget]),
        budget=budget,
    )


def curve_keys(curves: pd.DataFrame, suite: str = CURVE_SUITE) -> list[tuple[str, str]]:
    """Each (student, method) that has a curve on a suite, in order of appearance."""
    on_curve = curves[curves["suite"] == suite]
    pairs = on_curve[["student", "method"]].drop_duplicates()
    return [(str(student), str(method)) for student, method in pairs.itertuples(index=False)]
