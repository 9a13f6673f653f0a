"""The robot's time: the wall clock's, or so many times as fast."""

from __future__ import annotations

import time

GLANCE = 0.05  # s of the wall clock between two looks at what else might have happened


class Clock:
    """Seconds of a robot's time, from 0 on, never backward.

    Args:
        speed: Robot's seconds a second of the wall clock.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start = time.monotonic()

    def now(self) -> float:
        """Robot's seconds."""
        return (time.monotonic() - self._start) * self.speed

    def wall(self, seconds: float) -> float:
        """Seconds of the wall clock that so many of the robot's take; not negative."""
        return max(seconds / self.speed, 0.0)
