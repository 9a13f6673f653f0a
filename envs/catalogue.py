"""Robots and tasks by name, and environments made of them."""

from __future__ import annotations

import importlib
import warnings
from functools import lru_cache, partial
from pathlib import Path

import gymnasium

from envs.driving.task import Driving
from envs.environment import Environment
from envs.interface import Interface, unknown
from envs.known_robots import SHIPPED, KnownRobots, known_robots, shipped_robots
from envs.parcel.detuned import Detuned
from envs.parcel.task import Parcel
from envs.randomization_file import find_randomization
from envs.robot import Robot
from envs.robot_file import read_robot
from envs.simulator import Simulator
from envs.tables import shown

TASKS: dict[str, type[Driving] | type[Parcel]] = {
    kind.name: kind for kind in (Driving, Parcel, Detuned)
}
SIMULATORS = {  # where each is, and the extra that installs what it needs
    "pybullet": ("envs.bullet", "Bullet", ""),
    "mujoco": ("envs.mujoco_world", "Mujoco", "mujoco"),
}


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
    """Names and files of the shipped robots and of those that packages and folders offer.

    See `envs.known_robots.known_robots`; what is left out is listed by ``simtransfer robots``.

    Args:
        task: Only those made for it, without those that cannot be read; default: all.
    """
    known = known_robots()
    if task is None:
        return known.files
    find_task(task)
    read, broken = read_robots(known)
    for name, error in broken.items():
        warnings.warn(f"robot {name!r} is left out: {error}", stacklevel=2)
    return {name: known.files[name] for name, robot in read.items() if is_made_for(robot, task)}


def read_robots(known: KnownRobots) -> tuple[dict[str, Robot], dict[str, Exception]]:
    """Read all robots that are known by name.

    Returns:
        The robots by name, and for those whose files are wrong what is wrong.
    """
    read: dict[str, Robot] = {}
    broken: dict[str, Exception] = {}
    for name, file in known.files.items():
        robot = _try_to_read(file)
        if isinstance(robot, Exception):
            broken[name] = robot
        else:
            read[name] = robot
    return read, broken


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
    if not isinstance(robot, str | Path):
        raise ValueError(f"robot: expected a name, a path or a Robot, got {shown(robot)}")
    if known := find_known_robot(str(robot)):
        return known
    path = Path(robot)
    if str(robot) and path.exists():
        return read_robot(path)
    raise ValueError(
        unknown("robot", str(robot), known_robots().files) + ", or give the path of a robot.toml"
    )


def find_known_robot(name: str) -> Robot | None:
    """A robot by name alone, never by a path; None if there is none of that name.

    Only the file of that robot is read, and packages are not looked at for a shipped one.

    Raises:
        ValueError: If several robots have that name, or its file is wrong.
    """
    file = shipped_robots().get(name) or known_robots().find(name)
    return _read(file) if file else None


def find_robot_by_digest(digest: str, name: str) -> Robot | None:
    """The known robot with that `envs.robot.Robot.digest`; None if none has it.

    Robots that cannot be read are passed over.

    Args:
        digest: The digest.
        name: The name that it is likely to have; others are read only if none of that name is it.
    """
    files = known_robots().files.values()
    for file in sorted(files, key=lambda file: file.parent.name != name):
        robot = _try_to_read(file)
        if isinstance(robot, Robot) and robot.digest == digest:
            return robot
    return None


def _try_to_read(file: Path) -> Robot | Exception:
    """A robot whose files can be read, or what is wrong with them."""
    try:
        robot = _read(file)
        _ = robot.digest  # which reads its URDF
    except (OSError, ValueError) as error:
        return error
    return robot


def _read(file: Path) -> Robot:
    return _read_shipped(file) if file.is_relative_to(SHIPPED) else read_robot(file)


@lru_cache(maxsize=64)  # these do not change while a program runs
def _read_shipped(file: Path) -> Robot:
    return read_robot(file)


@lru_cache(maxsize=64)
def interface_of(task: str, robot: Robot) -> Interface:
    """What an environment of a task can observe of a robot, and how the robot acts in it.

    Raises:
        ValueError: If there is no such task, the robot is not made for it, or its files are wrong.
    """
    return Interface(_task_for(task, robot).features, tuple(a.action for a in robot.actuators))


def _task_for(task: str, robot: Robot) -> Driving | Parcel:
    kind = find_task(task)
    if not is_made_for(robot, task):
        made = ", ".join(robot.tasks)
        raise ValueError(f"robot {robot.name!r} is made for {made}, not for {task!r}")
    return kind(robot)


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
    find_task(task)  # a misspelt task is named before a robot
    found = find_robot(robot)
    return Environment(
        found,
        _task_for(task, found),
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
    for name, file in shipped_robots().items():
        for task in filter(partial(is_made_for, _read_shipped(file)), TASKS):
            identifier = f"simtransfer/{task}-{name}-v0"
            if identifier not in gymnasium.registry:
                gymnasium.register(
                    identifier,
                    entry_point="envs.catalogue:make_environment",
                    kwargs={"task": task, "robot": name},
                )
