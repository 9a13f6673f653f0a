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
        observations: ``(n, entries)``.
        actions: ``(n, actions)``, before clipping.
        log_prob: Of the actions, by the policy that took them, ``(n,)``.
        advantages: ``(n,)``.
        returns: ``(n,)``.
    """

    observations: Tensor
    actions: Tensor
    log_prob: Tensor
    advantages: Tensor
    returns: Tensor

    @staticmethod
    def of(buffer: RolloutBuffer) -> Samples:
        """All of a full buffer."""

        def rows(array: NDArray[np.float32]) -> Tensor:
            return torch.from_numpy(buffer.swap_and_flatten(array))

        return Samples(
            rows(buffer.observations),
            rows(buffer.actions),
            rows(buffer.log_probs).flatten(),
            rows(buffer.advantages).flatten(),
            rows(buffer.returns).flatten(),
        )

    def __len__(self) -> int:
        return len(self.observations)

    def take(self, rows: Tensor) -> Samples:
        """Some of the rows."""
        return Samples(*(getattr(self, field.name)[rows] for field in fields(self)))


def reflected(rows: Tensor, reflection: Reflection) -> Tensor:
    """Mirror images of vectors, ``(n, entries)``."""
    places, signs = torch.from_numpy(reflection.places), torch.from_numpy(reflection.signs)
    return rows[:, places] * signs


def minibatches(count: int, size: int) -> Iterator[Tensor]:
    """Rows of one pass in random order, by NumPy's generator as Stable-Baselines3 draws them."""
    order = torch.from_numpy(np.random.permutation(count))  # noqa: NPY002
    for first in range(0, count, size):
        yield order[first : first + size]
