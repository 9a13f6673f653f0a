import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from envs import find_robot
from envs.rig import channels
from simtransfer.identification.excitation import excitation
from simtransfer.identification.log import Episode, Log, read_logs, write_log
from simtransfer.identification.recording import record

EPOCH = 1_790_000_000.0  # s from 1970 until the log was made
ROBOTS = ("hatchback", "skid_steer", "porter")


@pytest.fixture(scope="module")
def hatchback_log():
    robot = find_robot("hatchback")
    told = excitation(robot, 10.0, episodes=2, seconds=2.0, seed=0)
    return record(robot, told, {"observation_noise": 0.02}, seed=3)


@pytest.fixture
def spoil(hatchback_log, tmp_path):
    """Writes the log as a table that was changed, without what a recorder says of it."""

    def spoil(change):
        file = tmp_path / "log.parquet"
        write_log(hatchback_log, file)
        table = pd.read_parquet(file)
        changed = change(table)
        (table if changed is None else changed).to_parquet(file, index=False)
        return file

    return spoil


@pytest.mark.parametrize("name", ROBOTS)
def test_a_log_survives_being_written(name, tmp_path):
    robot = find_robot(name)
    rng = np.random.default_rng(0)

    def within(things, rows):
        low, high = ([getattr(thing, end) for thing in things] for end in ("low", "high"))
        drawn = rng.uniform(low, high, (rows, len(things)))
        drawn[0] = np.clip(0.0, low, high)  # at rest
        return drawn

    episodes = tuple(
        Episode(within(robot.actuators, n), within(channels(robot), n)) for n in (10, 25)
    )
    log = Log(robot, channels(robot), episodes)
    write_log(log, tmp_path / "deep" / "log.parquet")
    back = read_logs([tmp_path / "deep" / "log.parquet"], robot)
    assert back.channels == log.channels
    for was, now in zip(log.episodes, back.episodes, strict=True):
        np.testing.assert_array_equal(was.commands, now.commands)
        np.testing.assert_array_equal(was.readings, now.readings)


def test_several_files_are_one_log(hatchback_log, tmp_path):
    files = [tmp_path / f"{k}.parquet" for k in range(2)]
    for file in files:
        write_log(hatchback_log, file)
    assert len(read_logs(files, hatchback_log.robot).episodes) == 4


def test_a_log_made_by_hand_needs_no_metadata_nor_all_readings(spoil, hatchback_log):
    file = spoil(lambda t: t.drop(columns=["base/linear_velocity/x", "episode"]).iloc[:20])
    log = read_logs([file], hatchback_log.robot)
    assert [len(episode.commands) for episode in log.episodes] == [20]
    assert "base/linear_velocity/x" not in [feature.name for feature in log.channels]


def put(column, row, value):
    def change(table):
        table.loc[row, column] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.iloc[:0], "has no rows"),
        (lambda t: t.iloc[:5], "it needs 10 or more"),
        (lambda t: t.drop(columns="time"), "no column 'time'"),
        (lambda t: t.drop(columns="command/drive"), "no column 'command/drive'"),
        (lambda t: t.rename(columns={"command/drive": "command/drvie"}), "mean 'command/drive'"),
        (lambda t: t.filter(regex="time|command|episode"), "has no readings"),
        (put("wheel/drive/speed", 7, np.nan), "wheel/drive/speed: row 7 is no finite number"),
        (put("command/drive", 3, np.inf), "command/drive: row 3 is no finite number"),
        (put("command/drive", 3, 1e30), "clip it as the robot does"),
        (lambda t: t.assign(**{"command/drive": "fast"}), "command/drive: expected numbers"),
        (lambda t: t.drop(index=[7, 8]), "0.3 s lie between rows 6 and 7, but the robot's"),
        (lambda t: t.iloc[::-1], "goes back by 0.1 s from row 0 to 1; sort the rows by time"),
        (lambda t: t.iloc[[*range(8), *range(7, 40)]], "is 0 s between rows 7 and 8; keep one"),
        (lambda t: t.assign(time=t["time"] * 0.76), "rows come at 13.16 Hz (median step 0.076 s"),
        (lambda t: t.assign(time=t["time"] * 1.02), "but the robot's control rate is 10 Hz, a row"),
        (lambda t: t.assign(time=t["time"] * 1e3), "is it in milliseconds? divide it by 1000"),
        (lambda t: t.assign(time=(t["time"] * 1e9).astype(int)), "is it in nanoseconds?"),
        (
            lambda t: t.assign(time=np.floor(EPOCH + t["time"])),
            "it seems to be stored too coarsely",
        ),
        (lambda t: t.assign(time=(EPOCH + t["time"]).astype(np.float32)), "stored too coarsely"),
        (lambda t: t.iloc[8:], "episode 0: base/linear_velocity/x begins at 2"),
        (put("time", 7, 1e308), "time: 1e+308 s is no time"),
        (
            lambda t: t.assign(time=(np.arange(len(t)) - 9) * np.timedelta64(10**18, "s")),
            "time: its rows are centuries apart",
        ),
        (
            lambda t: t.drop(columns="time").rename(columns={"base/linear_velocity/x": "\x1b[2J"}),
            "it has episode, command/front_steering, command/drive, \\x1b[2J",
        ),
        (put("time", 7, np.nan), "time: row 7 is no finite number"),
        (lambda t: t.assign(time=t["time"].astype(str)), "time: expected numbers, got"),
    ],
)
def test_a_wrong_log_is_refused_in_a_line(change, said, spoil, hatchback_log):
    file = spoil(change)
    with pytest.raises(ValueError) as caught:
        read_logs([file], hatchback_log.robot)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "stamps",
    [
        lambda time: EPOCH + time,
        lambda time: pd.to_datetime(np.round((EPOCH + time) * 1e9)),
        lambda time: pd.to_timedelta(np.round(time * 1e3), unit="ms"),
        lambda time: time.astype(np.float32),
    ],
)
def test_whatever_times_are_counted_from_a_log_is_the_same(stamps, spoil, hatchback_log):
    log = read_logs([spoil(lambda t: t.assign(time=stamps(t["time"])))], hatchback_log.robot)
    for was, now in zip(hatchback_log.episodes, log.episodes, strict=True):
        np.testing.assert_array_equal(was.commands, now.commands)
        np.testing.assert_array_equal(was.readings, now.readings)


def test_rows_that_come_early_or_late_are_put_on_control_steps(spoil, hatchback_log):
    """A yaw rate that grows by 0.01 rad/s in 0.1 s, read at times that jitter by up to 20 %."""
    rng = np.random.default_rng(0)

    def jitter(table):
        table = table[table["episode"] == 0]
        steps = 0.1 + rng.permutation(np.linspace(-0.02, 0.02, len(table) - 1))
        time = EPOCH + np.concatenate([[0.0], np.cumsum(steps)])
        table = table.assign(time=time)
        table["base/angular_velocity/z"] = 0.1 * (time - EPOCH)
        table["command/front_steering"] = np.where(np.arange(len(table)) < 8, 0.0, 0.2)
        return table

    file = spoil(jitter)
    log = read_logs([file], hatchback_log.robot)
    (episode,) = log.episodes
    turned = episode.readings[:, [f.name for f in log.channels].index("base/angular_velocity/z")]
    np.testing.assert_allclose(turned, 0.01 * np.arange(len(turned)), atol=1e-6)
    told = pd.read_parquet(file)["time"].iloc[8] - EPOCH  # when the steering changed
    changed = int(np.argmax(episode.commands[:, 0] > 0.0))
    assert abs(0.1 * changed - told) <= 0.05


def test_a_log_of_a_clock_that_runs_slightly_fast_does_not_drift(spoil, hatchback_log):
    def slow(table):
        return pd.concat([table] * 10).assign(
            episode=0, time=lambda t: 0.1004 * np.arange(len(t)), **{"base/angular_velocity/z": 0.0}
        )

    (episode,) = read_logs([spoil(slow)], hatchback_log.robot).episodes
    rows = 10 * len(hatchback_log.readings)
    assert len(episode.commands) == len(episode.readings) == int(1.004 * (rows - 1)) + 1


@pytest.mark.parametrize("make", [os.mkfifo, lambda file: file.symlink_to("/dev/urandom")])
def test_what_never_ends_is_not_read(make, hatchback_log, tmp_path):
    file = tmp_path / "log.parquet"
    make(file)
    with pytest.raises(ValueError, match=r"log\.parquet: is not a regular file"):
        read_logs([file], hatchback_log.robot)


def test_a_small_file_of_very_many_rows_is_refused_before_it_is_read(hatchback_log, tmp_path):
    file = tmp_path / "log.parquet"
    columns = ["time", "command/front_steering", "command/drive", "base/linear_velocity/x"]
    zeros = pa.DictionaryArray.from_arrays(np.zeros(10**6 + 1, dtype=np.int8), [0.0])
    parquet.write_table(pa.table([zeros] * 4, names=columns), file)
    assert file.stat().st_size < 100_000
    with pytest.raises(ValueError, match="has 1000001 rows and 4 columns; at most 1000000 rows"):
        read_logs([file], hatchback_log.robot)


def test_a_file_of_a_gigabyte_is_refused(hatchback_log, tmp_path):
    file = tmp_path / "log.parquet"
    with file.open("wb") as opened:
        opened.truncate(2**30)  # sparse
    with pytest.raises(ValueError, match="has 1024 MiB, more than the limit of 512 MiB"):
        read_logs([file], hatchback_log.robot)


def test_a_robot_without_tasks_is_refused(hatchback_log):
    with pytest.raises(ValueError, match=r"hatchback: its robot.toml has `tasks = \[\]`; name"):
        read_logs([Path("log.parquet")], replace(hatchback_log.robot, tasks=()))


def test_what_is_no_log_is_refused(hatchback_log, tmp_path):
    file = tmp_path / "log.parquet"
    with pytest.raises(ValueError, match="cannot be read"):
        read_logs([file], hatchback_log.robot)
    write_log(hatchback_log, file)
    whole = file.read_bytes()
    for spoiled in (b"", b"time,command\n1,2\n", whole[: len(whole) // 2]):
        file.write_bytes(spoiled)
        with pytest.raises(ValueError, match=r"log.parquet: .*truncated or not Parquet"):
            read_logs([file], hatchback_log.robot)


def test_another_robots_log_is_refused(hatchback_log, tmp_path):
    file = tmp_path / "log.parquet"
    write_log(hatchback_log, file)
    with pytest.raises(ValueError, match="recorded on 'hatchback', not on 'van'"):
        read_logs([file], find_robot("van"))
    with pytest.raises(ValueError, match="no log was given"):
        read_logs([], hatchback_log.robot)


def test_a_log_that_pandas_gave_an_index_is_read_as_it_is(spoil, hatchback_log):
    file = spoil(lambda table: None)
    pd.read_parquet(file).set_index(["episode", "time"]).to_parquet(file)
    read = read_logs([file], hatchback_log.robot)
    np.testing.assert_array_equal(read.readings, hatchback_log.readings)
    assert len(read.episodes) == len(hatchback_log.episodes)


def test_two_columns_of_one_name_are_refused(spoil, hatchback_log):
    file = spoil(lambda table: None)
    table = parquet.read_table(file)
    parquet.write_table(table.append_column("time", table["time"]), file)
    with pytest.raises(ValueError, match=r"two columns are called 'time'; keep one"):
        read_logs([file], hatchback_log.robot)


@pytest.mark.parametrize("factor", [1000.0, 1e300])
def test_readings_in_another_unit_are_refused(factor, spoil, hatchback_log):
    def change(table):
        table["wheel/drive/speed"] *= factor

    with pytest.raises(ValueError, match="is it in another unit"):
        read_logs([spoil(change)], hatchback_log.robot)


@pytest.mark.parametrize(
    "told", [b'{"schema": Infinity, "robot": "hatchback"}', b"[" * 100_000, b'{"schema": 1}', b"7"]
)
def test_metadata_that_is_no_recorders_is_refused(told, spoil, hatchback_log):
    file = spoil(lambda table: None)
    table = parquet.read_table(file).replace_schema_metadata({b"simtransfer": told})
    parquet.write_table(table, file)
    with pytest.raises(ValueError, match="its metadata 'simtransfer' is not a log's"):
        read_logs([file], hatchback_log.robot)


@pytest.mark.parametrize("place", [".", "nothing.parquet", "s3:/bucket/log.parquet"])
def test_only_a_file_is_read(place, spoil, hatchback_log, monkeypatch):
    monkeypatch.chdir(spoil(lambda table: None).parent)
    with pytest.raises(ValueError, match=r"(cannot be read \(No such file|is not a regular)"):
        read_logs([Path(place)], hatchback_log.robot)


def test_a_damaged_file_is_refused_and_nothing_worse(spoil, hatchback_log, tmp_path):
    whole, rng = spoil(lambda table: None).read_bytes(), np.random.default_rng(0)
    refused = 0
    for k in range(150):
        content = bytearray(whole[: rng.integers(len(whole))] if k % 3 == 0 else whole)
        for place in rng.integers(0, max(len(content), 1), rng.integers(1, 6)):
            content[place : place + 1] = rng.bytes(1)
        file = tmp_path / "damaged.parquet"
        file.write_bytes(content)
        try:
            read_logs([file], hatchback_log.robot)
        except ValueError as error:
            assert str(file) in str(error)
            refused += 1
    assert refused > 50
