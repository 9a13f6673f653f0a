"""Noise and bias of what a robot senses, each kind of sensor its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.interface import Feature
from envs.parameters import SENSORS


class SensorErrors:
    """What is added to readings in one world.

    Args:
        features: Observation features; those that name no sensor are known exactly.
        drawn: Parameters that are drawn at all; those of no sensor are none of its business.
    """

    def __init__(self, features: Sequence[Feature], drawn: Collection[str]) -> None:
        self._noisy: list[tuple[str, NDArray[np.intp]]] = []
        self._biased: list[tuple[str, NDArray[np.intp]]] = []
        self._scale = np.array([feature.scale for feature in features])
        for key in SENSORS:
            own = [k for k, feature in enumerate(features) if feature.sensor == key]
            places = np.array(own, dtype=np.intp)
            if f"{key}_noise" in drawn:
                self._noisy.append((f"{key}_noise", places))
            if f"{key}_bias" in drawn:
                self._biased.append((f"{key}_bias", places))
        self._bias = np.zeros(len(features))
        self.any = bool(self._noisy or self._biased)

    def begin(self, values: Mapping[str, float], rng: np.random.Generator) -> None:
        """Draw the biases of an episode.

        Args:
            values: Of all parameters.
            rng: Where draws come from.
        """
        for name, places in self._biased:
            most = values[name] * self._scale[places]
            self._bias[places] = rng.uniform(-most, most)

    def add(
        self, readings: NDArray[np.float32], values: Mapping[str, float], rng: np.random.Generator
    ) -> None:
        """Add noise and bias to readings ``(entries,)``, in place."""
        if self._biased:
            readings += self._bias
        for name, places in self._noisy:
            if (most := values[name]) > 0.0:
                readings[places] += rng.normal(0.0, most, len(places)) * self._scale[places]
