"""What lies between a policy and its robot: readings and commands that come late, or not at all."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from envs.parameters import LATEST
from envs.robot import Targets


class Readings:
    """Observations as they arrive.

    Args:
        sensed: Which of their entries are measured, ``(entries,)``; the robot knows the others at
            once.
    """

    def __init__(self, sensed: NDArray[np.bool_]) -> None:
        self._sensed = sensed
        self._past: deque[NDArray[np.float32]] = deque(maxlen=int(LATEST) + 1)
        self.begin()

    def begin(self) -> None:
        """Forget those of the last episode; the first of the next arrives at once."""
        self._past.clear()
        self._last: NDArray[np.float32] | None = None

    def arrive(
        self,
        observation: NDArray[np.float32],
        delay: float,
        loss: float,
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        """What is read when this is the case.

        Args:
            observation: How things are, ``(entries,)``.
            delay: Control steps; to the nearest whole one.
            loss: Probability that the last reading is read again.
            rng: For what is lost.
        """
        self._past.appendleft(observation.copy())
        lost = loss > 0.0 and rng.random() < loss
        if self._last is None or not lost:
            self._last = self._past[min(round(delay), len(self._past) - 1)]
        return np.where(self._sensed, self._last, observation)


class Commands:
    """Targets as they arrive.

    Args:
        substeps: Physics steps of a control step.
    """

    def __init__(self, substeps: int) -> None:
        self._substeps = substeps
        self._sent: deque[Targets] = deque(maxlen=int(LATEST) + 2)

    def begin(self, targets: Targets) -> None:
        """Begin an episode in which those hold."""
        self._sent.clear()
        self._sent.append(targets)

    def send(self, targets: Targets, delay: float) -> list[tuple[Targets, int]]:
        """What acts during a control step, and for how many physics steps each.

        Args:
            targets: Sent at its beginning.
            delay: Until they act, in control steps.
        """
        self._sent.appendleft(targets)
        oldest = len(self._sent) - 1
        whole = int(delay)
        late = round((delay - whole) * self._substeps)
        parts = [
            (self._sent[min(whole + 1, oldest)], late),
            (self._sent[min(whole, oldest)], self._substeps - late),
        ]
        return [(each, steps) for each, steps in parts if steps]
