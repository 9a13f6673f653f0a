"""The mean of an actor's last weights: steadier than the last ones.

A policy gradient of few episodes says little, and weights wander around what they all point to
(Izmailov et al. 2018, arXiv 1803.05407; Nikishin et al. 2018 for policies).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


class Average(Generic[Module]):
    """Exponential moving average of a module's parameters; its buffers are the current ones.

    Args:
        module: What is trained.

    Attributes:
        module: A copy of it with averaged parameters.
    """

    def __init__(self, module: Module) -> None:
        self._source = module
        self.module = copy.deepcopy(module).requires_grad_(False)

    @torch.no_grad()
    def follow(self, share: float) -> None:
        """Replace a share of the average by the current parameters."""
        now = dict(self._source.named_parameters())
        for name, parameter in self.module.named_parameters():
            parameter.lerp_(now[name], share)
        buffers = dict(self._source.named_buffers())
        for name, buffer in self.module.named_buffers():
            buffer.copy_(buffers[name])

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` told."""
        for name, parameter in self.module.named_parameters():
            parameter.copy_(state[name])
        self.follow(0.0)

    def state(self) -> dict[str, Tensor]:
        """The averaged parameters by name."""
        return {name: value.clone() for name, value in self.module.named_parameters()}
