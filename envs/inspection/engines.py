"""What the engines make of a robot: whether they load and step it, and what they loaded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from envs.catalogue import SIMULATORS, make_simulator
from envs.driving.task import Driving
from envs.environment import Environment
from envs.inspection.finding import Finding
from envs.loaded import Loaded, differences, file_limits
from envs.parcel.task import Parcel
from envs.robot import Robot
from envs.supports import assemble

STEPS = 5  # control steps that a robot has to survive
MOST = 6  # differences that are listed


def engines(robot: Robot, kind: type[Driving] | type[Parcel]) -> Finding:
    """Load a robot into the task's world in every engine, take some steps, and compare.

    Args:
        robot: The robot.
        kind: The task.
    """
    problems: dict[str, list[str]] = {}  # and the engines that have them
    remarks: list[str] = []
    loaded: dict[str, Loaded] = {}
    for name in SIMULATORS:
        try:
            simulator = make_simulator(name)
        except ValueError as error:  # an engine that is not installed
            remarks.append(f"not tried: {error}")
            continue
        try:
            environment = Environment(robot, kind(robot), simulator)
            loaded[name] = simulator.loaded()
            _add(problems, name, _steps(environment))
        except Exception as error:  # whatever an engine raises, it cannot use the robot
            _add(problems, name, [" ".join(str(error).split()) or type(error).__name__])
        finally:
            simulator.close()
    if not loaded:
        return Finding("engines", False, _text(problems))
    urdf = assemble(robot).urdf
    for name, found in loaded.items():
        _add(problems, name, chain(differences(urdf, found), _collisions(found, loaded.values())))
    if problems:
        return Finding("engines", False, _text(problems))
    remarks += _unlimited(robot)
    mass = sum(link.mass for link in urdf.links.values())
    detail = f"{' and '.join(loaded)} load {len(urdf.links)} links, {mass:.4g} kg, as in the URDF"
    return Finding("engines", True, "; ".join([detail, *remarks]))


def _steps(environment: Environment) -> Iterator[str]:
    action = np.zeros(environment.action_space.shape or (), dtype=np.float32)
    environment.reset(options={"episode": 0})
    for _ in range(STEPS):
        observation, _, terminated, truncated, _ = environment.step(action)
        if environment.simulator.diverged() or not np.isfinite(observation).all():
            yield (
                "it flies apart within the first steps; check masses, inertias, stiffness, and "
                "shapes that are inside each other"
            )
            return
        if terminated or truncated:
            return


def _collisions(found: Loaded, everywhere: Iterable[Loaded]) -> Iterator[str]:
    """Links that bump into things in the other engine only."""
    for link in sorted(frozenset.union(*(other.bumps for other in everywhere)) - found.bumps):
        yield f"link {link!r} collides with nothing, unlike in the other engine"


def _unlimited(robot: Robot) -> Iterator[str]:
    """Servos' joints that may turn as far as they like."""
    joints = [
        robot.model.joints[name]
        for actuator in robot.actuators
        if actuator.kind != "wheel_speed"
        for name in actuator.joints
    ]
    names = [joint.name for joint in joints if file_limits(joint)[0] == -math.inf]
    if names:
        yield f"without limits: {_listed([repr(name) for name in names])}"


def _add(problems: dict[str, list[str]], engine: str, found: Iterable[str]) -> None:
    for problem in found:
        problems.setdefault(problem, []).append(engine)


def _text(problems: dict[str, list[str]]) -> str:
    return _listed([f"{', '.join(names)}: {text}" for text, names in problems.items()])


def _listed(problems: list[str]) -> str:
    """At most so many, and how many more there are."""
    left = len(problems) - MOST
    return "; ".join(problems[:MOST]) + (f"; and {left} more" if left > 0 else "")
