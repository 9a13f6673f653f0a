"""What worlds go through while a policy drives them for some steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

Draw = Callable[[Array, Array], tuple[Array, Array]]
"""Observations ``(worlds, entries)`` and standard normal noise ``(worlds, actions)`` to the actions
that are drawn and those that are done, each ``(worlds, actions)``, the latter within [-1, 1]."""


def rest(observations: Array, noise: Array) -> tuple[Array, Array]:
    """A `Draw` of actions that are zero."""
    del observations
    return np.zeros_like(noise), np.zeros_like(noise)


@dataclass(frozen=True)
class Ending:
    """How an episode ended.

    Attributes:
        info: What the world says of it.
        last: The last observation, ``(entries,)``.
        truncated: Whether it was cut short without meaning anything.
    """

    info: Mapping[str, Any]
    last: Array
    truncated: bool


@dataclass(frozen=True)
class Course:
    """Steps of worlds.

    Attributes:
        observations: Before each step, ``(steps, worlds, entries)``.
        drawn: Actions, ``(steps, worlds, actions)``.
        rewards: ``(steps, worlds)``.
        ended: Whether the step ended an episode, ``(steps, worlds)``.
        endings: Of these, by step and world.
    """

    observations: Array
    drawn: Array
    rewards: NDArray[np.float64]
    ended: NDArray[np.bool_]
    endings: Mapping[tuple[int, int], Ending]

    @staticmethod
    def joined(parts: Sequence[Course]) -> Course:
        """Those of several groups of worlds at the same time, side by side."""
        return Course(
            np.concatenate([part.observations for part in parts], axis=1),
            np.concatenate([part.drawn for part in parts], axis=1),
            np.concatenate([part.rewards for part in parts], axis=1),
            np.concatenate([part.ended for part in parts], axis=1),
            {key: ending for part in parts for key, ending in part.endings.items()},
        )
