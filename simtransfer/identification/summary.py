"""What an inference looks at of readings: where they lie among replays, and how far off them.

Readings of one log are a vector of thousands of numbers that move together. Those of many replays
of the same commands span few directions, which are found once (principal components). What lies
outside of them is noise, or something that the simulator does not know; only its size is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.interface import Feature

COMPONENTS = 48
FITTED = 2000  # replays that directions are found from
LEAST = 1e-4  # quarter of a channel's range that counts as off at least


@dataclass(frozen=True)
class Summary:
    """Directions along which replays of some commands differ.

    Attributes:
        scale: By which each channel is divided: a quarter of its range, ``(channels,)``.
        mean: Of the scaled readings, ``(steps * channels,)``.
        directions: Orthonormal, ``(components, steps * channels)``.
    """

    scale: NDArray[np.float64]
    mean: NDArray[np.float64]
    directions: NDArray[np.float64]

    @staticmethod
    def of(replays: NDArray[np.floating], features: Sequence[Feature]) -> Summary:
        """Found from replays without noise, ``(n, steps, channels)``."""
        scale = np.asarray([feature.scale for feature in features])
        flat = _flat(replays[:FITTED], scale)
        mean = flat.mean(axis=0)
        *_, directions = np.linalg.svd(flat - mean, full_matrices=False)
        return Summary(scale, mean, directions[:COMPONENTS])

    @property
    def components(self) -> int:
        """How many numbers tell where readings lie; one a channel follows, of how far off."""
        return len(self.directions)

    @property
    def length(self) -> float:
        """Of the vector of readings that are each off by 1."""
        return math.sqrt(len(self.mean))

    def __call__(self, readings: NDArray[np.floating]) -> NDArray[np.float64]:
        """``(steps, channels)`` readings as ``(components + channels,)`` numbers.

        The latter are root mean squares, in quarters of each channel's range.
        """
        flat = _flat(readings[None], self.scale)[0] - self.mean
        where = self.directions @ flat
        rest = (flat - where @ self.directions).reshape(-1, len(self.scale))
        return np.concatenate([where, np.sqrt(np.square(rest).mean(axis=0) + LEAST**2)])


def _flat(readings: NDArray[np.floating], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = np.asarray(readings, dtype=float) / scale
    return scaled.reshape(len(scaled), -1)
