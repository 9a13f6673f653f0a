"""Robots, tasks, simulators and randomization, and the Gymnasium environments made of them."""

from envs.catalogue import (
    control_rate,
    curve_suite,
    find_robot,
    make_environment,
    register_environments,
    robots,
    suites,
    tasks,
)

__all__ = [
    "control_rate",
    "curve_suite",
    "find_robot",
    "make_environment",
    "register_environments",
    "robots",
    "suites",
    "tasks",
]

register_environments()
