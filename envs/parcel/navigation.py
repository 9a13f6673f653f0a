"""What to do next: from where the stand is to a speed and a yaw rate, to walking or kneeling.

The way leads onto the stand's axis and along it, by the distance, the bearing and the angle off the
axis, as Aicardi et al. 1995 (Closed loop steering of unicycle-like vehicles) park a vehicle. Who
stands there askew steps back and comes again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.parcel.gait import Gait

STOP, GO = 0.04, 0.2  # m too far from the stand at which to stop, and at which to set out again
CLOSE = -0.08  # m too far (so, too near) from which there is no room left to go down
ALIGNED, SQUARE = 0.15, 0.35  # rad of bearing and off the stand's axis within which to stop
RETREAT = 0.4  # m too far to which to step back for another attempt
WIDE = 0.8  # rad that the way to the stand's axis is steeper than the way to the stand, at most
SLOW = 0.8  # m too far at which to slow down
CREEP = 0.3  # of the full speed, the least while on the way
ALIGN = 1.5  # 1/s: yaw rate per rad of bearing
READY = 0.4  # s from standing to walking, and back
QUICKEN = 1.0  # s to full speed
STEADY = 0.8  # s of standing before going down
KNEEL = 1.5  # s to go down


@dataclass
class Pilot:
    """What the gait is told.

    Attributes:
        gait: Whose limits are kept.
        reach: How far ahead of the robot the stand is to be in the end, m.
        phase: Of the gait.
        speed: Commanded, m/s.
        turn: Commanded yaw rate, rad/s.
        vigour: From 0, standing, to 1, walking.
        walking: Whether it is under way.
        retreating: Whether it steps back for another attempt.
        lowered: From 0, upright, to 1, down on its knees as far as setting down takes.
    """

    gait: Gait
    reach: float = 0.0
    phase: float = 0.0
    speed: float = 0.0
    turn: float = 0.0
    vigour: float = 0.0
    walking: bool = True
    retreating: bool = False
    lowered: float = 0.0
    _stood: float = 0.0

    def steer(self, forward: float, left: float, axis: float, dt: float) -> None:
        """Go on for one control step.

        Args:
            forward: Of the stand, in the robot's heading frame, m.
            left: Of the stand, m.
            axis: Where one faces who stands square to the stand, in the same frame, rad.
            dt: s.
        """
        gap, bearing = math.hypot(forward, left) - self.reach, math.atan2(left, forward)
        askew = wrapped(bearing - axis)
        fits = CLOSE < gap < GO and abs(bearing) < ALIGNED and abs(askew) < SQUARE
        if self.walking:
            self.retreating = self.retreating and gap < RETREAT
            self.walking = self.retreating or gap >= STOP
        elif self.lowered == 0.0 and (gap > GO or (self._stood > STEADY and not fits)):
            self.walking, self.retreating = True, gap < STOP
        wanted = turn = 0.0
        if self.walking:
            near = -CREEP if self.retreating else min(max(gap / SLOW, CREEP), 1.0)
            course = bearing + min(max(askew, -WIDE), WIDE)
            wanted = self.gait.speed * near * max(math.cos(bearing), 0.0)
            turn = min(max(ALIGN * course, -self.gait.turn), self.gait.turn)
        self.speed += _within(wanted - self.speed, self.gait.speed * dt / QUICKEN)
        self.turn += _within(turn - self.turn, self.gait.turn * dt / READY)
        self.vigour += _within(float(self.walking) - self.vigour, dt / READY)
        self.vigour = min(max(self.vigour, 0.0), 1.0)
        if self.vigour > 0.0:
            self.phase = (self.phase + dt / self.gait.period) % 1.0
            self._stood = 0.0
        else:
            self._stood += dt
            if not self.walking and self._stood > STEADY and (fits or self.lowered > 0.0):
                self.lowered = min(self.lowered + dt / KNEEL, 1.0)


def wrapped(angle: float) -> float:
    """The same angle within ±π, rad."""
    return math.remainder(angle, 2.0 * math.pi)


def _within(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
