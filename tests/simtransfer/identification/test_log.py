import numpy as np
import pandas as pd
import pytest

from envs import find_robot
from envs.rig import channels
from simtransfer.identification.excitation import excitation
from simtransfer.identification.log import Episode, Log, read_logs, write_log
from simtransfer.identification.recording import record

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
    rng, count = np.random.default_rng(0), len(robot.actuators)
    low, high = ([getattr(a, end) for a in robot.actuators] for end in ("low", "high"))
    episodes = tuple(
        Episode(rng.uniform(low, high, (n, count)), rng.normal(size=(n, len(channels(robot)))))
        for n in (10, 25)
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
        (put("time", 7, 100.0), "lie between rows 6 and 7"),
        (lambda t: t.iloc[::-1], "lie between rows 0 and 1"),
        (lambda t: t.assign(time=t["time"] / 4), "is told every 0.1 s; resample it"),
    ],
)
def test_a_wrong_log_is_refused_in_a_line(change, said, spoil, hatchback_log):
    file = spoil(change)
    with pytest.raises(ValueError) as caught:
        read_logs([file], hatchback_log.robot)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


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
