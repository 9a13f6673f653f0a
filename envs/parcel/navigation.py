"""Which way to walk: from where the goal is to a speed, a yaw rate, and whether to walk at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.parcel.gait import Gait

STOP, GO = 0.25, 0.45  # m from the goal at which to stop, and at which to set out again
SLOW = 0.8  # m from the goal at which to slow down
ALIGN = 1.5  # 1/s: yaw rate per rad of bearing
READY = 0.4  # s from standing to walking, and back
QUICKEN = 1.0  # s to full speed


@dataclass
class Pilot:
    """What the gait is told.

    Attributes:
        gait: Whose limits are kept.
        phase: Of the gait.
        speed: Commanded, m/s.
        turn: Commanded yaw rate, rad/s.
        vigour: From 0, standing, to 1, walking.
        walking: Whether it is under way.
    """

    gait: Gait
    phase: float = 0.0
    speed: float = 0.0
    turn: float = 0.0
    vigour: float = 0.0
    walking: bool = True

    def steer(self, forward: float, left: float, dt: float) -> None:
        """Go on for one control step.

        Args:
            forward: Of the goal, in the robot's heading frame, m.
            left: Of the goal, m.
            dt: s.
        """
        distance, bearing = math.hypot(forward, left), math.atan2(left, forward)
        if distance < STOP:
            self.walking = False
        elif distance > GO:
            self.walking = True
        wanted = turn = 0.0
        if self.walking:
            near = min(max(distance / SLOW, 0.3), 1.0)
            wanted = self.gait.speed * near * max(math.cos(bearing), 0.0)
            turn = min(max(ALIGN * bearing, -self.gait.turn), self.gait.turn)
        self.speed += _within(wanted - self.speed, self.gait.speed * dt / QUICKEN)
        self.turn += _within(turn - self.turn, self.gait.turn * dt / READY)
        self.vigour += _within(float(self.walking) - self.vigour, dt / READY)
        self.vigour = min(max(self.vigour, 0.0), 1.0)
        if self.vigour > 0.0:
            self.phase = (self.phase + dt / self.gait.period) % 1.0


def _within(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
