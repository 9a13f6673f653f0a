"""A bundle put to work on a robot: its own, or another one through a view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.actor import Act
from agents.array_policy import ArrayPolicy
from agents.bundle import Bundle, load_bundle
from agents.fit import require_rate
from envs import find_robot, make_environment
from envs.catalogue import find_known_robot, find_robot_by_digest, interface_of
from envs.environment import Environment
from envs.known_robots import FOLDERS
from envs.robot import Robot
from simtransfer.view import TeacherView


def robot_of(bundle: Bundle, *at_hand: Robot) -> Robot:
    """The robot that a bundle was trained on, which the policy is checked against.

    A bundle says a name and a digest, and the digest decides. A bundle without one, of an early
    version, has the robot of that name.

    Args:
        bundle: The bundle.
        *at_hand: Robots that are not known by name and may be it.

    Raises:
        ValueError: If it is not found, or the policy does not fit it.
    """
    robot = _find(bundle, at_hand)
    try:
        bundle.require_fit(interface_of(bundle.task, robot))
    except ValueError as error:
        raise ValueError(f"the bundle does not fit its robot {bundle.robot!r}: {error}") from None
    return robot


def _find(bundle: Bundle, at_hand: Sequence[Robot]) -> Robot:
    name, digest = bundle.robot, bundle.robot_digest
    if digest:
        same = next((robot for robot in at_hand if robot.digest == digest), None)
        found = same or find_robot_by_digest(digest, name)
    else:
        same = next((robot for robot in at_hand if robot.name == name), None)
        found = find_known_robot(name) or same
    if found:
        return found
    what = f"the bundle's robot {name!r} ({f'digest {digest}' if digest else 'no digest'})"
    other = next((robot for robot in at_hand if robot.name != name), None)
    if other:
        raise ValueError(
            f"{what} is not known here, so its actions cannot be mapped to {other.name!r}; "
            f"name the folder of {name!r} in the environment variable {FOLDERS}"
        )
    changed = next(iter(at_hand), None) or _named(name)
    if changed:
        raise ValueError(
            f"{what} is not {changed.source} (digest {changed.digest}): that is another robot of "
            "the name, or it has changed since; give --robot PATH with the robot.toml and URDF "
            "that the bundle was trained on, or train again"
        )
    raise ValueError(f"{what} is not known here; give --robot PATH with its folder or robot.toml")


def _named(name: str) -> Robot | None:
    """The known robot of that name, if it can be read."""
    try:
        return find_known_robot(name)
    except ValueError:
        return None


class Deployment:
    """A policy and the worlds that it acts in.

    Args:
        bundle: A bundle, its name or its folder.
        robot: Robot to use it on. Default: the robot that it was trained on.
        randomization: Of the worlds.
        render_mode: ``rgb_array`` or None.
        simulator: The engine of the worlds.
        trained_on: The robot that it was trained on, where that may not be known by name.

    Attributes:
        bundle: The bundle.
        robot: The robot.
        interface: What its worlds observe, and how it acts there.
        act: The policy on that robot's observations and actions.
        make: Makes a world, of a ``suite`` if one is given, else of the training suite.

    Raises:
        ValueError: If a name is unknown, the bundle's robot is not found, or the policy does not
            fit it.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle,
        robot: str | Path | Robot | None = None,
        *,
        randomization: str = "nominal",
        render_mode: str | None = None,
        simulator: str = "pybullet",
        trained_on: Robot | None = None,
    ) -> None:
        self.bundle = load_bundle(bundle)
        given = None if robot is None else find_robot(robot)
        own = robot_of(self.bundle, *(r for r in (given, trained_on) if r is not None))
        self.robot = given or own
        self.make: Callable[..., Environment] = partial(
            make_environment,
            self.bundle.task,
            self.robot,
            randomization=randomization,
            render_mode=render_mode,
            simulator=simulator,
        )
        world = self.make()
        world.close()
        self.interface = world.interface
        self._unmapped = self.robot.digest == own.digest
        if self._unmapped:
            self.act: Act = self.bundle.policy(world.interface)
        else:
            self.act = TeacherView(self.bundle, own, self.robot, world.interface).act

    def require_commands(
        self,
        control_rate: float,
        units: Sequence[str],
        low: Sequence[float],
        high: Sequence[float],
    ) -> None:
        """Check that a robot elsewhere takes the commands that the policy gives.

        Args:
            control_rate: How often it takes them, Hz of its own time.
            units: Unit of each command, in the order of the robot's actuators.
            low: The least of each, in its unit.
            high: The largest.

        Raises:
            ValueError: If it takes others.
        """
        require_rate(self.bundle.control_rate, control_rate, "the robot at the target")
        actuators = self.robot.actuators
        if not len(units) == len(low) == len(high) == len(actuators):
            raise ValueError(
                f"the robot at the target describes {len(units)} units, {len(low)} and "
                f"{len(high)} limits of commands, but {self.robot.name!r} has {len(actuators)}"
            )
        for actuator, *theirs in zip(actuators, units, low, high, strict=True):
            ours = [actuator.unit, actuator.low, actuator.high]
            if ours != theirs:
                raise ValueError(
                    f"command {actuator.role!r} is {ours[1]:g} to {ours[2]:g} {ours[0]} for "
                    f"{self.robot.name!r}, but {theirs[1]:g} to {theirs[2]:g} {theirs[0]!r} for "
                    "the robot at the target; give --robot with the one that is served"
                )

    def controller(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """The policy for a control loop: one observation ``(entries,)`` to one action at a time."""
        if self._unmapped:
            return ArrayPolicy(self.bundle.actor(self.interface))
        return lambda observation: self.act(observation[None])[0]
