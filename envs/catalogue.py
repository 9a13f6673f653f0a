"""Robots and tasks by name, and environments made of them."""

from __future__ import annotations

import importlib
import warnings
from functools import lru_cache, partial
from importlib.metadata import entry_points
from pathlib import Path

import gymnasium

from envs.driving.task import Driving
from envs.environment import Environment
from envs.interface import unknown
from envs.parcel.detuned import Detuned
from envs.parcel.task import Parcel
from envs.randomization_file import find_randomization
from envs.robot import Robot
from envs.robot_file import read_robot
from envs.simulator import Simulator

TASKS: dict[str, type[Driving] | type[Parcel]] = {
    kind.name: kind for kind in (Driving, Parcel, Detuned)
}
SIMULATORS = {  # where each is, and the extra that installs what it needs
    "pybullet": ("envs.bullet", "Bullet", ""),
    "mujoco": ("envs.mujoco_world", "Mujoco", "mujoco"),
}
ENTRY_POINTS = "simtransfer.robots"
SHIPPED = Path(__file__).parent / "robots"


def tasks() -> tuple[str, ...]:
    """Names of all tasks."""
    return tuple(TASKS)


def find_task(name: str) -> type[Driving] | type[Parcel]:
    """The task called ``name``.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in TASKS:
        raise ValueError(unknown("task", name, TASKS))
    return TASKS[name]


def suites(task: str) -> tuple[str, ...]:
    """Names of a task's scenario suites."""
    return find_task(task).suites


def curve_suite(task: str) -> str:
    """The suite that learning curves are measured on."""
    return find_task(task).curve_suite


def control_rate(task: str) -> float:
    """Control steps a second, Hz."""
    return find_task(task).control_rate


def first_task(robot: Robot) -> str:
    """The first task that a robot is made for, whose control rate it is recorded at.

    Raises:
        ValueError: If its robot.toml names none.
    """
    if not robot.tasks:
        raise ValueError(
            f"{robot.name}: its robot.toml has `tasks = []`; name the tasks that it is made for, "
            f"of {', '.join(TASKS)}"
        )
    return robot.tasks[0]


def robots(task: str | None = None) -> dict[str, Path]:
    """Names and files of the shipped robots and those that installed packages offer.

    Args:
        task: Only those made for it; default: all.

    A package offers robots by an entry point in the group ``simtransfer.robots`` whose value is a
    module; the folders beside that module that hold a ``robot.toml`` are its robots.
    """
    found = {file.parent.name: file for file in sorted(SHIPPED.glob("*/robot.toml"))}
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            origin = Path(str(entry.load().__file__)).parent
        except Exception as error:  # somebody else's package must not take every command down
            warnings.warn(f"robots of {entry.value!r} are left out: {error}", stacklevel=2)
            continue
        found.update({file.parent.name: file for file in sorted(origin.glob("*/robot.toml"))})
    if task is None:
        return found
    return {name: file for name, file in found.items() if is_made_for(_read(file), task)}


def is_made_for(robot: Robot, task: str) -> bool:
    """Whether a robot is made for the world of a task.

    Raises:
        ValueError: If there is no such task.
    """
    return find_task(task).world in robot.tasks


def find_robot(robot: str | Path | Robot) -> Robot:
    """A robot by name, by the path of its folder or ``robot.toml``, or as it is.

    Raises:
        ValueError: If there is none of that name, or its file is wrong.
    """
    if isinstance(robot, Robot):
        return robot
    known = robots()
    if str(robot) in known:
        return _read(known[str(robot)])
    path = Path(robot)
    if str(robot) and path.exists():
        return read_robot(path)
    raise ValueError(unknown("robot", str(robot), known) + ", or give the path of a robot.toml")


@lru_cache(maxsize=64)
def _read(path: Path) -> Robot:
    return read_robot(path)


def make_environment(
    task: str = "driving",
    robot: str | Path | Robot = "hatchback",
    *,
    randomization: str = "none",
    suite: str | None = None,
    privileged: bool = False,
    render_mode: str | None = None,
    simulator: str = "pybullet",
) -> Environment:
    """An environment by names.

    Args:
        task: One of `tasks`.
        robot: A name of `robots`, a path, or a `Robot`.
        randomization: A key of `envs.randomization.RANDOMIZATIONS`.
        suite: Which scenarios; default: the task's training suite.
        privileged: Whether observations include what only a simulator knows.
        render_mode: ``rgb_array`` or None.
        simulator: One of `SIMULATORS`.

    Raises:
        ValueError: For an unknown name, with the nearest one, or a robot not made for the task.
    """
    kind = find_task(task)
    found = find_robot(robot)
    if not is_made_for(found, task):
        made = ", ".join(found.tasks)
        raise ValueError(f"robot {found.name!r} is made for {made}, not for {task!r}")
    return Environment(
        found,
        kind(found),
        make_simulator(simulator),
        randomization=find_randomization(randomization),
        suite=suite,
        privileged=privileged,
        render_mode=render_mode,
    )


def make_simulator(name: str) -> Simulator:
    """A fresh simulator by name.

    Raises:
        ValueError: If there is none of that name, or what it needs is not installed.
    """
    if name not in SIMULATORS:
        raise ValueError(unknown("simulator", name, SIMULATORS))
    module, kind, extra = SIMULATORS[name]
    try:
        made: Simulator = getattr(importlib.import_module(module), kind)()
    except ModuleNotFoundError as error:
        raise ValueError(
            f"simulator {name!r} needs {error.name!r}: pip install 'simtransfer[{extra}]'"
        ) from None
    return made


def register_environments() -> None:
    """Register ``simtransfer/<task>-<robot>-v0`` for every shipped robot with Gymnasium."""
    for file in sorted(SHIPPED.glob("*/robot.toml")):
        name = file.parent.name
        for task in filter(partial(is_made_for, _read(file)), TASKS):
            identifier = f"simtransfer/{task}-{name}-v0"
            if identifier not in gymnasium.registry:
                gymnasium.register(
                    identifier,
                    entry_point="envs.catalogue:make_environment",
                    kwargs={"task": task, "robot": name},
                )
