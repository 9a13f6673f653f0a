"""A policy in NumPy alone, for a control loop: one observation in some ten microseconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.actor import Actor
from agents.networks import CLIP

Array = NDArray[np.float32]


class ArrayPolicy:
    """An `Actor` as arrays; it keeps the weights that the actor has now.

    Calling it with an observation ``(entries,)`` gives the action ``(actions,)`` in [-1, 1], the
    actor's own up to rounding. Not to be called by two threads at once: it reuses its memory.

    Args:
        actor: The policy.
    """

    def __init__(self, actor: Actor) -> None:
        normalizer = actor.trunk.normalizer
        columns = normalizer.columns.numpy()
        whole = np.array_equal(columns, np.arange(len(columns)))
        self._columns = slice(len(columns)) if whole else columns
        mean = normalizer.mean.double().numpy()
        deviation = normalizer.variance.double().sqrt().numpy()
        self._low: Array = (mean - CLIP * deviation).astype(np.float32)
        self._high: Array = (mean + CLIP * deviation).astype(np.float32)
        first, *others = [*actor.trunk.linear, actor.head]
        weight, bias = _array(first.weight), _array(first.bias)
        # Readings are clipped as they come; scaling them is part of the first layer.
        scaled: Array = (weight / deviation).astype(np.float32)
        shifted: Array = (bias - weight @ (mean / deviation)).astype(np.float32)
        pairs = [(scaled, shifted)]
        pairs += [(_array(layer.weight), _array(layer.bias)) for layer in others]
        *hidden, self._head = pairs
        self._hidden = [(w, b, np.empty_like(b), np.empty_like(b)) for w, b in hidden]
        kind = next(layer for layer in actor.trunk.layers if not isinstance(layer, nn.Linear))
        self._activate = ACTIVATE[type(kind)]
        self._squash = actor.squash

    def __call__(self, observation: Array) -> Array:
        """The action of one observation."""
        readings = np.asarray(observation, dtype=np.float32)[self._columns]
        latent: Array = np.maximum(readings, self._low)
        np.minimum(latent, self._high, out=latent)
        for weight, bias, sums, spare in self._hidden:
            np.dot(weight, latent, out=sums)
            np.add(sums, bias, out=sums)
            self._activate(sums, spare)
            latent = sums
        weight, bias = self._head
        action: Array = np.dot(weight, latent)
        action += bias
        if self._squash:
            return np.tanh(action, out=action)
        np.maximum(action, -1.0, out=action)
        return np.minimum(action, 1.0, out=action)


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().numpy().astype(np.float32)
    return array


def _elu(sums: Array, spare: Array) -> None:
    np.minimum(sums, 0.0, out=spare)
    np.expm1(spare, out=spare)
    np.maximum(sums, 0.0, out=sums)
    np.add(sums, spare, out=sums)


def _relu(sums: Array, spare: Array) -> None:
    np.maximum(sums, 0.0, out=sums)


def _tanh(sums: Array, spare: Array) -> None:
    np.tanh(sums, out=sums)


ACTIVATE: dict[type[nn.Module], Callable[[Array, Array], None]] = {
    nn.ELU: _elu,
    nn.ReLU: _relu,
    nn.Tanh: _tanh,
}
