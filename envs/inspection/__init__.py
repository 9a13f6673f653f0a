"""Whether a robot's files describe a machine that a task can use, and how to mend what is wrong."""

from envs.inspection.finding import Finding, Report
from envs.inspection.inspect import check_robot, inspect, inspect_files

__all__ = ["Finding", "Report", "check_robot", "inspect", "inspect_files"]
