"""Left and right swapped: what a symmetric body learns for one side holds for the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.interface import Interface

Rule = Callable[[str], tuple[str, float]]  # a name's counterpart in the mirror, and its sign


@dataclass(frozen=True)
class Reflection:
    """How a vector looks in a mirror.

    Attributes:
        places: Where each entry comes from, ``(entries,)``.
        signs: What it is multiplied by, ``(entries,)``.
    """

    places: NDArray[np.intp]
    signs: NDArray[np.float32]

    @staticmethod
    def of(names: Sequence[str], rule: Rule) -> Reflection:
        """By the counterparts of names.

        Raises:
            ValueError: If a counterpart is not among them, or is not a counterpart in return.
        """
        position = {name: i for i, name in enumerate(names)}
        places, signs = [], []
        for name in names:
            other, sign = rule(name)
            if other not in position or rule(other) != (name, sign):
                raise ValueError(f"{name!r} has no counterpart in a mirror: {other!r}")
            places.append(position[other])
            signs.append(sign)
        return Reflection(np.asarray(places), np.asarray(signs, dtype=np.float32))

    def apply(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mirror images of vectors, ``(..., entries)``."""
        return rows[..., self.places] * self.signs


@dataclass(frozen=True)
class Mirror:
    """How a world looks in a mirror: the image of an episode is an episode as likely as it.

    Attributes:
        observation: Of observations.
        action: Of actions.
    """

    observation: Reflection
    action: Reflection

    @staticmethod
    def of(interface: Interface, rule: Rule) -> Mirror:
        """By the names of an interface's entries."""
        return Mirror(
            Reflection.of(interface.observation_names, rule),
            Reflection.of(interface.action_names, rule),
        )
