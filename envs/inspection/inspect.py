"""The whole inspection of a robot for a task."""

from __future__ import annotations

from pathlib import Path

from envs.catalogue import find_robot, find_task, is_made_for, tasks
from envs.driving.car import Car
from envs.inspection.car import describe_car
from envs.inspection.engines import engines
from envs.inspection.finding import Finding, Report
from envs.inspection.humanoid import describe_humanoid, stand
from envs.inspection.motion import drive
from envs.inspection.sight import look
from envs.parcel.humanoid import Humanoid
from envs.robot import Robot

UNSIMULATED = "not simulated: fix the failures above first"


def inspect(robot: Robot, task: str) -> list[Finding]:
    """Inspect a robot for a task: its files first, then how it moves and sees.

    A robot whose files describe something impossible is not simulated.

    Args:
        robot: The robot.
        task: A task's name.

    Raises:
        ValueError: If there is no such task.
    """
    kind, findings = find_task(task), inspect_files(robot, task)
    failed = {finding.name for finding in _failed(findings)}
    if not isinstance(robot, kind.body) or "urdf" in failed:
        return findings
    if failed & {"joints", "limits", "masses"}:
        return [*findings, Finding("motion", False, UNSIMULATED)]
    findings.append(engines(robot, kind))
    try:
        if isinstance(robot, Car):
            findings += drive(robot, kind.physics_rate)
            findings.append(look(robot, kind.physics_rate))
        elif isinstance(robot, Humanoid):
            findings += stand(robot, kind.physics_rate)
    except ValueError:  # why is among the findings of the engines
        findings.append(Finding("motion", False, UNSIMULATED))
    return findings


def inspect_files(robot: Robot, task: str) -> list[Finding]:
    """Inspect a robot's files for a task, without simulating it.

    Args:
        robot: The robot.
        task: A task's name.

    Raises:
        ValueError: If there is no such task.
    """
    kind = find_task(task)
    made = is_made_for(robot, task)
    meant = f"made for {', '.join(robot.tasks) or 'no task'}"
    findings = [Finding("task", made, meant if made else f"{meant}; add {kind.world!r} to tasks")]
    if not isinstance(robot, kind.body):
        wanted = kind.body.__name__.lower()
        return [Finding("task", False, f"{meant}, but is no {wanted}: set kind = {wanted!r}")]
    try:
        if isinstance(robot, Car):
            findings += describe_car(robot, robot.model, kind.roles)
        elif isinstance(robot, Humanoid):
            findings += describe_humanoid(robot, robot.model, kind.roles)
    except ValueError as error:
        return [*findings, Finding("urdf", False, str(error))]
    return findings


def check_robot(robot: str | Path, task: str | None = None) -> Report:
    """Inspect a robot by name or path; what cannot be read is a failed finding.

    Args:
        robot: A robot's name, or the path of its folder or ``robot.toml``.
        task: A task's name; default: the first that the robot is made for.

    Raises:
        ValueError: If there is no such task.
    """
    if task is not None:
        find_task(task)
    try:
        found = find_robot(robot)
    except ValueError as error:
        return Report(str(robot), None, (Finding("robot.toml", False, str(error)),))
    meant = next((name for name in found.tasks if name in tasks()), tasks()[0])
    return Report(found.name, found.source, tuple(inspect(found, task or meant)))


def _failed(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.passed]
