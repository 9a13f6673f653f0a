"""What a rollout gives to learn from, as tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer
from torch import Tensor

from envs.mirror import Reflection


@dataclass(frozen=True)
class Samples:
    """Steps, one a row.

    Attributes:
        acting: What the actor reads, normalized, ``(n, readings)``.
        judging: What the critic reads, normalized, ``(n, readings)``.
        actions: ``(n, actions)``, before clipping.
        log_prob: Of the actions, by the policy that took them, ``(n,)``.
        advantages: ``(n,)``.
        returns: ``(n,)``.
    """

    acting: Tensor
    judging: Tensor
    actions: Tensor
    log_prob: Tensor
    advantages: Tensor
    returns: Tensor

    @staticmethod
    def of(buffer: RolloutBuffer, readings: tuple[Tensor, Tensor]) -> Samples:
        """All of a full buffer.

        Args:
            buffer: The rollout.
            readings: Of `flat` observations, by actor and critic; they do not change in an update.
        """
        return Samples(
            *readings,
            flat(buffer, buffer.actions),
            flat(buffer, buffer.log_probs).flatten(),
            flat(buffer, buffer.advantages).flatten(),
            flat(buffer, buffer.returns).flatten(),
        )

    def __len__(self) -> int:
        return len(self.actions)

    def take(self, rows: Tensor) -> Samples:
        """Some of the rows, by number or by whether they are taken."""
        return Samples(*(getattr(self, field.name)[rows] for field in fields(self)))


def flat(buffer: RolloutBuffer, array: NDArray[np.float32] | NDArray[np.bool_]) -> Tensor:
    """One of a buffer's arrays, ``(steps, worlds, …)``, with a row for each step of each world."""
    return torch.from_numpy(buffer.swap_and_flatten(array))


def reflected(rows: Tensor, reflection: Reflection) -> Tensor:
    """Mirror images of vectors, ``(n, entries)``."""
    places, signs = torch.from_numpy(reflection.places), torch.from_numpy(reflection.signs)
    return rows[:, places] * signs


def minibatches(count: int, size: int) -> Iterator[Tensor]:
    """Rows of one pass in random order, by NumPy's generator as Stable-Baselines3 draws them."""
    order = torch.from_numpy(np.random.permutation(count))  # noqa: NPY002
    for first in range(0, count, size):
        yield order[first : first + size]
