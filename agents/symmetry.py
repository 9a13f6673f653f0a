"""Networks that are the same in a mirror: what is learned for one side holds for the other.

Hidden units come in pairs that swap in a mirror, so that ordinary weights make an equivariant
network (Su et al. 2024, arXiv 2403.17320): each layer's are their own image. Where gradients are
too, weights stay so, and every sample teaches what its image would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from agents.networks import Trunk
from agents.policy import NamedPolicy
from envs.mirror import Mirror, Reflection

CLOSE = 0.2  # of a tensor's norm, its difference from its image that a fit may leave


class Symmetry:
    """The images of a policy's parameters.

    Args:
        policy: The networks.
        mirror: How observations and actions look in a mirror.
    """

    def __init__(self, policy: NamedPolicy, mirror: Mirror) -> None:
        value = Reflection(np.zeros(1, dtype=np.intp), np.ones(1, dtype=np.float32))
        trunks = policy.mlp_extractor
        self._sides: list[tuple[Tensor, tuple[Reflection, ...]]] = [
            *_layers(trunks.actor, policy.action_net, mirror.observation, mirror.action),
            *_layers(trunks.critic, policy.value_net, mirror.observation, value),
            (policy.log_std, (_unsigned(mirror.action),)),
        ]

    @torch.no_grad()
    def impose(self) -> None:
        """Make the parameters their own images, as large as they were."""
        for parameter, sides in self._sides:
            norm = parameter.norm()
            parameter.copy_(_mean(parameter, sides))
            if len(sides) > 1:
                parameter.mul_(norm / parameter.norm().clamp_min(1e-12))

    @torch.no_grad()
    def holds(self) -> bool:
        """Whether each parameter is its own image, or as near to it as a fit may come."""
        return all(
            2.0 * (parameter - _mean(parameter, sides)).norm() <= CLOSE * parameter.norm()
            for parameter, sides in self._sides
        )

    def of_gradients(self) -> None:
        """Make them those of the samples and their images together."""
        for parameter, sides in self._sides:
            if parameter.grad is not None:
                parameter.grad.copy_(_mean(parameter.grad, sides))


def _layers(
    trunk: Trunk, head: nn.Linear, observation: Reflection, output: Reflection
) -> Iterator[tuple[Tensor, tuple[Reflection, ...]]]:
    layers = [*trunk.linear, head]
    inner = [_swapped(layer.out_features) for layer in trunk.linear]
    sides = [_read(observation, trunk.normalizer.columns.tolist()), *inner, output]
    for layer, (before, after) in zip(layers, pairwise(sides), strict=True):
        yield layer.weight, (after, before)
        yield layer.bias, (after,)


def _read(whole: Reflection, columns: Sequence[int]) -> Reflection:
    """Of the entries that a network reads."""
    place = {column: i for i, column in enumerate(columns)}
    places = [place[int(whole.places[column])] for column in columns]
    return Reflection(np.asarray(places), whole.signs[columns])


def _swapped(width: int) -> Reflection:
    """Of hidden units: the first half with the second; one that is left over is its own image."""
    half = width // 2
    places = np.arange(width)
    places[:half], places[half : 2 * half] = places[half : 2 * half].copy(), places[:half].copy()
    return Reflection(places, np.ones(width, dtype=np.float32))


def _unsigned(reflection: Reflection) -> Reflection:
    return Reflection(reflection.places, np.ones_like(reflection.signs))


def _mean(tensor: Tensor, sides: tuple[Reflection, ...]) -> Tensor:
    """Of a tensor and its image, each axis reflected."""
    image = tensor
    for axis, side in enumerate(sides):
        signs = torch.from_numpy(side.signs).reshape([-1] + [1] * (tensor.dim() - axis - 1))
        image = image.index_select(axis, torch.from_numpy(side.places)) * signs
    return 0.5 * (tensor + image)
