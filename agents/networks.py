"""The parts of a policy network: a normalizer that reads by name, and a trunk."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from envs.interface import Feature, Interface

ACTIVATIONS: dict[str, type[nn.Module]] = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}
CLIP = 8.0  # standard deviations at which a normalized reading saturates


class Normalizer(nn.Module):
    """Selects the features a network reads and scales them to about unit variance.

    Statistics start from the features' ranges and follow the data while ``adapting``; they belong
    to the network, so that they are saved and moved with it.

    Args:
        interface: What the observation vector holds.
        features: What is read of it, in order.
    """

    columns: Tensor
    mean: Tensor
    variance: Tensor
    count: Tensor
    floor: Tensor

    def __init__(self, interface: Interface, features: Sequence[Feature]) -> None:
        super().__init__()
        columns = interface.indices(feature.name for feature in features)
        scale = torch.tensor([feature.scale for feature in features], dtype=torch.float32)
        center = torch.tensor([feature.center for feature in features], dtype=torch.float32)
        self.register_buffer("columns", torch.as_tensor(columns), persistent=False)
        self.register_buffer("mean", center)
        self.register_buffer("variance", scale.square())
        self.register_buffer("count", torch.tensor(1.0))
        least = torch.tensor([feature.floor**2 for feature in features], dtype=torch.float32)
        self.register_buffer("floor", least * scale.square(), persistent=False)
        self.adapting = True

    def forward(self, observation: Tensor) -> Tensor:
        """Normalized readings ``(n, features)`` of observations ``(n, entries)``."""
        readings = observation[:, self.columns]
        return ((readings - self.mean) * torch.rsqrt(self.variance)).clamp(-CLIP, CLIP)

    @torch.no_grad()
    def adapt(self, observation: Tensor) -> None:
        """Merge a batch ``(n, entries)`` into the statistics (Chan et al. 1979)."""
        if not self.adapting:
            return
        readings = observation[:, self.columns].double()
        n, total = float(len(readings)), self.count.double() + len(readings)
        mean, variance = readings.mean(0), readings.var(0, unbiased=False)
        delta = mean - self.mean.double()
        spread = self.variance.double() * self.count.double() + variance * n
        spread += delta.square() * self.count.double() * n / total
        self.mean.copy_(self.mean.double() + delta * n / total)
        self.variance.copy_(torch.maximum(spread / total, self.floor.double()))
        self.count.copy_(total)


class Trunk(nn.Module):
    """A normalizer and the hidden layers above it: everything but the last layer.

    Args:
        interface: What the observation vector holds.
        features: What is read of it.
        hidden: Widths of the hidden layers.
        activation: A key of `ACTIVATIONS`.
    """

    def __init__(
        self,
        interface: Interface,
        features: Sequence[Feature],
        hidden: Sequence[int],
        activation: str,
    ) -> None:
        super().__init__()
        self.features = tuple(features)
        self.normalizer = Normalizer(interface, features)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([len(features), *hidden]):
            layers += [
                orthogonal(nn.Linear(inputs, outputs), np.sqrt(2)),
                ACTIVATIONS[activation](),
            ]
        self.layers = nn.Sequential(*layers)
        self.width = hidden[-1]

    def forward(self, observation: Tensor) -> Tensor:
        """Latent features ``(n, width)`` of raw observations ``(n, entries)``."""
        latent: Tensor = self.layers(self.normalizer(observation))
        return latent

    @property
    def linear(self) -> list[nn.Linear]:
        """The linear layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


def orthogonal(layer: nn.Linear, gain: float) -> nn.Linear:
    """Initialize a layer as Saxe et al. 2013: orthogonal weights, zero bias."""
    nn.init.orthogonal_(layer.weight, float(gain))
    nn.init.zeros_(layer.bias)
    return layer
