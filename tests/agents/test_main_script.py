"""Scripts without a guard, from standard input and with functions of their own start workers."""

import os
import subprocess
import sys

import pytest

HEAD = """
from agents.arena import Arena
from agents.processes import ProcessGroup
from envs import make_environment
from functools import partial

make = partial(make_environment, "driving", "hatchback")
"""
OWN = """
def make():
    return make_environment("driving", "hatchback")
"""
START = """
group = ProcessGroup(make, 2, 2)
print("started")
group.close()
"""
GUARDED = "if __name__ == '__main__':" + START.replace("\n", "\n    ")


def run(script, folder, from_input=False, **environment):
    file = folder / "script.py"
    file.write_text(script)
    return subprocess.run(
        [sys.executable, "-" if from_input else str(file)],
        input=script if from_input else None,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} | environment,
    )


@pytest.mark.parametrize(("from_input", "folder"), [(False, ""), (True, "x" * 120)])
def test_a_script_needs_no_guard_no_file_and_no_short_temporary_folder(
    from_input, folder, tmp_path
):
    temporary = tmp_path / folder
    temporary.mkdir(exist_ok=True)
    ended = run(HEAD + START, tmp_path, from_input, TMPDIR=str(temporary))
    assert ended.stderr == ""
    assert ended.stdout == "started\n"  # once: workers do not run the script


def test_what_a_guarded_script_defines_reaches_the_workers(tmp_path):
    ended = run(HEAD + OWN + GUARDED, tmp_path)
    assert (ended.stdout, ended.stderr) == ("started\n", "")


@pytest.mark.parametrize(
    ("from_input", "said"),
    [(False, "wrap what the script does in `if __name__ == '__main__':`"), (True, "workers=1")],
)
def test_what_workers_cannot_import_is_said(from_input, said, tmp_path):
    ended = run(HEAD + OWN + START, tmp_path, from_input)
    assert said in ended.stderr.splitlines()[-1]
    assert ended.stdout == ""
