"""What to do next: from where the stand is to a speed and a yaw rate, to walking or kneeling.

The stand is round, so that who stands at it and does not face it turns on the spot; who has come
too near steps back and comes again. Who cannot turn steps aside to where it will have the stand
before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.parcel.gait import Gait

# In radii of the stand's plate:
ALONG, ASIDE = 0.4, 0.4  # too far or too near, and to one side, at which to go down
FARTHER = -0.4  # too far, at which to step back
RETREAT = 2.0  # too far, to which to step back
CLEAR = 3.5  # to one side, at which a robot gets past it
FACING = 0.06  # rad of bearing at which turning on the spot has done its work
TURN = 0.5  # rad of bearing from which on to turn before going
HOLD = 0.3  # of the full speed, back, so as to stay where it is while it turns
CREEP, BACK = 0.2, 0.4  # of the full speed, the least while on the way, and stepping back
BESIDE = 0.3  # of the full speed, the most to a side
# In clocks, sqrt(leg length / g), as legs of any length are alike in them:
SLOW = 6.0  # of way left, at full speed, at which to slow down
ALIGN = 0.4  # yaw rate per rad of bearing, rad a clock
READY = 1.5  # from standing to walking, and back
QUICKEN = 3.8  # to full speed
STEADY = 3.0  # of standing before going down
HALT = 1.9  # that a robot goes on at its speed when it is told to stand
STRIDE = 1.5  # over which its speed is told from where the stand is
KNEEL = 5.6  # to go down


@dataclass
class Pilot:
    """What the gait is told.

    Attributes:
        gait: Whose limits are kept.
        reach: How far ahead of the robot the stand is to be in the end, m.
        radius: Of the stand's plate, m.
        phase: Of the gait.
        speed: Commanded, m/s.
        turn: Commanded yaw rate, rad/s.
        aside: Commanded speed to the left, m/s.
        vigour: From 0, standing, to 1, walking.
        errand: ``walk`` to the stand, ``stand`` there, ``pivot`` on the spot or ``retreat`` for
            another attempt.
        lowered: From 0, upright, to 1, down on its knees as far as setting down takes.
        halted: Whether it is to stand where it is, whatever the errand.
    """

    gait: Gait
    reach: float
    radius: float
    phase: float = 0.0
    speed: float = 0.0
    turn: float = 0.0
    aside: float = 0.0
    vigour: float = 0.0
    errand: str = "walk"
    lowered: float = 0.0
    halted: bool = False
    _stood: float = 0.0
    _gap: float | None = None
    _closing: float = 0.0

    def steer(self, forward: float, left: float, dt: float) -> None:
        """Go on for one control step.

        Args:
            forward: Of the stand, in the robot's heading frame, m.
            left: Of the stand, m.
            dt: s.
        """
        off = abs(forward - self.reach) / self.radius, abs(left) / self.radius
        fits = off[0] < ALONG and off[1] < ASIDE
        passed = dt / self.gait.clock
        speed, turn, aside = self._lead(forward, left, fits, passed)
        if self.halted:
            self.errand, speed, turn, aside = "stand", 0.0, 0.0, 0.0
        self.speed += _within(speed - self.speed, self.gait.speed * passed / QUICKEN)
        self.turn += _within(turn - self.turn, self.gait.turn * passed / READY)
        self.aside += _within(aside - self.aside, self.gait.speed * passed / QUICKEN)
        # Who stops steps on the spot until it is to have no speed left.
        stepping = self.errand != "stand" or (self.speed, self.turn, self.aside) != (0.0, 0.0, 0.0)
        self.vigour += _within(float(stepping) - self.vigour, passed / READY)
        self.vigour = min(max(self.vigour, 0.0), 1.0)
        if self.vigour > 0.0:
            self.phase = (self.phase + dt / self.gait.period) % 1.0
            self._stood = 0.0
        else:
            self._stood += passed
            ready = self._stood > STEADY and not self.halted
            if ready and (fits or self.lowered > 0.0):
                self.lowered = min(self.lowered + passed / KNEEL, 1.0)

    def _lead(
        self, forward: float, left: float, fits: bool, passed: float
    ) -> tuple[float, float, float]:
        """Choose the errand; its speed, m/s, yaw rate, rad/s, and speed to the left, m/s."""
        gap, bearing = math.hypot(forward, left) - self.reach, math.atan2(left, forward)
        halt = self._halt(gap, passed)
        self.errand = self._next(gap / self.radius, bearing, fits, halt / self.radius)
        return (*self._wanted(gap, bearing), 0.0)

    def _halt(self, gap: float, passed: float) -> float:
        """How much nearer a robot comes that is told to stand, m, by the speed at which it does.

        Args:
            gap: To the stand, m.
            passed: Clocks since the last call.
        """
        before = gap if self._gap is None else self._gap
        self._closing += ((before - gap) / passed - self._closing) * min(passed / STRIDE, 1.0)
        self._gap = gap
        return HALT * max(self._closing, 0.0)

    def _wanted(self, gap: float, bearing: float) -> tuple[float, float]:
        """Speed, m/s, and yaw rate, rad/s, of the errand."""
        if self.errand == "stand":
            return 0.0, 0.0
        share = -BACK if self.errand == "retreat" else 0.0
        if self.errand == "walk":
            facing = 1.0 - abs(bearing) / TURN
            near = min(max(gap / (SLOW * self.gait.clock * self.gait.speed), CREEP), 1.0)
            share = near * facing if facing > 0.0 else max(HOLD * facing, -HOLD)
        return share * self.gait.speed, _within(ALIGN / self.gait.clock * bearing, self.gait.turn)

    def _next(self, far: float, bearing: float, fits: bool, halt: float) -> str:
        """The errand that follows from being so far from the stand, and from the way to halt."""
        if self.errand == "walk":
            return "stand" if far < halt else "walk"
        if self.errand == "retreat" and not fits:
            return "walk" if far > RETREAT else "retreat"
        if self.errand == "pivot" and abs(bearing) > FACING and FARTHER < far < ALONG:
            return "pivot"
        if fits or self.lowered > 0.0 or (self.errand == "stand" and self._stood <= STEADY):
            return "stand"
        return "retreat" if far < FARTHER else "walk" if far > ALONG else "pivot"


class Sidestepper(Pilot):
    """A `Pilot` of who cannot turn: it faces the same way all the time."""

    def _lead(
        self, forward: float, left: float, fits: bool, passed: float
    ) -> tuple[float, float, float]:
        gap = math.hypot(forward - self.reach, left)
        halt = self._halt(gap, passed)
        if self.errand == "stand":
            waits = fits or self.lowered > 0.0 or self._stood <= STEADY
            self.errand = "stand" if waits else "walk"
        elif fits or gap < halt:
            self.errand = "stand"
        if self.errand == "stand":
            return 0.0, 0.0, 0.0
        ahead, aside = self._way(forward, left)
        # As fast as the slowest of the directions that it goes in allows.
        shares = abs(ahead) / (1.0 if ahead > 0.0 else BACK), abs(aside) / BESIDE
        full = self.gait.speed
        near = math.hypot(ahead, aside) / (SLOW * self.gait.clock * full)
        pace = min(max(near, CREEP), 1.0) * full / max(*shares)
        return pace * ahead, 0.0, pace * aside

    def _way(self, forward: float, left: float) -> tuple[float, float]:
        """Ways to go next ahead and to the left, m; around the stand where it is in the way."""
        ahead, side = forward - self.reach, abs(left)
        if forward > 0.0 and side < ASIDE * self.radius:
            return ahead, left
        ahead -= RETREAT * self.radius  # first before it, or an arm would meet the plate's side
        if forward > self.reach:
            return max(ahead - side, min(ahead, 0.0)), left
        # Beside it straight back; behind it aside first, and back as far as the side is clear.
        clear = CLEAR * self.radius
        if forward > 0.0 and side < clear:
            return ahead, 0.0
        free = 1.0 if forward > 0.0 else min(max(5.0 * side / clear - 4.0, 0.0), 1.0)
        return free * ahead, left - math.copysign(1.1 * clear, left)


def pilot_of(gait: Gait, reach: float, radius: float, phase: float) -> Pilot:
    """Who leads a robot of this gait, from a phase of it on."""
    kind = Pilot if gait.turn > 0.0 else Sidestepper
    return kind(gait, reach, radius, phase)


def _within(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
