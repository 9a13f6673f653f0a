"""Robots, tasks, simulators and randomization, and the Gymnasium environments made of them."""

from envs.catalogue import find_robot, make_environment, register_environments, robots, tasks

__all__ = ["find_robot", "make_environment", "register_environments", "robots", "tasks"]

register_environments()
