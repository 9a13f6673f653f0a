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

from envs.bounded_files import MEBIBYTE, require_readable
from envs.catalogue import control_rate, first_task
from envs.interface import Feature, unknown
from envs.rig import channels
from envs.robot import Robot
from envs.tables import checked
from simtransfer.files import replace_file
from simtransfer.identification.timing import check_times, resampled
from simtransfer.names import printable

SCHEMA = 1
LARGEST_FILE = 512 * MEBIBYTE
MOST_ROWS, MOST_COLUMNS = 10**6, 1000  # rows: a day of a car's
BEYOND = 1e-6  # of a range that rounding may leave it by
LATEST = 1e20  # of a time: 1e18 are nanoseconds since 1970
SHORTEST = 10  # rows of an episode
MOVING = 0.4  # of a speed's scale (a quarter of its range) that the first row may read: noise


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
    rate = control_rate(first_task(log.robot))
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
    first_task(robot)  # whose control rate the logs must have
    logs = [_read(Path(file), robot) for file in files]
    for file, log in zip(files, logs, strict=True):
        if log.channels != logs[0].channels:
            raise ValueError(f"{file}: has not read the same as {files[0]}; identify each alone")
    episodes = tuple(episode for log in logs for episode in log.episodes)
    if (rows := sum(len(episode.commands) for episode in episodes)) > MOST_ROWS:
        raise ValueError(f"the logs have {rows} rows; at most {MOST_ROWS} are read together")
    return Log(robot, logs[0].channels, episodes)


def _read(file: Path, robot: Robot) -> Log:
    require_readable(file, LARGEST_FILE)
    try:
        # Opened here, so that a name is that of a file, never of a folder of them or of a bucket.
        with file.open("rb") as opened, parquet.ParquetFile(opened) as whole:
            _check_size(whole)
            table = whole.read(_columns(whole.schema_arrow, robot))
    except _UnsuitableError as error:
        raise ValueError(f"{file}: {error}") from None
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror or error})") from None
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"{file}: truncated or not Parquet ({error})") from None
    try:
        # As it is on disk: pandas would make an index of a column, and lose it as one.
        return _parse(table.to_pandas(ignore_metadata=True), robot)
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"{file}: {error}") from None


class _UnsuitableError(Exception):
    """A Parquet file that is sound, but is no log of the robot."""


def _check_size(file: parquet.ParquetFile) -> None:
    """Refuse, by what the file says of itself, what would take much memory to read."""
    rows, columns = file.metadata.num_rows, file.metadata.num_columns
    if rows > MOST_ROWS or columns > MOST_COLUMNS:
        raise _UnsuitableError(
            f"has {rows} rows and {columns} columns; at most {MOST_ROWS} rows and {MOST_COLUMNS} "
            "columns are read"
        )


def _columns(schema: pa.Schema, robot: Robot) -> list[str]:
    """The columns of a log that are read, if it has what a log needs; no other is loaded."""
    try:
        _check_origin(schema.metadata or {}, robot)
    except ValueError as error:
        raise _UnsuitableError(str(error)) from None
    known = [feature.name for feature in channels(robot)]
    told, names = command_columns(robot), schema.names
    if twice := [name for name in names if names.count(name) > 1]:
        raise _UnsuitableError(f"two columns are called {twice[0]!r}; keep one")
    for column in names:
        if "/" in column and column not in (*known, *told):
            raise _UnsuitableError(unknown("column", column, (*known, *told)))
    for column in ("time", *told):
        if column not in names:
            raise _UnsuitableError(f"has no column {column!r}; it has {_listed(names)}")
    read = [name for name in known if name in names]
    if not read:
        raise _UnsuitableError(f"has no readings; it needs one or more of {_listed(known)}")
    wanted = [name for name in ("episode", "time", *told, *read) if name in names]
    for column in wanted:
        kind = schema.field(column).type
        numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        stamps = pa.types.is_timestamp(kind) or pa.types.is_duration(kind)
        if not (numbers or (stamps and column == "time")):
            raise _UnsuitableError(f"{column}: expected numbers, got {kind}")
    return wanted


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
    read = [name for name in known if name in table.columns]
    if "episode" not in table.columns:
        table = table.assign(episode=0)
    table = table.assign(time=_seconds(table["time"]))
    for column in ("episode", "time", *told, *read):
        _check_finite(table[column], column)
    if (farthest := table["time"].abs().max()) > LATEST:
        raise ValueError(f"time: {farthest:g} s is no time that a row was read at")
    for actuator, column in zip(robot.actuators, told, strict=True):
        slack = BEYOND * (actuator.high - actuator.low)
        low, high = table[column].min(), table[column].max()
        if low < actuator.low - slack or high > actuator.high + slack:
            raise ValueError(
                f"{column}: goes from {low:g} to {high:g}, but {robot.name} takes "
                f"{actuator.low:g} to {actuator.high:g}; clip it as the robot does, "
                "or convert it if it is in another unit"
            )
    for name in read:
        _check_unit(table[name], known[name])
    rate = control_rate(first_task(robot))
    episodes = []
    for number, part in table.groupby("episode", sort=False):
        if len(part) < SHORTEST:
            raise ValueError(f"episode {number}: has {len(part)} rows; it needs {SHORTEST} or more")
        time = part["time"].to_numpy(dtype=float)
        try:
            check_times(time, rate)
        except ValueError as error:
            raise ValueError(f"episode {number}: {error}") from None
        for name in read:
            _check_stands(part[name].iloc[0], known[name], number)
        commands, readings = part[told].to_numpy(dtype=float), part[read].to_numpy(dtype=float)
        episodes.append(Episode(*resampled(time, rate, commands, readings)))
    return Log(robot, tuple(known[name] for name in read), tuple(episodes))


def _seconds(time: pd.Series) -> pd.Series:
    """Times in seconds; dates and durations are counted from the first row."""
    if pd.api.types.is_numeric_dtype(time):
        return time
    try:
        seconds: pd.Series = (time - time.iloc[0]).dt.total_seconds()
    except OverflowError:
        raise ValueError("time: its rows are centuries apart") from None
    return seconds


def _listed(names: Any) -> str:
    words = [printable(str(name)) for name in names]
    return ", ".join(words[:8]) + (", …" if len(words) > 8 else "")


def _check_finite(column: pd.Series, name: str) -> None:
    wrong = ~np.isfinite(column.to_numpy(dtype=float, na_value=np.nan))
    if wrong.any():
        raise ValueError(
            f"{name}: row {int(wrong.argmax())} is no finite number; fill it in, or leave out "
            "the column or the episode"
        )


def _check_unit(column: pd.Series, feature: Feature) -> None:
    """Readings may leave their range; those that leave it by more than its width are others."""
    width, low, high = feature.high - feature.low, column.min(), column.max()
    if low < feature.low - width or high > feature.high + width:
        raise ValueError(
            f"{feature.name}: goes from {low:g} to {high:g}, but should be about "
            f"{feature.low:g} to {feature.high:g} {feature.unit}; is it in another unit?"
        )


def _check_stands(first: float, feature: Feature, episode: object) -> None:
    """A replay begins where the robot stands still; a log that does not would be misread."""
    speed = "velocity" in feature.name or feature.name.endswith("/speed")
    if speed and abs(first) > MOVING * feature.scale:
        raise ValueError(
            f"episode {episode}: {feature.name} begins at {first:.3g} {feature.unit}, but an "
            "episode begins where the robot stands still; begin it where it does"
        )
