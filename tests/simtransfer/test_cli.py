import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agents.settings import TUNED, PPOSettings
from envs import robots
from simtransfer.cli import main
from simtransfer.video import write_video

TINY = ["--steps", "256", "--interval", "128", "--episodes", "2", "--final-episodes", "2"]
SMALL_PPO = ["--ppo.worlds", "2", "--ppo.rollout", "64", "--ppo.batch", "64"]


def run(*arguments):
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:  # the parser's own
        return stop.code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--robot", "hatchbak"], "did you mean 'hatchback'"),
        (["train", "--task", "drivin"], "did you mean 'driving'"),
        (["train", "--steps", "0"], "steps must be at least 1"),
        (["train", "--steps", "9" * 400], "steps must be below 2**63, got 999"),
        (["train", "--ppo.learning-rate", "nan"], "ppo.learning_rate must be positive, got nan"),
        (["train", "--workers", "0"], "workers must be at least 1, got 0"),
        (["train", "--workers", "1000000"], "workers must be at most"),
        (["evaluate", "BUNDLE", "--episodes", "999999999"], "must be at most 1,000,000 in all"),
        (["train", "--final-episodes", "999999999"], "episodes must be at most 1,000,000, got"),
        (["evaluate", "BUNDLE", "--workers", "1000000"], "workers must be at most"),
        (["train", "--ppo.worlds", "1000000000"], "ppo.worlds must be at most 4,096, got"),
        (["train", "--ppo.worlds", "4096", "--ppo.rollout", "999999"], "of memory (ppo.rollout"),
        (["train", "--algorithm", "sac", "--sac.buffer", "99999999"], "of memory (sac.buffer"),
        (
            ["compare", "--teacher", "BUNDLE", "--seeds", "9" * 30],
            "seeds must be at least 1, at most",
        ),
        (["watch", "BUNDLE", "--seed", "-1"], "--seed must not be negative"),
        (["train", "--seed", "-1"], "seed must not be negative"),
        (["train", "--schedule.kind", "automtic"], "schedule.kind: unknown kind 'automtic'; did"),
        (["train", "--randomization", "widee", "--steps", "10"], "did you mean 'wide'"),
        (["evaluate", "nothing-here"], "unknown bundle"),
        (["evaluate", "BUNDLE", "--suite", "mixd"], "did you mean 'mixed'"),
        (["evaluate", "BUNDLE", "--robot", "vann"], "did you mean 'van'"),
        (["evaluate", "BUNDLE", "--episodes", "0"], "--episodes must be at least 1"),
        (["evaluate", "BUNDLE", "--seed", "-2"], "--seed must not be negative"),
        (["evaluate", "BUNDLE", "--seed", "9" * 20, "--episodes", "1"], "give a smaller seed"),
        (["bridge", "BUNDLE", "--seed", "9" * 20, "--episodes", "1"], "give a smaller seed"),
        (["transfer", "BUNDLE", "--robot", "van", "--method", "magic"], "unknown method"),
        (["transfer", "BUNDLE", "--robot", "nobody"], "unknown robot"),
        (["compare", "--teacher", "BUNDLE", "--seeds", "-1"], "seeds must be at least 1"),
        (["compare", "--teacher", "BUNDLE", "--students", "vam"], "did you mean 'van'"),
        (["compare", "--teacher", "BUNDLE", "--methods", "scrach"], "did you mean 'scratch'"),
        (["compare", "--teacher", "BUNDLE", "--workers", "0"], "workers must be at least 1"),
        (["report", "nowhere"], "nowhere"),
        (["robots", "check"], "needs a robot"),
        (["robots", "check", "nobody"], "unknown robot"),
        (["bench", "--steps", "1"], "--steps must be at least 100"),
        (["watch", "BUNDLE", "--episodes", "0"], "--episodes must be at least 1"),
        (["train", "--output", ""], "--output: is empty; give a value"),
        (["train", "--output="], "--output: is empty; give a value"),
        (["train", "--output", "/dev/null"], "/dev/null: exists and is not a folder"),
        (["train", "--output", "\udcff"], "--output: has characters that cannot be printed"),
        (["transfer", "BUNDLE", "--robot", "van", "--output", "/dev/null"], "is not a folder"),
        (["compare", "--teacher", "BUNDLE", "--output", "/dev/null"], "is not a folder"),
        (["compare", "--teacher", "BUNDLE", "--name", "\udcff"], "--name: has characters"),
        (["compare", "--teacher", "BUNDLE", "--name", "../up"], "name: must not contain '/'"),
        (["bridge", "BUNDLE", "--output", "/dev/null"], "is not a folder"),
        (["watch", "BUNDLE", "--output", "/dev/null"], "/dev/null: exists and is not a regular"),
        (["record", "--output", "/dev/null"], "/dev/null: exists and is not a regular"),
        (["record", "--output", "a\nb"], r"--output: has characters that cannot be printed"),
        (["report", "/dev/null"], "experiment.json: cannot be read"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments, said, teacher_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    filled = [str(teacher_folder) if a == "BUNDLE" else a for a in arguments]
    assert run(*filled) == 2
    printed = capsys.readouterr()
    assert said in " ".join(printed.err.split())
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""
    assert not list(tmp_path.rglob("done.json"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--stepz", "5"], "unrecognized options: --stepz, 5; perhaps you meant --steps"),
        (["train", "--steps", "1e99"], "error parsing --steps: invalid literal for int"),
        (["train", "--steps", "many"], "error parsing --steps: invalid literal for int"),
        (["train", "--algorithm", "dqn"], "invalid choice 'dqn' for argument '--algorithm'"),
        (["trian"], "unknown command 'trian'; did you mean 'train'"),
        (["evaluate"], "required"),
        ([], "train"),
    ],
)
def test_the_parser_refuses_in_one_line_with_exit_code_2(arguments, said, capsys):
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""


@pytest.mark.parametrize("command", ["watch BUNDLE", "record", "identify log.parquet --robot van"])
@pytest.mark.parametrize("name", ["there", "nowhere"])
def test_a_link_is_not_written_through_nor_replaced(
    command, name, teacher_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("keep me")
    link = tmp_path / f"{name}.toml"
    link.symlink_to(tmp_path / name)
    filled = command.replace("BUNDLE", str(teacher_folder)).split()
    assert run(*filled, "--output", link.name) == 2
    assert f"{link.name}: is a symbolic link" in capsys.readouterr().err
    assert link.is_symlink() and (tmp_path / "there").read_text() == "keep me"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        ("| true", 0, ""),
        (">/dev/full", 2, "simtransfer: No space left on device; free some space"),
        (">&- 2>&-", 0, ""),
        ("--help >/dev/full", 2, "simtransfer: No space left on device; free some space"),
    ],
)
def test_an_output_that_nobody_takes_is_no_traceback(where, code, said):
    command = f"set -o pipefail; {sys.executable} -m simtransfer robots {where}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert ended.returncode == code
    assert ended.stderr.startswith(said)
    assert len(ended.stderr.splitlines()) == bool(said)


def test_a_full_disk_is_said_and_leaves_no_half_record(tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "curve.parquet")

    monkeypatch.setattr("pandas.DataFrame.to_parquet", full)
    assert run("train", *TINY, *SMALL_PPO, "--output", tmp_path / "run") == 2
    assert "No space left on device; free some space" in capsys.readouterr().err
    assert not (tmp_path / "run" / "curve.parquet").exists()
    assert not (tmp_path / "run" / "done.json").exists()
    assert [f.name for f in (tmp_path / "run").glob(".*")] == [".lock"]


def test_train_then_evaluate_then_transfer(tmp_path, capsys):
    first, second = tmp_path / "teacher", tmp_path / "student"
    assert run("train", *TINY, *SMALL_PPO, "--output", first, "--json") == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["steps"] == 256
    arguments = ["evaluate", first / "bundle", "--episodes", "3", "--json"]
    assert run(*arguments) == 0
    evaluated = json.loads(capsys.readouterr().out)
    assert evaluated.keys() >= {
        "success_rate",
        "success_interval",
        "collision_rate",
        "return_mean",
        "episodes",
    }
    assert evaluated["episodes"] == 3
    low, high = evaluated["success_interval"]
    assert 0.0 <= low <= evaluated["success_rate"] <= high <= 1.0
    assert run(*arguments) == 0
    assert json.loads(capsys.readouterr().out) == evaluated
    options = ["--robot", "skid_steer", *TINY, *SMALL_PPO, "--output", second]
    assert run("transfer", first / "bundle", *options) == 0
    table = capsys.readouterr().out
    assert "aligned" in table
    assert run("evaluate", second / "bundle", "--episodes", "2", "--suite", "all") == 0


def test_watch_writes_a_video(teacher_folder, tmp_path):
    file = tmp_path / "drive.mp4"
    assert run("watch", teacher_folder, "--episodes", "1", "--output", file) == 0
    assert file.read_bytes()[4:8] == b"ftyp"


def test_a_video_that_does_not_fit_on_the_disk_is_refused_and_leaves_none(tmp_path):
    frames = list(np.random.default_rng(0).integers(0, 255, (20, 64, 64, 3), dtype=np.uint8))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limit[1]))
    try:
        with pytest.raises(OSError, match=r"drive\.mp4: cannot be written whole"):
            write_video(frames, tmp_path / "drive.mp4", 10.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert list(tmp_path.iterdir()) == []


def test_robots_lists_and_checks(capsys):
    assert run("robots", "--json") == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)}
    assert names >= {"hatchback", "van", "skid_steer", "trike", "racecar", "husky"}
    assert run("robots", "check", "trike", "--json") == 0
    assert json.loads(capsys.readouterr().out)["passed"]


def test_a_bad_robot_fails_its_check(tmp_path, capsys):
    (tmp_path / "robot.toml").write_text('name = "broken"\n')
    assert run("robots", "check", tmp_path) == 1
    assert "FAIL" in capsys.readouterr().out


def test_bench_prints_its_figures(capsys, monkeypatch):
    monkeypatch.setitem(TUNED, "driving", PPOSettings(worlds=2, rollout=32, batch=32, epochs=1))
    assert run("bench", "--steps", "200", "--resets", "20", "--workers", "2", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["step_to_engine_ratio"] > 1.0
    assert figures["policy_to_predict_ratio"] < 0.5
    assert figures.pop("bytes_per_reset") >= 0
    assert all(value > 0 for value in figures.values())


def test_a_robot_whose_files_do_not_pass_the_check_is_evaluated_with_a_warning(tmp_path, capsys):
    folder = Path(shutil.copytree(robots()["hatchback"].parent, tmp_path / "mine"))
    words = ["evaluate", "hatchback-driving", "--robot", str(folder), "--episodes", "1", "--json"]
    assert main([*words, "--workers", "1"]) == 0
    assert "warning" not in capsys.readouterr().err
    file = folder / "hatchback.urdf"
    joint = '<joint name="rear_left_wheel" type="continuous">'
    mimic = '<mimic joint="front_left_wheel"/>'
    file.write_text(file.read_text().replace(joint, joint + mimic))
    assert main([*words, "--workers", "1"]) == 0
    printed = capsys.readouterr()
    assert (
        "warning: robot 'hatchback' does not pass its check; joints: joint 'rear_left_wheel'"
        in (printed.err)
    )
    assert json.loads(printed.out)["episodes"] == 1
