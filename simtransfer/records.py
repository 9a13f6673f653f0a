"""An experiment's folder, read back.

The folder is all that statistics and reports know of an experiment:

    experiment.json                               what was to be run
    runs/<student>/<method>/seed-<k>/curve.parquet    one row per evaluation and suite
    runs/<student>/<method>/seed-<k>/transfer.json    what became of each tensor
    runs/<student>/<method>/seed-<k>/done.json        there once the run is finished
    video.mp4                                     may be missing
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

CURVE_COLUMNS = (
    "step",
    "suite",
    "episodes",
    "success_rate",
    "return_mean",
    "wall_seconds",
)
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
    path = folder / "experiment.json"
    record = _read_json(path, "point to the folder that the experiment was written to")
    try:
        teacher, students = record["teacher"], tuple(map(str, record["students"]))
        methods, seeds = tuple(map(str, record["methods"])), tuple(map(int, record["seeds"]))
        runs = list(_read_runs(folder, students, methods, seeds))
        return Experiment(
            name=str(record["name"]),
            task=str(record["task"]),
            teacher=TeacherRecord(
                name=str(teacher["name"]),
                steps=_number(teacher.get("steps")),
                hours=_number(teacher.get("hours")),
                success_rate=_number(teacher.get("success_rate")),
            ),
            students=students,
            methods=methods,
            seeds=seeds,
            steps=int(record["steps"]),
            evaluation_interval=int(record["evaluation_interval"]),
            command=str(record["command"]),
            versions={str(k): str(v) for k, v in record.get("versions", {}).items()},
            config=dict(record.get("config", {})),
            curves=_join_curves([run.curve for run in runs if run.curve is not None]),
            transfers=_first_transfers(runs),
            unfinished=tuple(run.as_unfinished() for run in runs if not run.done),
            video=(folder / "video.mp4") if (folder / "video.mp4").is_file() else None,
        )
    except KeyError as error:
        raise ValueError(
            f"{path}: key {error} is missing; start the experiment again in this folder"
        ) from error
    except (TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: a value has the wrong type ({error}); "
            "start the experiment again in this folder"
        ) from error


@dataclass(frozen=True)
class _Run:
    student: str
    method: str
    seed: int
    done: bool
    curve: pd.DataFrame | None
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
                if curve is not None:
                    curve = curve.assign(student=student, method=method, seed=seed)
                yield _Run(student, method, seed, done, curve, _read_tensors(run))


def _read_curve(path: Path, *, must_exist: bool) -> pd.DataFrame | None:
    if not path.is_file():
        if must_exist:
            raise ValueError(f"{path}: is missing though the run is finished; {BEGIN_AGAIN}")
        return None
    try:
        curve = pd.read_parquet(path)
    # Whatever a damaged file makes the Parquet reader raise, the user's remedy is the same.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: cannot be read as Parquet ({reason}); {BEGIN_AGAIN}") from error
    missing = [column for column in CURVE_COLUMNS if column not in curve.columns]
    if missing:
        raise ValueError(f"{path}: has no column {', '.join(missing)}; {BEGIN_AGAIN}")
    return curve


def _join_curves(curves: list[pd.DataFrame]) -> pd.DataFrame:
    begun = [curve for curve in curves if len(curve)]
    columns = ["student", "method", "seed", *CURVE_COLUMNS]
    return pd.concat(begun, ignore_index=True) if begun else pd.DataFrame(columns=columns)


def _read_tensors(run: Path) -> tuple[TensorRecord, ...]:
    path = run / "transfer.json"
    if not path.is_file():
        return ()
    try:
        return tuple(
            TensorRecord(
                tensor=str(entry["tensor"]),
                status=str(entry["status"]),
                shape=tuple(int(size) for size in entry["shape"]),
                detail=str(entry.get("detail", "")),
            )
            for entry in _read_json(path, BEGIN_AGAIN)
        )
    except (KeyError, TypeError, AttributeError) as error:
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
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{path}: is missing; {remedy}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is not valid JSON ({error}); {remedy}") from error
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
