import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest

from agents.bundle import save_bundle
from simtransfer.experiment import ExperimentConfig, execute
from simtransfer.pool import _run
from simtransfer.report import write_report


@pytest.fixture
def config(teacher_folder):
    return ExperimentConfig(
        name="tiny",
        teacher=str(teacher_folder),
        students=("van",),
        methods=("scratch", "zero_shot", "reuse_kickstart"),
        seeds=2,
        steps=256,
        interval=128,
        episodes=2,
        final_episodes=2,
        ppo={"worlds": 2, "rollout": 64, "batch": 64, "epochs": 2},
    )


def curves(folder):
    files = sorted(folder.glob("runs/*/*/seed-*/curve.parquet"))
    return {
        str(file.relative_to(folder)): pd.read_parquet(file).drop(columns="wall_seconds")
        for file in files
    }


SCRIPT = """
import sys
from pathlib import Path
from tests.simtransfer.test_experiment import restore
from simtransfer.experiment import execute

def say(news):
    print(news.place, flush=True)

if __name__ == "__main__":
    execute(restore(sys.argv[1]), Path(sys.argv[2]), workers=2, on_news=say)
"""


def restore(text):
    data = json.loads(text)
    return ExperimentConfig(
        **{key: tuple(v) if isinstance(v, list) else v for key, v in data.items()}
    )


def children(parent):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                stat = (entry / "stat").read_text()
                if int(stat.rsplit(")", 1)[1].split()[1]) == parent:
                    found.append(int(entry.name))
    return found


def begin(config, folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script), json.dumps(asdict(config)), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_killed_workers_and_a_killed_comparison_change_nothing(config, tmp_path):
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    config = replace(config, methods=("scratch", "reuse_kickstart"), seeds=1)
    execute(config, undisturbed, workers=2)
    process = begin(config, disturbed, tmp_path)
    for child in children(process.pid):  # workers (and their resource tracker) die first
        os.kill(child, signal.SIGKILL)
    assert process.stdout is not None
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 300
    while True:
        try:
            execute(config, disturbed, workers=2)
            break
        except ValueError as error:  # an orphan may hold the lock until it notices
            assert "another comparison" in str(error)
            assert time.monotonic() < deadline
            time.sleep(0.5)
    expected, found = curves(undisturbed), curves(disturbed)
    assert len(expected) == 2
    assert expected.keys() == found.keys()
    for place, curve in expected.items():
        pd.testing.assert_frame_equal(curve, found[place], check_exact=True)
    assert write_report(disturbed).summary.exists()


def test_what_is_done_is_not_done_again(config, tmp_path):
    few = replace(config, methods=("scratch",), seeds=1)
    execute(few, tmp_path / "e", workers=1)
    record = next((tmp_path / "e").glob("runs/*/*/*/curve.parquet"))
    before = record.stat().st_mtime_ns
    execute(replace(few, seeds=2), tmp_path / "e", workers=1)
    assert record.stat().st_mtime_ns == before
    assert len(curves(tmp_path / "e")) == 2


def test_another_configuration_in_the_same_folder_is_refused(config, tmp_path):
    few = replace(config, methods=("scratch",), seeds=1)
    execute(few, tmp_path / "e", workers=1)
    with pytest.raises(ValueError, match="another configuration"):
        execute(replace(few, episodes=3), tmp_path / "e", workers=1)


def test_a_run_that_cannot_work_is_told_before_any_begins(config, tmp_path):
    narrow = replace(config, hidden=(8,))
    narrow = replace(narrow, methods=("scratch", "finetune"))
    with pytest.raises(ValueError, match="differs from the teacher's"):
        execute(narrow, tmp_path / "e", workers=1)
    assert not list((tmp_path / "e").rglob("*.parquet"))


def test_one_run_that_fails_does_not_take_the_others_down(config, tmp_path, monkeypatch):
    few = replace(config, methods=("scratch",), seeds=2)
    spoiled = tmp_path / "e" / "runs" / "van" / "scratch" / "seed-0"
    spoiled.mkdir(parents=True)
    (spoiled / "checkpoint.safetensors").write_bytes(b"half a record")
    with pytest.raises(RuntimeError, match=r"1 runs failed; runs/van/scratch/seed-0: .*remove it"):
        execute(few, tmp_path / "e", workers=1)
    assert "Traceback" in (spoiled / "error.txt").read_text()
    assert list(curves(tmp_path / "e")) == ["runs/van/scratch/seed-1/curve.parquet"]


def test_a_run_on_a_full_disk_says_so_though_it_can_leave_no_note(config, tmp_path, monkeypatch):
    def full(file, write):
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr("simtransfer.files.replace_file", full)
    ours, theirs = multiprocessing.Pipe(duplex=False)
    _run(dict(config.runs())["runs/van/scratch/seed-0"], tmp_path / "run", theirs)
    assert ours.recv() == (
        f"{tmp_path}/run/transfer.json: No space left on device; "
        "free some space, then run the same command again"
    )
    assert not list(tmp_path.glob("run/*.json")) and not list(tmp_path.glob("run/*.txt"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"seeds": -3}, "seeds must be at least 1"),
        ({"students": ()}, "at least one student"),
        ({"methods": ("finetune",)}, "add 'scratch'"),
        ({"methods": ("scratch", "scratch")}, "named twice"),
    ],
)
def test_a_comparison_of_nothing_is_refused(config, change, said):
    with pytest.raises(ValueError, match=said):
        replace(config, **change)


def test_a_run_of_another_teacher_of_the_same_name_is_refused(config, tmp_path, make_bundle):
    folder = tmp_path / "runs"
    teacher = save_bundle(make_bundle(seed=3), tmp_path / "teacher-of-mine")
    once = replace(config, teacher=str(teacher), students=("trike",), seeds=1)
    execute(once, folder, workers=1)
    save_bundle(make_bundle(seed=4), teacher)
    with pytest.raises(ValueError, match="holds a run with another configuration"):
        execute(once, folder, workers=1)
