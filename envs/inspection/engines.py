"""What the engines make of a robot: whether they load and step it, and what they loaded."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from envs.catalogue import SIMULATORS, make_simulator
from envs.driving.task import Driving
from envs.environment import Environment
from envs.inspection.finding import Finding
from envs.loaded import Loaded, differences, file_limits
from envs.parcel.task import Parcel
from envs.robot import Robot
from envs.supports import assemble
from envs.urdf import Joint, Urdf

STEPS = 5  # control steps that a robot has to survive
MOST = 6  # differences and tags that are listed
IGNORED = "safety_controller", "calibration"
KNOWN = "lateral_friction"  # of a <contact>, what both engines use


def engines(robot: Robot, kind: type[Driving] | type[Parcel]) -> Finding:
    """Load a robot into the task's world in every engine, take some steps, and compare.

    Args:
        robot: The robot.
        kind: The task.
    """
    problems, remarks = list(_unmoved(robot)), []
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
            problems += [f"{name}: {problem}" for problem in _steps(environment)]
        except Exception as error:  # whatever an engine raises, it cannot use the robot
            problems.append(f"{name}: {' '.join(str(error).split()) or type(error).__name__}")
        finally:
            simulator.close()
    if not loaded:
        return Finding("engines", False, _listed(problems))
    urdf = assemble(robot).urdf
    for name, found in loaded.items():
        problems += [f"{name}: {problem}" for problem in differences(urdf, found)]
    problems += _collisions(loaded)
    if problems:
        return Finding("engines", False, _listed(problems))
    remarks += [*_unlimited(robot), *_not_taken_over(robot.model)]
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


def _collisions(loaded: dict[str, Loaded]) -> Iterator[str]:
    """Links that bump into things in one engine only."""
    for name, found in loaded.items():
        everywhere = frozenset.union(*(other.bumps for other in loaded.values()))
        for link in sorted(everywhere - found.bumps):
            yield f"{name}: link {link!r} collides with nothing, unlike in the other engine"


def _unmoved(robot: Robot) -> Iterator[str]:
    """Joints that should follow another, where no actuator turns them."""
    urdf = robot.model
    turned = {name: actuator for actuator in robot.actuators for name in actuator.joints}
    for joint, other in _mimics(urdf):
        if joint.name not in turned and other in turned:
            yield (
                f"joint {joint.name!r} mimics {other!r}, which engines here do not: it turns "
                f"freely; add it to the joints of {turned[other].role!r}, or to [held]"
            )


def _mimics(urdf: Urdf) -> Iterator[tuple[Joint, str]]:
    for joint in urdf.joints.values():
        mimic = joint.element.find("mimic")
        if mimic is not None and joint.kind != "fixed":
            yield joint, mimic.get("joint", "")


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


def _not_taken_over(urdf: Urdf) -> Iterator[str]:
    """What the file says and no engine is given."""
    ignored = [f"<mimic> of {joint.name!r}" for joint, _ in _mimics(urdf)]
    for joint in urdf.joints.values():
        if joint.kind == "fixed":
            continue
        dynamics = joint.element.find("dynamics")
        values = {} if dynamics is None else dynamics.attrib
        told = [f"{key} {values[key]}" for key in ("damping", "friction") if key in values]
        if any(float(values.get(key, "0")) for key in ("damping", "friction")):
            ignored.append(f"<dynamics> of {joint.name!r} ({', '.join(told)})")
        ignored += [
            f"<{tag}> of {joint.name!r}" for tag in IGNORED if joint.element.find(tag) is not None
        ]
    for link in urdf.links.values():
        if link.contact is not None:
            ignored += [f"<{e.tag}> of {link.name!r}" for e in link.contact if e.tag != KNOWN]
    if ignored:
        yield f"not taken over: {_listed(ignored)}"


def _listed(problems: list[str]) -> str:
    """At most so many, and how many more there are."""
    left = len(problems) - MOST
    return "; ".join(problems[:MOST]) + (f"; and {left} more" if left > 0 else "")
