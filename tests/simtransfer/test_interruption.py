"""Signals end a command with one line, from the first moment on."""

import os
import signal
import subprocess
import sys

import pytest

import simtransfer
from simtransfer.cli import guarded

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize("number", CODES)
def test_a_signal_while_modules_are_imported_is_one_line(number, tmp_path):
    # A module that the command line imports first, and during whose import the signal comes.
    (tmp_path / "tyro.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    ended = subprocess.run(
        [sys.executable, "-m", "simtransfer", "robots"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert ended.returncode == CODES[number]
    assert ended.stderr.startswith("simtransfer: ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", CODES)
def test_a_signal_while_a_command_runs_lets_it_clean_up(number, capsys):
    cleaned, before = [], signal.getsignal(number)

    def command():
        try:
            os.kill(os.getpid(), number)
        finally:
            cleaned.append(True)

    assert guarded(lambda: command) == CODES[number]
    said = capsys.readouterr().err
    assert cleaned == [True]
    assert len(said.splitlines()) == 1
    assert ("interrupted" if number == signal.SIGINT else "ended by SIGTERM") in said
    assert signal.getsignal(number) is before


def test_a_list_of_commands_needs_no_engine_and_no_learning():
    code = (
        "import sys; from simtransfer.cli import main; main(['--help']); "
        "sys.exit(bool({'torch', 'pybullet', 'mujoco', 'pandas'} & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0
    assert "Train a policy from scratch" in ended.stdout


def test_public_names_are_there_when_they_are_used():
    assert {name for name in simtransfer.__all__ if callable(getattr(simtransfer, name))} >= {
        "make",
        "train",
        "TransferPlan",
    }
    assert set(simtransfer.__all__) <= set(dir(simtransfer))
    with pytest.raises(AttributeError, match="has no attribute 'trane'"):
        _ = simtransfer.trane
