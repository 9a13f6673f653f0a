"""The robot's time: the wall clock's, or so many times as fast."""

from __future__ import annotations

import time

GLANCE = 0.05  # s of the wall clock between two looks at what else might have happened


PAUSE = 1.0  # s of the wall clock between two looks that shows that this process did not run


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


class Pauses:
    """Notices when this process itself did not run: it was stopped, or its machine was too busy.

    Args:
        now: Seconds of the wall clock.

    Attributes:
        total: Seconds that it did not run so far.
        end: When it ran again after the last pause.
    """

    def __init__(self, now: float) -> None:
        self.total, self.end = 0.0, now
        self._looked = now

    def look(self, now: float) -> None:
        """Note that the process runs, which must be called several times a second."""
        if now - self._looked > PAUSE:
            self.total += now - self._looked
            self.end = now
        self._looked = now
