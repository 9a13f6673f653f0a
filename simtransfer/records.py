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
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from envs.tables import checked, shown
from simtransfer.files import read_json
from simtransfer.names import printable, require_name
from simtransfer.run_records import (
    CURVE,
    CURVE_COLUMNS,
    DONE,
    RANGES,
    TensorRecord,
    read_curve,
    read_finished_curve,
    read_ranges,
    read_transfer,
)
from simtransfer.schedule import COLUMNS

MOST_NAMES = 10_000  # students, methods or seeds
START_AGAIN = "start the experiment again in this folder"


@dataclass(frozen=True)
class TeacherRecord:
    """The teacher of an experiment: its name and what it cost; NaN where that is not known."""

    name: str
    steps: float
    hours: float
    success_rate: float


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
    record = read_json(path, "point to the folder that the experiment was written to")
    try:
        table = {"versions": {}, "config": {}} | _table(record, "an experiment")
        teacher = _table(table["teacher"], "teacher")
        return {
            **{key: _text(table, key) for key in ("name", "task", "command")},
            **{key: checked(table[key], "int", key) for key in ("steps", "evaluation_interval")},
            "teacher": TeacherRecord(
                name=_text(teacher, "name"),
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


def _text(table: dict[str, Any], key: str) -> str:
    return printable(checked(table[key], "str", key))


def _number(teacher: dict[str, Any], key: str) -> float:
    value = teacher.get(key)
    return math.nan if value is None else float(checked(value, "float", f"teacher.{key}"))


def _distinct(table: dict[str, Any], key: str, kind: str) -> tuple[Any, ...]:
    values: tuple[Any, ...] = checked(table[key], f"tuple[{kind}, ...]", key)
    if not values:
        raise ValueError(f"{key}: names none")
    if len(values) > MOST_NAMES:
        raise ValueError(f"{key}: names {len(values)}, the limit is {MOST_NAMES}")
    for value, times in Counter(values).items():
        if times > 1:
            raise ValueError(f"{key}: {value!r} is named twice")
        require_name(str(value), key)  # it is a folder's
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
                done = (run / DONE).exists()
                curve = read_finished_curve(run) if done else read_curve(run / CURVE)
                ranges = read_ranges(run / RANGES)
                curve, ranges = (
                    table if table is None else table.assign(**_names(student, method, seed))
                    for table in (curve, ranges)
                )
                yield _Run(student, method, seed, done, curve, ranges, read_transfer(run))


def _names(student: str, method: str, seed: int) -> dict[str, Any]:
    return {"student": student, "method": method, "seed": seed}


def _join(tables: list[pd.DataFrame], named: tuple[str, ...]) -> pd.DataFrame:
    begun = [table for table in tables if len(table)]
    columns = ["student", "method", "seed", *named]
    return pd.concat(begun, ignore_index=True) if begun else pd.DataFrame(columns=columns)


def _first_transfers(runs: list[_Run]) -> dict[tuple[str, str], tuple[TensorRecord, ...]]:
    transfers: dict[tuple[str, str], tuple[TensorRecord, ...]] = {}
    for run in runs:
        if run.tensors:
            transfers.setdefault((run.student, run.method), run.tensors)
    return transfers
