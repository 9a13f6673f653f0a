"""A moving average of an actor's weights: steadier than the last ones.

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

    Until it has followed long enough, it is the mean of all that it has seen, so that what it began
    with weighs no more than the rest.

    Args:
        module: What is trained.
        share: Of the average that is replaced each time.

    Attributes:
        module: A copy of it with averaged parameters.
        seen: How often it has followed.
    """

    def __init__(self, module: Module, share: float) -> None:
        self._source, self._share = module, share
        self.module = copy.deepcopy(module).requires_grad_(False)
        self.seen = 0

    def follow(self) -> None:
        """Take part of the current parameters into the average."""
        self.seen += 1
        self._take(max(self._share, 1.0 / self.seen))

    @torch.no_grad()
    def _take(self, share: float) -> None:
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
        self.seen = int(state["seen"])
        self._take(0.0)

    def state(self) -> dict[str, Tensor]:
        """The averaged parameters by name, and how often it has followed."""
        averaged = {name: value.clone() for name, value in self.module.named_parameters()}
        return averaged | {"seen": torch.tensor(self.seen)}
