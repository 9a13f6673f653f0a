"""What acts: a trunk, a last layer, and how its output becomes an action."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.networks import Trunk

Act = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Observations ``(n, entries)`` to actions ``(n, actions)`` in [-1, 1]."""


class Actor(nn.Module):
    """A deterministic policy.

    Args:
        trunk: Reads observations.
        head: The last layer.
        squash: Whether actions are ``tanh`` of the head's output (SAC), else clipped (PPO).
    """

    def __init__(self, trunk: Trunk, head: nn.Linear, *, squash: bool = False) -> None:
        super().__init__()
        self.trunk, self.head, self.squash = trunk, head, squash

    def forward(self, observation: Tensor) -> Tensor:
        """Actions ``(n, actions)`` in [-1, 1] of observations ``(n, entries)``."""
        mean: Tensor = self.head(self.trunk(observation))
        return torch.tanh(mean) if self.squash else mean.clamp(-1.0, 1.0)

    @torch.no_grad()
    def act(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `forward`, on arrays."""
        actions: NDArray[np.float32] = self(torch.as_tensor(observations)).numpy()
        return actions
