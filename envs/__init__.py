"""Robots, tasks, simulators and randomization, and the Gymnasium environments made of them."""

from envs.catalogue import (
    control_rate,
    find_robot,
    make_environment,
    register_environments,
    robots,
    suites,
    tasks,
    training_suite,
)

__all__ = [
    "control_rate",
    "find_robot",
    "make_environment",
    "register_environments",
    "robots",
    "suites",
    "tasks",
    "training_suite",
]

register_environments()
