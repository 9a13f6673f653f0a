"""One episode as every observation saw it, driven by a policy or by actions from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.actor import Act
from envs.environment import Environment
from envs.interface import Feature, unknown

JOINT = "joint/"
FASTEST = 20.0  # rad/s, of a joint for which no limit is given


@dataclass(frozen=True)
class Recording:
    """An episode from its first observation to its last.

    Attributes:
        features: What was recorded, in order.
        readings: Of the features, in their units, ``(steps + 1, features)``.
        acts: Names of the action's entries, in order.
        actions: What was done, ``(steps, acts)`` in [-1, 1].
        ended: Whether the task ended it; else the actions did.
        success: Whether the task was done.
    """

    features: tuple[Feature, ...]
    readings: NDArray[np.float64]
    acts: tuple[str, ...]
    actions: NDArray[np.float32]
    ended: bool
    success: bool

    @property
    def steps(self) -> int:
        """Control steps."""
        return len(self.actions)

    def table(self) -> pd.DataFrame:
        """A row a control step, a column a feature."""
        return pd.DataFrame(self.readings, columns=[feature.name for feature in self.features])


def joint_features(world: Environment) -> tuple[Feature, ...]:
    """Joints' positions and speeds by role, where the task has no observations of that name.

    Some tasks tell of joints only in other words; what a joint does is what names a swapped one.
    """
    found = []
    for actuator in world.robot.actuators:
        if actuator.kind == "wheel_speed":  # whose angle means nothing, and whose speed is observed
            continue
        rate = actuator.rate if math.isfinite(actuator.rate) else FASTEST
        name = JOINT + actuator.role
        found += [
            Feature(f"{name}/position", "rad", actuator.low, actuator.high, "joint"),
            Feature(f"{name}/velocity", "rad/s", -rate, rate, "joint"),
        ]
    observed = world.interface.observation_names
    return tuple(feature for feature in found if feature.name not in observed)


def play(
    world: Environment,
    act: Act,
    reads: Sequence[str],
    suite: str,
    episode: int,
    limit: int | None = None,
) -> Recording:
    """Let a policy play an episode of a suite's fixed list.

    Args:
        world: Where; with privileged observations.
        act: The policy; its actions have the world's order.
        reads: What it is shown, by name and in order.
        suite: Which list.
        episode: Its place in that list.
        limit: Control steps at most. Default: until the task ends it.
    """
    columns = world.interface.indices(reads)

    def choose(step: int, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        action: NDArray[np.float32] = act(observation[columns][None])[0]
        return action

    return _record(world, choose, limit, suite, episode)


def replay(world: Environment, recorded: Recording, suite: str, episode: int) -> Recording:
    """Do in a world, entry by entry of the same name, what was done elsewhere.

    Raises:
        ValueError: If the world has not the same action entries.
    """
    actions = recorded.actions[:, places(world.interface.action_names, recorded.acts)]
    return _record(world, lambda step, _: actions[step], len(actions), suite, episode)


def places(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Where action entries are among others.

    Raises:
        ValueError: If one is not among them, with the nearest that is.
    """
    for name in names:
        if name not in known:
            raise ValueError(unknown("action", name, known))
    return [known.index(name) for name in names]


def _record(
    world: Environment,
    choose: Callable[[int, NDArray[np.float32]], NDArray[np.float32]],
    limit: int | None,
    suite: str,
    episode: int,
) -> Recording:
    """Play until the task ends the episode, or ``limit`` steps are done."""
    joints = joint_features(world)
    roles = [actuator.role for actuator in world.robot.actuators]
    words = [feature.name.removeprefix(JOINT).rsplit("/", 1) for feature in joints]
    turns = [(int(quantity == "velocity"), roles.index(role)) for role, quantity in words]

    def read(observation: NDArray[np.float32]) -> NDArray[np.float64]:
        turned = world.simulator.joints()
        return np.concatenate([observation, [turned[which][place] for which, place in turns]])

    observation, _ = world.reset(options={"suite": suite, "episode": episode})
    readings, ended, success = [read(observation)], False, False
    actions: list[NDArray[np.float32]] = []
    while not ended and (limit is None or len(actions) < limit):
        actions.append(choose(len(actions), observation))
        observation, _, terminated, truncated, info = world.step(actions[-1])
        readings.append(read(observation))
        ended = terminated or truncated
        success = bool(info.get("is_success", False))
    return Recording(
        features=(*world.interface.observation, *joints),
        readings=np.asarray(readings),
        acts=world.interface.action_names,
        actions=np.asarray(actions, dtype=np.float32).reshape(len(actions), len(roles)),
        ended=ended,
        success=success,
    )
