"""An experiment's folder, read back.

The folder is all that statistics and reports know of an experiment:

    experiment.json                               what was to be run
    runs/<student>/<method>/seed-<k>/curve.parquet    one row per evaluation and suite
    runs/<student>/<method>/seed-<k>/ranges.parquet   what was drawn from; may be missing
    runs/<student>/<method>/seed-<k>/transfer.json    what became of each tensor
    runs/<student>/<method>/seed-<k>/done.json        there once the run is finished
    video.mp4                                     may be missing
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from envs.tables import LARGEST, checked, shown
from simtransfer.files import read_json
from simtransfer.measures import measures
from simtransfer.schedule import COLUMNS

NUMBERS = ("step", "episodes", "success_rate", "return_mean", "wall_seconds")
CURVE_COLUMNS = ("suite", *NUMBERS)
START_AGAIN = "start the experiment again in this folder"
BEGIN_AGAIN = "delete that run's folder and start the experiment again"


@dataclass(frozen=True)
class TeacherRecord:
    """The teacher of an experiment: its name and what it cost; NaN where that is not known."""

    name: str
    steps: float
    hours: float
    success_rate: float


@dataclass(frozen=True)
class TensorRecord:
    """What transfer did with one tensor of the student's network."""

    tensor: str
    status: str
    shape: tuple[int, ...]
    detail: str


@dataclass(frozen=True)
class UnfinishedRun:
    """A run of the experiment that is not finished, and how far it got (None: not begun)."""

    student: str
    method: str
    seed: int
    step: int | None


@dataclass(frozen=True)
class Experiment:
    """Everything that was recorded of one experiment.

    Attributes:
        name: Name of the experiment.
        task: Name of the task.
        teacher: The teacher and its cost.
        students: Names of the students, in the experiment's order.
        methods: Names of the methods, in the experiment's order.
        seeds: Seeds of every (student, method).
        steps: Environment steps of each run.
        evaluation_interval: Environment steps between evaluations.
        command: The command line that makes the experiment again.
        versions: Versions of the packages that it ran with.
        config: The resolved configuration.
        curves: One row per evaluation, with `student`, `method` and `seed` and the columns of
            `curve.parquet`; in the experiment's order.
        ranges: What was drawn from at each evaluation, `simtransfer.schedule.COLUMNS` with
            `student`, `method` and `seed`; of runs whose randomization's ranges changed.
        transfers: What became of each tensor, for each (student, method) that has a record. It
            does not depend on the seed; the first seed's is taken.
        unfinished: The runs that are not finished.
        video: The video's path, if there is one.
    """

    name: str
    task: str
    teacher: TeacherRecord
    students: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: int
    evaluation_interval: int
    command: str
    versions: Mapping[str, str]
    config: Mapping[str, Any]
    curves: pd.DataFrame
    ranges: pd.DataFrame
    transfers: Mapping[tuple[str, str], tuple[TensorRecord, ...]]
    unfinished: tuple[UnfinishedRun, ...]
    video: Path | None

    @property
    def runs(self) -> int:
        """How many runs the experiment is made of."""
        return len(self.students) * len(self.methods) * len(self.seeds)


def read_experiment(folder: Path) -> Experiment:
    """Read an experiment's folder, finished or not.

    Raises:
        ValueError: A file is missing or cannot be understood; one line that names the file, says
            what is wrong with it and how to mend it.
    """
    stated = _read_stated(folder / "experiment.json")
    runs = list(_read_runs(folder, stated["students"], stated["methods"], stated["seeds"]))
    return Experiment(
        **stated,
        curves=_join([run.curve for run in runs if run.curve is not None], CURVE_COLUMNS),
        ranges=_join([run.ranges for run in runs if run.ranges is not None], COLUMNS),
        transfers=_first_transfers(runs),
        unfinished=tuple(run.as_unfinished() for run in runs if not run.done),
        video=(folder / "video.mp4") if (folder / "video.mp4").is_file() else None,
    )


def _read_stated(path: Path) -> dict[str, Any]:
    """What was to be run: the fields of `Experiment` that stand in its file."""
    record = _read_json(path, "point to the folder that the experiment was written to")
    try:
        table = {"versions": {}, "config": {}} | _table(record, "an experiment")
        teacher = _table(table["teacher"], "teacher")
        return {
            **{key: checked(table[key], "str", key) for key in ("name", "task", "command")},
            **{key: checked(table[key], "int", key) for key in ("steps", "evaluation_interval")},
            "teacher": TeacherRecord(
                name=checked(teacher["name"], "str", "teacher.name"),
                steps=_number(teacher, "steps"),
                hours=_number(teacher, "hours"),
                success_rate=_number(teacher, "success_rate"),
            ),
            "students": _distinct(table, "students", "str"),
            "methods": _distinct(table, "methods", "str"),
            "seeds": _distinct(table, "seeds", "int"),
            "versions": {k: str(v) for k, v in _table(table["versions"], "versions").items()},
            "config": _table(table["config"], "config"),
        }
    except KeyError as error:
        raise ValueError(f"{path}: key {error} is missing; {START_AGAIN}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {START_AGAIN}") from error


def _table(entry: Any, where: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: expected a table, got {shown(entry)}")
    return entry


def _number(teacher: dict[str, Any], key: str) -> float:
    value = teacher.get(key)
    return math.nan if value is None else float(checked(value, "float", f"teacher.{key}"))


def _distinct(table: dict[str, Any], key: str, kind: str) -> tuple[Any, ...]:
    values: tuple[Any, ...] = checked(table[key], f"tuple[{kind}, ...]", key)
    if not values:
        raise ValueError(f"{key}: names none")
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise ValueError(f"{key}: {twice[0]!r} is named twice")
    return values


@dataclass(frozen=True)
class _Run:
    student: str
    method: str
    seed: int
    done: bool
    curve: pd.DataFrame | None
    ranges: pd.DataFrame | None
    tensors: tuple[TensorRecord, ...]

    def as_unfinished(self) -> UnfinishedRun:
        begun = self.curve is not None and len(self.curve) > 0
        step = int(self.curve["step"].max()) if begun and self.curve is not None else None
        return UnfinishedRun(self.student, self.method, self.seed, step)


def _read_runs(
    folder: Path, students: tuple[str, ...], methods: tuple[str, ...], seeds: tuple[int, ...]
) -> Iterator[_Run]:
    for student in students:
        for method in methods:
            for seed in seeds:
                run = folder / "runs" / student / method / f"seed-{seed}"
                done = (run / "done.json").is_file()
                curve = _read_curve(run / "curve.parquet", must_exist=done)
                ranges = read_ranges(run / "ranges.parquet")
                curve, ranges = (
                    table if table is None else table.assign(**_names(student, method, seed))
                    for table in (curve, ranges)
                )
                yield _Run(student, method, seed, done, curve, ranges, _read_tensors(run))


def _names(student: str, method: str, seed: int) -> dict[str, Any]:
    return {"student": student, "method": method, "seed": seed}


def _read_curve(path: Path, *, must_exist: bool) -> pd.DataFrame | None:
    if not path.is_file():
        if must_exist:
            raise ValueError(f"{path}: is missing though the run is finished; {BEGIN_AGAIN}")
        return None
    curve = _read_parquet(path)
    try:
        _check_curve(curve)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {BEGIN_AGAIN}") from error
    if must_exist and curve.empty:
        raise ValueError(f"{path}: is empty though the run is finished; {BEGIN_AGAIN}")
    return curve


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    # Whatever a damaged file makes the Parquet reader raise, the user's remedy is the same.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: cannot be read as Parquet ({reason}); {BEGIN_AGAIN}") from error


def read_ranges(path: Path) -> pd.DataFrame | None:
    """What a run drew from, `simtransfer.schedule.COLUMNS`; None where that never changed.

    Raises:
        ValueError: If the file is damaged.
    """
    if not path.is_file():
        return None
    ranges = _read_parquet(path)
    numbers = set(COLUMNS) - {"parameter", "occasion"}
    for column in COLUMNS:
        if column not in ranges.columns:
            raise ValueError(f"{path}: has no column {column}; {BEGIN_AGAIN}")
        if column in numbers and not is_numeric_dtype(ranges[column]):
            raise ValueError(f"{path}: column {column} does not hold numbers; {BEGIN_AGAIN}")
    return ranges


def _check_curve(curve: pd.DataFrame) -> None:
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


def _join(tables: list[pd.DataFrame], named: tuple[str, ...]) -> pd.DataFrame:
    begun = [table for table in tables if len(table)]
    columns = ["student", "method", "seed", *named]
    return pd.concat(begun, ignore_index=True) if begun else pd.DataFrame(columns=columns)


def _read_tensors(run: Path) -> tuple[TensorRecord, ...]:
    path = run / "transfer.json"
    if not path.is_file():
        return ()
    entries = _read_json(path, BEGIN_AGAIN)
    try:
        return tuple(
            TensorRecord(
                tensor=str(entry["tensor"]),
                status=str(entry["status"]),
                shape=checked(entry["shape"], "tuple[int, ...]", "shape"),
                detail=str(entry.get("detail", "")),
            )
            for entry in entries
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path}: is not a list of tensor, status, shape and detail; {BEGIN_AGAIN}"
        ) from error


def _first_transfers(runs: list[_Run]) -> dict[tuple[str, str], tuple[TensorRecord, ...]]:
    transfers: dict[tuple[str, str], tuple[TensorRecord, ...]] = {}
    for run in runs:
        if run.tensors:
            transfers.setdefault((run.student, run.method), run.tensors)
    return transfers


def _read_json(path: Path, remedy: str) -> Any:
    try:
        return read_json(path)
    except ValueError as error:
        raise ValueError(f"{error}; {remedy}") from error
