"""One run's records, read back and checked.

config.json       what was run
curve.parquet     one row per evaluation and suite
ranges.parquet    what was drawn from; may be missing
transfer.json     what became of each tensor
done.json         there once the run is finished
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from envs.tables import LARGEST, build, checked, shown
from simtransfer.files import read_json, read_table
from simtransfer.measures import measures
from simtransfer.schedule import COLUMNS

NUMBERS = ("step", "episodes", "success_rate", "return_mean", "wall_seconds")
CURVE_COLUMNS = ("suite", *NUMBERS)
CURVE, RANGES, TRANSFER, DONE = "curve.parquet", "ranges.parquet", "transfer.json", "done.json"
BEGIN_AGAIN = "delete that run's folder and start the same command again"


@dataclass(frozen=True)
class TensorRecord:
    """What transfer did with one tensor of the student's network."""

    tensor: str
    status: str
    shape: tuple[int, ...]
    detail: str = ""


@dataclass(frozen=True)
class DoneRecord:
    """What a finished run ended with.

    Attributes:
        steps: Environment steps trained.
        seconds: Time that training took.
        measured: Results of each suite after the last evaluation.
        evaluations: Points of the learning curve; 0 in records from before they were counted.
    """

    steps: int
    seconds: float
    measured: tuple[Mapping[str, Any], ...]
    evaluations: int = 0


def is_finished(run: Path) -> bool:
    """Whether a run's folder holds a finished run.

    Raises:
        ValueError: If it says so, but what it holds is damaged or incomplete.
    """
    if not (run / DONE).exists():
        return False
    read_finished_curve(run)
    return True


def read_finished_curve(run: Path) -> pd.DataFrame:
    """The whole learning curve of a finished run, `CURVE_COLUMNS` and the task's own measures.

    Raises:
        ValueError: If it is missing, damaged or lacks evaluations.
    """
    done, file = read_done(run), run / CURVE
    curve = read_curve(file)
    if curve is None:
        raise ValueError(f"{file}: is missing though the run is finished; {BEGIN_AGAIN}")
    if curve.empty:
        raise ValueError(f"{file}: is empty though the run is finished; {BEGIN_AGAIN}")
    steps = np.unique(curve["step"])
    gaps = np.diff(steps)
    suites = set(curve.loc[curve["step"] == steps[-1], "suite"])
    if (
        (steps[0], steps[-1]) != (0, done.steps)
        or (gaps[:-1] != gaps[:1]).any()
        or (gaps[-1:] > gaps[:1]).any()
        or len(steps) != (done.evaluations or len(steps))
        or not suites >= {row["suite"] for row in done.measured}
    ):
        raise ValueError(
            f"{file}: lacks evaluations of a run that is finished after {done.steps} steps; "
            f"{BEGIN_AGAIN}"
        )
    return curve


def read_done(run: Path) -> DoneRecord:
    """What a finished run ended with.

    Raises:
        ValueError: If the file is missing or damaged.
    """
    file = run / DONE
    table = read_json(file, BEGIN_AGAIN)
    try:
        done: DoneRecord = build(DoneRecord, table, "")
        if done.steps < 0 or done.seconds < 0.0:
            raise ValueError("steps and seconds must not be negative")
        check_measured(done.measured)
    except ValueError as error:
        raise ValueError(f"{file}: {error}; {BEGIN_AGAIN}") from None
    return replace(done, measured=tuple(done.measured))


def check_measured(rows: Any) -> None:
    """Check the results of suites, as `agents.evaluation.summarize` gives them.

    Raises:
        ValueError: If there are none, or a row lacks something or holds something impossible.
    """
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"measured: expected a list of tables, got {shown(rows)}")
    for i, row in enumerate(rows):
        _check_result(row, f"measured[{i}]")
        if row.keys() != rows[0].keys():
            raise ValueError(f"measured[{i}]: has other columns than measured[0]")


def _check_result(row: Any, where: str) -> None:
    """Check one suite's results; a measure that is not defined is NaN."""
    if not isinstance(row, dict):
        raise ValueError(f"{where}: expected a table, got {shown(row)}")
    kinds = {"suite": "str", "episodes": "int", "success_rate": "float", "return_mean": "float"}
    for key, kind in kinds.items():
        if key not in row:
            raise ValueError(f"{where}: lacks {key!r}")
        checked(row[key], kind, f"{where}.{key}")
    for key in measures(row):
        if not (isinstance(row[key], float) and math.isnan(row[key])):
            checked(row[key], "float", f"{where}.{key}")


def read_curve(file: Path) -> pd.DataFrame | None:
    """A run's learning curve so far; None where it has not begun.

    Raises:
        ValueError: If the file is damaged.
    """
    if not _is_there(file):
        return None
    curve = read_table(file, BEGIN_AGAIN)
    try:
        check_curve(curve)
    except ValueError as error:
        raise ValueError(f"{file}: {error}; {BEGIN_AGAIN}") from None
    return curve


def read_ranges(file: Path) -> pd.DataFrame | None:
    """What a run drew from, `simtransfer.schedule.COLUMNS`; None where that never changed.

    Raises:
        ValueError: If the file is damaged.
    """
    if not _is_there(file):
        return None
    ranges = read_table(file, BEGIN_AGAIN)
    try:
        check_ranges(ranges)
    except ValueError as error:
        raise ValueError(f"{file}: {error}; {BEGIN_AGAIN}") from None
    return ranges


def check_ranges(ranges: pd.DataFrame) -> None:
    """Check the columns of what a run drew from.

    Raises:
        ValueError: If one is missing or does not hold numbers.
    """
    for column in COLUMNS:
        if column not in ranges.columns:
            raise ValueError(f"has no column {column}")
        if column not in ("parameter", "occasion") and not is_numeric_dtype(ranges[column]):
            raise ValueError(f"column {column} does not hold numbers")


def check_curve(curve: pd.DataFrame) -> None:
    """Check the columns and values of a learning curve.

    Raises:
        ValueError: If one is missing or impossible.
    """
    missing = [column for column in CURVE_COLUMNS if column not in curve.columns]
    if missing:
        raise ValueError(f"has no column {', '.join(missing)}")
    if not all(isinstance(suite, str) for suite in curve["suite"]):
        raise ValueError("column suite does not hold text")
    told = [name for name in measures(curve.columns) if not curve[name].isna().all()]
    for column in (*NUMBERS, *told):
        if not is_numeric_dtype(curve[column]) or is_bool_dtype(curve[column]):
            raise ValueError(f"column {column} does not hold numbers")
        if column in NUMBERS and not np.isfinite(curve[column]).all():
            raise ValueError(f"column {column} has a value that is missing or not finite")
    for column in ("step", "episodes"):
        if ((curve[column] < 0) | (curve[column] % 1 != 0) | (curve[column] >= LARGEST)).any():
            raise ValueError(f"column {column} must hold whole numbers from 0")
    if not curve["success_rate"].between(0.0, 1.0).all():
        raise ValueError("column success_rate must be within 0 and 1")
    twice = curve[curve.duplicated(["step", "suite"])]
    if len(twice):
        raise ValueError("two rows for step {step}, suite {suite}".format(**twice.iloc[0]))


def read_transfer(run: Path) -> tuple[TensorRecord, ...]:
    """What transfer did with each tensor; empty where there is no such record.

    Raises:
        ValueError: If the file is damaged.
    """
    file = run / TRANSFER
    if not _is_there(file):
        return ()
    entries = read_json(file, BEGIN_AGAIN)
    try:
        if not isinstance(entries, list):
            raise ValueError(f"got {shown(entries)}")
        return tuple(build(TensorRecord, row, f"[{i}]") for i, row in enumerate(entries))
    except ValueError as error:
        raise ValueError(
            f"{file}: is not a list of tensor, status, shape and detail ({error}); {BEGIN_AGAIN}"
        ) from None


def _is_there(file: Path) -> bool:
    """Whether a record is there: what is no file is refused when it is read."""
    return file.is_symlink() or file.exists()
