"""``simtransfer robots``: which there are, and whether one is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.table import Table
from rich.text import Text

from envs import find_robot
from envs.catalogue import read_robots
from envs.inspection import check_robot, inspect_files
from envs.known_robots import known_robots
from envs.robot import Robot
from simtransfer.terminal import errors, output, print_json

FEW = 4  # actions that a table names one by one


def robots(
    action: Annotated[Literal["list", "check"], tyro.conf.Positional] = "list",
    robot: Annotated[str | None, tyro.conf.Positional] = None,
    /,
    json: bool = False,
) -> int:
    """List the robots there are, or check one: ``simtransfer robots check PATH``.

    Args:
        action: "list", or "check" for a pass/fail table (exit code 1 if anything fails).
        robot: For check: a name, a robot.toml or the folder that holds one.
        json: Print JSON instead of a table.
    """
    if action == "check":
        if robot is None:
            raise ValueError("robots check needs a robot: a name or the path of a robot.toml")
        return _check(robot, json)
    return _list(json)


def _list(json: bool) -> int:
    known = known_robots()
    rows, broken = read_robots(known)
    if json:
        print_json(
            [
                {
                    "name": name,
                    "description": robot.description,
                    "tasks": list(robot.tasks),
                    "actions": [actuator.action.name for actuator in robot.actuators],
                    "senses": robot.senses,
                }
                for name, robot in rows.items()
            ]
        )
    else:
        table = Table(title="robots")
        for column in ("name", "tasks", "actions", "senses", "what it is"):
            table.add_column(column)
        for name, robot in rows.items():
            made_for = ", ".join(robot.tasks)
            cells = (name, made_for, _actions(robot), robot.senses, robot.description)
            table.add_row(*cells)
        output.print(table)
    left_out = [f"robot {name!r} is left out: {error}" for name, error in broken.items()]
    for note in (*known.notes, *left_out):
        line = " ".join(note.split())
        errors.print(f"simtransfer: {line}", highlight=False, soft_wrap=True, markup=False)
    return 0


def _actions(robot: Robot) -> str:
    """What it acts with, by name while that is readable."""
    names = [actuator.action.name for actuator in robot.actuators]
    return ", ".join(names) if len(names) <= FEW else f"{len(names)} joints"


def _check(robot: str, json: bool) -> int:
    if known_robots().find(robot) is None and not Path(robot).exists():
        find_robot(robot)  # says which name is nearest
    report = check_robot(robot)
    failed = [finding for finding in report.findings if not finding.passed]
    if json:
        print_json({"passed": not failed, "findings": [vars(f) for f in report.findings]})
        return 1 if failed else 0
    table = Table(title=f"check of {robot}")
    for column in ("", "check", "measured"):
        table.add_column(column)
    for finding in report.findings:
        mark = Text("pass", "green") if finding.passed else Text("FAIL", "red")
        table.add_row(mark, finding.name, finding.detail)
    output.print(table)
    return 1 if failed else 0


def warn_of_files(robot: Robot, task: str) -> None:
    """Warn on the error stream if a robot's files do not pass the check.

    It may drive all the same, but otherwise than its files say.
    """
    failed = [f"{f.name}: {f.detail}" for f in inspect_files(robot, task) if not f.passed]
    if failed:
        said = f"robot {robot.name!r} does not pass its check; {'; '.join(failed)}"
        errors.print(f"warning: {said}", highlight=False, soft_wrap=True)
