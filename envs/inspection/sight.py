"""Whether the lidar sees what stands around the robot, and not the robot."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from envs.bullet import Bullet
from envs.driving.car import Car
from envs.driving.observation import NO_RETURN, Scanner
from envs.inspection.finding import Finding, judge
from envs.simulator import Shape

POST = Shape("cylinder", (0.3, 0.3, 0.85))  # as small as a pedestrian
AWAY = "nothing is seen where nothing stands"


def look(robot: Car, physics_rate: float) -> Finding:
    """Inspect a robot's lidar: a post in each direction of view, and an empty plane.

    Args:
        robot: The robot.
        physics_rate: Of the task's simulator, Hz.
    """
    simulator = Bullet()
    try:
        simulator.load(robot, (POST,), physics_rate)
        return judge("lidar", _problems(robot, simulator), f"sees a post all around; {AWAY}")
    finally:
        simulator.close()


def _problems(robot: Car, simulator: Bullet) -> Iterator[str]:
    lidar = robot.lidar
    mx, my, mz = lidar.mount
    height = robot.height + mz
    if abs(mx) > robot.length or abs(my) > robot.width:
        yield f"lidar.mount {mx, my} m is outside the robot's {robot.length} x {robot.width} m"
    if not 0.02 < height < 2.0 * POST.half_extents[2]:
        yield (
            f"the lidar is {height:.3g} m above the ground, where it sees over a pedestrian or "
            "into the ground; change lidar.mount[2]"
        )
    scanner = Scanner(lidar)
    nobody = np.random.default_rng(0)  # no noise is asked for, so nothing is drawn

    def ranges() -> np.ndarray:
        ends = scanner.ends((mx, my, height), 0.0)
        fractions = simulator.cast((mx, my, height), ends)
        return scanner.read(fractions, 1.0, nobody, 0.0, 0.0)[: lidar.beams]

    simulator.reset(0.0, 0.0, 0.0, 0.0)
    empty = ranges()
    if not np.all(empty >= min(lidar.range, NO_RETURN)):
        yield f"on an empty plane it sees something at {empty.min():.3g} m: itself, or the ground"
    distance = 0.5 * min(lidar.range, 10.0) + 0.5 * robot.length
    expected = distance - POST.half_extents[0]
    for angle in (0.0, -0.4 * lidar.field_of_view, 0.4 * lidar.field_of_view):
        turn = math.radians(angle)
        simulator.place(0, mx + distance * math.cos(turn), my + distance * math.sin(turn), 0.0)
        measured = float(ranges().min())
        if not abs(measured - expected) < 0.3:
            yield (
                f"a post at {expected:.3g} m, {angle:.0f} degrees, reads as {measured:.3g} m; "
                "check lidar.beams, rays_per_beam and field_of_view"
            )
