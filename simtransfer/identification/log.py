"""Recorded logs: what a robot was told and what it read, in Parquet columns by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from envs.catalogue import find_task
from envs.interface import Feature, unknown
from envs.rig import channels
from envs.robot import Robot
from envs.tables import checked
from simtransfer.files import replace_file

SCHEMA = 1
JITTER = 0.25  # of a control step that a row may come early or late
BEYOND = 1e-6  # of a range that rounding may leave it by
SHORTEST = 10  # rows of an episode


@dataclass(frozen=True)
class Episode:
    """From standing still on.

    Attributes:
        commands: Targets, rad or m/s, ``(steps, actuators)`` in the robot's order.
        readings: What was read before each was told, ``(steps, channels)``.
    """

    commands: NDArray[np.float64]
    readings: NDArray[np.float64]


@dataclass(frozen=True)
class Log:
    """Episodes of one robot.

    Attributes:
        robot: Who.
        channels: What was read.
        episodes: Each begins where the robot stands still, as it does at a reset.
    """

    robot: Robot
    channels: tuple[Feature, ...]
    episodes: tuple[Episode, ...]

    @property
    def commands(self) -> list[NDArray[np.float64]]:
        """Of every episode."""
        return [episode.commands for episode in self.episodes]

    @property
    def readings(self) -> NDArray[np.float64]:
        """All episodes', one after another, ``(steps, channels)``."""
        return np.concatenate([episode.readings for episode in self.episodes])


def command_columns(robot: Robot) -> list[str]:
    """Names of the columns that hold targets."""
    return [f"command/{actuator.role}" for actuator in robot.actuators]


def write_log(log: Log, file: Path) -> None:
    """Write a log; `read_logs` is the inverse."""
    rate = find_task(log.robot.tasks[0]).control_rate
    tables = []
    for number, episode in enumerate(log.episodes):
        table = pd.DataFrame(episode.commands, columns=command_columns(log.robot))
        table.insert(0, "time", np.arange(len(table)) / rate)
        table.insert(0, "episode", number)
        read = pd.DataFrame(episode.readings, columns=[f.name for f in log.channels])
        tables.append(pd.concat([table, read], axis=1))
    about = {"schema": SCHEMA, "robot": log.robot.name, "control_rate": rate}
    whole = pa.Table.from_pandas(pd.concat(tables, ignore_index=True), preserve_index=False)
    whole = whole.replace_schema_metadata({b"simtransfer": json.dumps(about).encode()})
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, lambda draft: parquet.write_table(whole, draft))


def read_logs(files: Sequence[Path], robot: Robot) -> Log:
    """Read one robot's logs as one.

    Args:
        files: Parquet files; each must have read the same.
        robot: Who.

    Raises:
        ValueError: If a file cannot be read, is another robot's, or lacks what a log needs.
    """
    if not files:
        raise ValueError("no log was given")
    logs = [_read(Path(file), robot) for file in files]
    for file, log in zip(files, logs, strict=True):
        if log.channels != logs[0].channels:
            raise ValueError(f"{file}: has not read the same as {files[0]}; identify each alone")
    episodes = tuple(episode for log in logs for episode in log.episodes)
    return Log(robot, logs[0].channels, episodes)


def _read(file: Path, robot: Robot) -> Log:
    try:
        # Opened here, so that a name is that of a file, never of a folder of them or of a bucket.
        with file.open("rb") as opened, parquet.ParquetFile(opened) as whole:
            table = whole.read()
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror or error})") from None
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"{file}: truncated or not Parquet ({error})") from None
    try:
        _check_origin(table.schema.metadata or {}, robot)
        # As it is on disk: pandas would make an index of a column, and lose it as one.
        return _parse(table.to_pandas(ignore_metadata=True), robot)
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"{file}: {error}") from None


def _check_origin(metadata: dict[bytes, bytes], robot: Robot) -> None:
    """What a recorder said; a file that was made by hand need not say anything."""
    if b"simtransfer" not in metadata:
        return
    try:
        about = json.loads(metadata[b"simtransfer"])
        schema = checked(about["schema"], "int", "schema")
        name = checked(about["robot"], "str", "robot")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("its metadata 'simtransfer' is not a log's") from None
    if schema > SCHEMA:
        raise ValueError(f"is of schema {schema}; this version reads up to {SCHEMA}")
    if name != robot.name:
        raise ValueError(f"was recorded on {name!r}, not on {robot.name!r}; give --robot {name}")


def _parse(table: pd.DataFrame, robot: Robot) -> Log:
    if table.empty:
        raise ValueError("has no rows")
    known = {feature.name: feature for feature in channels(robot)}
    told = command_columns(robot)
    names = list(map(str, table.columns))
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two columns are called {twice[0]!r}; keep one")
    for column in names:
        if "/" in column and column not in (*known, *told):
            raise ValueError(unknown("column", column, (*known, *told)))
    for column in ("time", *told):
        if column not in table.columns:
            raise ValueError(f"has no column {column!r}; it has {_listed(table.columns)}")
    read = [name for name in known if name in table.columns]
    if not read:
        raise ValueError(f"has no readings; it needs one or more of {_listed(known)}")
    if "episode" not in table.columns:
        table = table.assign(episode=0)
    for column in ("episode", "time", *told, *read):
        _check_numbers(table[column], column)
    for actuator, column in zip(robot.actuators, told, strict=True):
        slack = BEYOND * (actuator.high - actuator.low)
        low, high = table[column].min(), table[column].max()
        if low < actuator.low - slack or high > actuator.high + slack:
            raise ValueError(
                f"{column}: goes from {low:g} to {high:g}, but {robot.name} takes "
                f"{actuator.low:g} to {actuator.high:g}; clip it as the robot does"
            )
    for name in read:
        _check_unit(table[name], known[name])
    rate = find_task(robot.tasks[0]).control_rate
    episodes = []
    for number, part in table.groupby("episode", sort=False):
        _check_time(part["time"].to_numpy(dtype=float), rate, f"episode {number}", robot.name)
        values = part[told].to_numpy(dtype=float), part[read].to_numpy(dtype=float)
        episodes.append(Episode(*values))
    return Log(robot, tuple(known[name] for name in read), tuple(episodes))


def _listed(names: Any) -> str:
    words = list(map(str, names))
    return ", ".join(words[:8]) + (", …" if len(words) > 8 else "")


def _check_numbers(column: pd.Series, name: str) -> None:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise ValueError(f"{name}: expected numbers, got {column.dtype}")
    wrong = ~np.isfinite(column.to_numpy(dtype=float, na_value=np.nan))
    if wrong.any():
        raise ValueError(f"{name}: row {int(wrong.argmax())} is no finite number")


def _check_unit(column: pd.Series, feature: Feature) -> None:
    """Readings may leave their range; those that leave it by more than its width are others."""
    width, low, high = feature.high - feature.low, column.min(), column.max()
    if low < feature.low - width or high > feature.high + width:
        raise ValueError(
            f"{feature.name}: goes from {low:g} to {high:g}, but should be about "
            f"{feature.low:g} to {feature.high:g} {feature.unit}; is it in another unit?"
        )


def _check_time(time: NDArray[np.float64], rate: float, where: str, name: str) -> None:
    if len(time) < SHORTEST:
        raise ValueError(f"{where}: has {len(time)} rows; it needs {SHORTEST} or more")
    steps = np.diff(time) * rate
    wrong = np.abs(steps - 1.0) > JITTER
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{where}: {time[row + 1] - time[row]:g} s lie between rows {row} and {row + 1}, but "
            f"{name} is told every {1 / rate:g} s; resample it, or begin an episode after a gap"
        )
