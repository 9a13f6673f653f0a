"""What ends a run at once: a person, or readings that no policy should act on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from envs.interface import Feature, bounds

BEYOND = 0.1  # of its range that a reading may be outside of it: rounding, and a little more


class EmergencyStopError(Exception):
    """The robot is to be stopped now; says why."""


class RobotSilentError(Exception):
    """Nothing comes from the robot any more; says for how long."""


class ReadingCheck:
    """Sees that readings are numbers, and near what a policy has seen.

    Args:
        features: What a reading's entries are.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._names = [feature.name for feature in features]
        low, high = bounds(features)
        self._low, self._high = low - BEYOND * (high - low), high + BEYOND * (high - low)

    def __call__(self, reading: NDArray[np.float32]) -> None:
        """Let a sound reading pass.

        Raises:
            EmergencyStopError: If an entry is not finite, or far outside of its range.
        """
        sound = (reading >= self._low) & (reading <= self._high)
        if not sound.all():
            k = int(np.argmin(sound))
            raise EmergencyStopError(
                f"{self._names[k]} reads {reading[k]:g}; "
                f"expected {self._low[k]:.4g} to {self._high[k]:.4g}"
            )


@contextmanager
def interruption() -> Iterator[Callable[[], str]]:
    """While it lasts, Ctrl-C and SIGTERM do nothing but make the given function tell their name."""
    came: list[str] = []
    caught = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        yield lambda: ""  # signals reach the main thread alone, which then cares for them
        return

    def note(number: int, _: object) -> None:
        came.append(signal.Signals(number).name)

    before = [signal.signal(each, note) for each in caught]
    try:
        yield lambda: came[0] if came else ""
    finally:
        for each, handler in zip(caught, before, strict=True):
            signal.signal(each, handler)
