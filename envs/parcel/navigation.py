"""What to do next: from where the stand is to a speed and a yaw rate, to walking or kneeling.

The way leads onto the stand's axis and along it, by the distance, the bearing and the angle off the
axis, as Aicardi et al. 1995 (Closed loop steering of unicycle-like vehicles) park a vehicle. Who
stands there and does not face the stand turns on the spot; who stands askew steps back and comes
again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.parcel.gait import Gait

STOP, GO = 0.04, 0.2  # m too far from the stand at which to stop, and at which to set out again
CLOSE = -0.08  # m too far (so, too near) from which there is no room left to go down
ALIGNED, SQUARE = 0.15, 0.35  # rad of bearing and off the stand's axis within which to stop
RETREAT = 0.4  # m too far to which to step back for another attempt
FACING = 0.06  # rad of bearing at which turning on the spot has done its work
WIDE = 0.8  # rad that the way to the stand's axis is steeper than the way to the stand, at most
SLOW = 0.8  # m too far at which to slow down, and to heed the stand's axis less and less
CREEP, BACK = 0.3, 0.5  # of the full speed, the least while on the way, and stepping back
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
        errand: ``walk`` to the stand, ``stand`` there, ``pivot`` on the spot or ``retreat`` for
            another attempt.
        lowered: From 0, upright, to 1, down on its knees as far as setting down takes.
    """

    gait: Gait
    reach: float = 0.0
    phase: float = 0.0
    speed: float = 0.0
    turn: float = 0.0
    vigour: float = 0.0
    errand: str = "walk"
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
        # Where the line to the stand lies, whichever way the robot faces.
        askew = wrapped(bearing - axis)
        fits = CLOSE < gap < GO and abs(bearing) < ALIGNED and abs(askew) < SQUARE
        self.errand = self._next(gap, bearing, askew, fits)
        wanted = turn = 0.0
        if self.errand != "stand":
            heed = min(max(gap / SLOW, 0.0), 1.0) if self.errand == "walk" else 0.0
            course = bearing + heed * min(max(askew, -WIDE), WIDE)
            turn = min(max(ALIGN * course, -self.gait.turn), self.gait.turn)
        if self.errand == "walk":
            near = min(max(gap / SLOW, CREEP), 1.0)
            wanted = self.gait.speed * near * max(math.cos(bearing), 0.0)
        elif self.errand == "retreat":
            wanted = -BACK * self.gait.speed
        self.speed += _within(wanted - self.speed, self.gait.speed * dt / QUICKEN)
        self.turn += _within(turn - self.turn, self.gait.turn * dt / READY)
        self.vigour += _within(float(self.errand != "stand") - self.vigour, dt / READY)
        self.vigour = min(max(self.vigour, 0.0), 1.0)
        if self.vigour > 0.0:
            self.phase = (self.phase + dt / self.gait.period) % 1.0
            self._stood = 0.0
        else:
            self._stood += dt
            if self._stood > STEADY and (fits or self.lowered > 0.0):
                self.lowered = min(self.lowered + dt / KNEEL, 1.0)

    def _next(self, gap: float, bearing: float, askew: float, fits: bool) -> str:
        """The errand that follows from where the robot is."""
        pivot = CLOSE < gap < GO and abs(askew) < SQUARE  # what turning alone can mend
        if self.errand == "walk":
            return "stand" if gap < STOP else "walk"
        if self.errand == "retreat":
            return "walk" if gap > RETREAT else "stand" if fits else "retreat"
        if self.errand == "pivot" and abs(bearing) > FACING:
            return "pivot" if pivot else "retreat"
        if gap > GO and self.lowered == 0.0:
            return "walk"
        if self.lowered > 0.0 or self._stood <= STEADY or fits:
            return "stand"
        return "pivot" if pivot else "retreat"


def wrapped(angle: float) -> float:
    """The same angle within ±π, rad."""
    return math.remainder(angle, 2.0 * math.pi)


def _within(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
