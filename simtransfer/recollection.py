"""States that a teacher visits in its own world, which cost the student no step."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from agents.bundle import Bundle
from agents.group import LocalGroup
from agents.worlds import Worlds
from envs import make_environment
from envs.robot import Robot

WORLDS, STEPS = 16, 200  # enough for a least-squares fit of a last layer with some hundred inputs


def recollect(teacher: Bundle, robot: Robot, randomization: str) -> NDArray[np.float32]:
    """Let the teacher act in training episodes of its own.

    Args:
        teacher: Who acts.
        robot: What it was trained on.
        randomization: Of its worlds.

    Returns:
        What its actor read, shape ``(WORLDS * STEPS, features)``.
    """
    make = partial(make_environment, teacher.task, robot, randomization=randomization)
    worlds = Worlds(LocalGroup(make, WORLDS))
    try:
        interface = worlds.interface
        columns = interface.indices(feature.name for feature in teacher.reads)
        act = teacher.policy(interface)
        seen: list[NDArray[np.float32]] = []
        observations = np.asarray(worlds.reset())
        for _ in range(STEPS):
            seen.append(observations[:, columns])
            observations = np.asarray(worlds.step(act(observations))[0])
    finally:
        worlds.close()
    return np.concatenate(seen)
