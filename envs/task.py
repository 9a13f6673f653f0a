"""What an environment asks of a task, and the tasks there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.interface import Feature
from envs.mirror import Rule
from envs.robot import Robot, Targets
from envs.simulator import Shape, Simulator
from envs.terrain import Plot


@dataclass(frozen=True)
class Outcome:
    """One control step's judgement.

    Attributes:
        reward: Reward of the step.
        terminated: Whether the episode is over.
        info: At the end of an episode: ``is_success``, and what else the task tells, by name.
        truncated: Whether time is up, where that says nothing about what would have come.
    """

    reward: float
    terminated: bool
    info: Mapping[str, float | bool]
    truncated: bool = False


class Task(Protocol):
    """A task, independent of the physics engine.

    Attributes:
        name: How users call it.
        world: What robots are made for; tasks of one world differ in the help that a policy has.
        body: What a robot must be for it.
        roles: Words for what an actuator does, by which robots find each other's counterparts.
        suites: Scenario suites for evaluation.
        training_suite: The suite that training draws from; need not be one of ``suites``.
        curve_suite: The suite that learning curves are measured on.
        control_rate: Hz.
        physics_rate: Hz.
        solver_iterations: See `Simulator.load`.
        features: Every observation entry it can produce, in order.
        shapes: The scripted shapes its world needs.
        plot: Where its ground can be rough.
        mirror: What features and actions are called where left and right are swapped; None if the
            task, or the robot, is not the same then.
        halted: Whether what the robot does of itself, besides its targets, is to come to rest; no
            episode begins so.
    """

    name: str
    world: str
    body: type[Robot]
    roles: tuple[str, ...]
    suites: tuple[str, ...]
    training_suite: str
    curve_suite: str
    control_rate: float
    physics_rate: float
    solver_iterations: int
    features: tuple[Feature, ...]
    shapes: tuple[Shape, ...]
    plot: Plot
    mirror: Rule | None
    forward: float
    time_limit: float
    halted: bool

    def on(self, robot: Robot) -> Task:
        """The same task for another robot of the kind."""

    def begin(
        self,
        simulator: Simulator,
        suite: str,
        rng: np.random.Generator,
        values: Mapping[str, float],
    ) -> None:
        """Draw an episode of ``suite``, as the values of parameters have it; put all in place."""

    def rest(self) -> Targets:
        """The targets that hold when an episode begins."""

    def act(self, simulator: Simulator, action: NDArray[np.floating]) -> Targets:
        """Actuator targets of an action, once a control step, before the physics.

        What moves by script moves here too.
        """

    def outcome(self, simulator: Simulator) -> Outcome:
        """Judge the step that was just simulated."""

    def fail(self) -> Outcome:
        """The outcome of a step in which the physics diverged: a failure.

        The episode's other metrics are those of the step before.
        """

    def observe(
        self,
        simulator: Simulator,
        values: dict[str, float],
        rng: np.random.Generator,
        out: NDArray[np.float32],
    ) -> None:
        """Fill ``out`` with all features."""

    def picture(self) -> NDArray[np.uint8]:
        """The world as it is now, ``(height, width, 3)``."""
