"""Where and when two recordings of one episode part, and what that looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.interface import Feature, unknown
from simtransfer.bridge.recording import Recording

APART = 1.0  # an observation's own spread, beyond which it tells of another course of events
LASTING = 3  # control steps that it stays beyond; a beam that misses an edge is back at once
# What no physics does to a joint told the same: within so many control steps be elsewhere by such a
# share of its range. Humanoids in the two engines: at most 0.06; legs swapped in pairs: mostly more
# than 0.1, and at once where the pair's postures differ.
EARLY, ELSEWHERE = 10, 0.1


@dataclass(frozen=True)
class Onset:
    """An observation that diverges, and when it begins to.

    Attributes:
        feature: Which one.
        step: The first control step at which it is apart, and stays so.
        size: How far apart then, in its unit of divergence.
        peak: How far apart at most.
        reference: Its reading in the reference then.
        other: Its reading in the other recording then.
    """

    feature: Feature
    step: int
    size: float
    peak: float
    reference: float
    other: float


@dataclass(frozen=True)
class Divergence:
    """How far each observation is from the reference, over time.

    Attributes:
        features: Which they are.
        units: What counts as 1 of each, in its own unit, ``(features,)``.
        sizes: Distances in those, ``(steps, features)``; as long as both recordings go on.
        onsets: Of those that diverge, the first one first.
        misplaced: Joints' positions that are `ELSEWHERE` within the first `EARLY` steps, and when.
    """

    features: tuple[Feature, ...]
    units: NDArray[np.float64]
    sizes: NDArray[np.float64]
    onsets: tuple[Onset, ...]
    misplaced: tuple[Onset, ...]


def is_joint(feature: Feature) -> bool:
    """Whether an observation is of a joint, or of what joints move."""
    return feature.name.split("/")[0] in ("joint", "limb")


def is_posture(feature: Feature) -> bool:
    """Whether an observation is of where a joint, or what joints move, is.

    Speeds are not: contacts make them jump in any engine, and differently in each.
    """
    return is_joint(feature) and feature.name.split("/")[-1] in ("position", "deflection")


def diverge(reference: Recording, other: Recording) -> Divergence:
    """Compare two recordings of one episode, observation by observation of the same name.

    A distance is told in the observation's standard deviation over the reference episode: 1 is as
    much as it varies in the whole of it. Declared bounds would not do, since most observations use
    a small part of theirs. What hardly varies has the floor that a policy's normalizer gives it.

    Raises:
        ValueError: If one lacks an observation that the other has.
    """
    names = [feature.name for feature in other.features]
    for feature in reference.features:
        if feature.name not in names:
            raise ValueError(unknown("observation", feature.name, names))
    floors = np.asarray([f.floor * f.scale for f in reference.features])
    units = np.maximum(reference.readings.std(axis=0), floors)
    steps = min(len(reference.readings), len(other.readings))
    columns = [names.index(feature.name) for feature in reference.features]
    readings = other.readings[:steps, columns]
    sizes = np.abs(readings - reference.readings[:steps]) / units
    sizes = np.where(np.isfinite(sizes), sizes, np.inf)  # not a number is as far away as can be

    def onsets(first: Sequence[int | None]) -> tuple[Onset, ...]:
        found = []
        for k, step in enumerate(first):
            if step is None:
                continue
            pair = float(reference.readings[step, k]), float(readings[step, k])
            size, peak = float(sizes[step, k]), float(sizes[:, k].max())
            found.append(Onset(reference.features[k], step, size, peak, *pair))
        return tuple(sorted(found, key=lambda onset: (onset.step, -onset.size)))

    ranges = np.asarray([f.high - f.low for f in reference.features])
    away = (sizes * units > ELSEWHERE * ranges) & [is_posture(f) for f in reference.features]
    return Divergence(
        reference.features,
        units,
        sizes,
        onsets=onsets(first_lasting(sizes > APART)),
        misplaced=onsets(first_lasting(away[: EARLY + 1], 1)),
    )


def first_lasting(beyond: NDArray[np.bool_], lasting: int = LASTING) -> list[int | None]:
    """Where each column begins to hold for so many rows (all, if they are fewer), or None."""
    lasting = min(lasting, len(beyond))
    windows = np.lib.stride_tricks.sliding_window_view(beyond, lasting, axis=0)
    held = np.asarray(windows.all(axis=-1))
    return [int(column.argmax()) if column.any() else None for column in held.T]
