"""A bundle put to work on a robot: its own, or another one through a view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.actor import Act
from agents.array_policy import ArrayPolicy
from agents.bundle import Bundle, load_bundle
from envs import find_robot, make_environment
from envs.environment import Environment
from envs.robot import Robot
from simtransfer.view import TeacherView


def robot_of(bundle: Bundle) -> Robot:
    """The robot that a bundle was trained on: by name, or from where it was read then.

    Raises:
        ValueError: If it is found in neither place, or is not what it was.
    """
    robot = _find(bundle)
    if bundle.robot_digest and robot.digest != bundle.robot_digest:
        raise ValueError(
            f"robot {robot.name!r} ({robot.source}) has changed since the bundle was trained "
            "on it; put the old robot.toml and URDF back, or train again"
        )
    return robot


def _find(bundle: Bundle) -> Robot:
    try:
        return find_robot(bundle.robot)
    except ValueError:
        recorded = Path(str(bundle.provenance.get("config", {}).get("robot", "")))
        if recorded.name and recorded.exists():
            return find_robot(recorded)
        raise ValueError(
            f"the bundle's robot {bundle.robot!r} is not known here; "
            "install its package or put its folder back where it was"
        ) from None


class Deployment:
    """A policy and the worlds that it acts in.

    Args:
        bundle: A bundle, its name or its folder.
        robot: Whom it drives. Default: the robot that it was trained on.
        randomization: Of the worlds.
        render_mode: ``rgb_array`` or None.
        simulator: The engine of the worlds.

    Attributes:
        bundle: The bundle.
        robot: The robot.
        interface: What its worlds observe, and how it acts there.
        act: The policy on that robot's observations and actions.
        make: Makes a world, of a ``suite`` if one is given, else of the training suite.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle,
        robot: str | Path | Robot | None = None,
        *,
        randomization: str = "nominal",
        render_mode: str | None = None,
        simulator: str = "pybullet",
    ) -> None:
        self.bundle = load_bundle(bundle)
        self.robot = robot_of(self.bundle) if robot is None else find_robot(robot)
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
        own = robot_of(self.bundle)
        if self.robot == own:
            self.act: Act = self.bundle.policy(world.interface)
        else:
            self.act = TeacherView(self.bundle, own, self.robot, world.interface).act
        self._unmapped = self.robot == own

    def controller(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """The policy for a control loop: one observation ``(entries,)`` to one action at a time."""
        if self._unmapped:
            return ArrayPolicy(self.bundle.actor(self.interface))
        return lambda observation: self.act(observation[None])[0]
