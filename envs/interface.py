"""What every observation and action entry is, by name."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Feature:
    """One entry of an observation or action vector.

    Attributes:
        name: What it is, e.g. ``joint/front_steering/position``.
        unit: SI unit, ``1``, or one that its world defines.
        low: Smallest value, in ``unit``; readings saturate there.
        high: Largest value, in ``unit``.
        group: ``deployable`` (a robot can sense it), ``privileged`` (only a simulator knows it) or
            ``action``.
        series: Features sampled along one axis share a series (``lidar/range``), so that another
            robot's samples can be interpolated.
        coordinate: Where on that axis this one lies (for lidar: degrees, left positive).
        floor: Least standard deviation that a normalizer assumes, in `scale`. What hardly ever
            changes needs more: else it is as good as constant until it changes, and then enormous.
        sensor: The kind of sensor that measures it: a key of `envs.parameters.SENSORS`, or
            ``lidar``. Empty for what the robot knows without measuring, such as its own commands,
            and for what only a simulator knows: sensor noise, bias, delay and loss leave it alone.
    """

    name: str
    unit: str
    low: float
    high: float
    group: str = "deployable"
    series: str = ""
    coordinate: float = 0.0
    floor: float = 0.01
    # Not compared: policies saved before there were sensors read the same features.
    sensor: str = field(default="", compare=False)

    @property
    def center(self) -> float:
        """The middle of the range: what a normalizer assumes before it has seen data."""
        return 0.5 * (self.low + self.high)

    @property
    def scale(self) -> float:
        """A quarter of the range: the standard deviation assumed before data."""
        return max(0.25 * (self.high - self.low), 1e-6)


@dataclass(frozen=True)
class Interface:
    """The ordered features of one environment's observation and action vectors."""

    observation: tuple[Feature, ...]
    action: tuple[Feature, ...]

    def __post_init__(self) -> None:
        """Refuse two entries of one name."""
        for names in (self.observation_names, self.action_names):
            twice = sorted(name for name, count in Counter(names).items() if count > 1)
            if twice:
                raise ValueError(f"two entries are called {twice[0]!r}; each needs its own name")

    @cached_property
    def observation_names(self) -> tuple[str, ...]:
        """Names of the observation entries, in order."""
        return tuple(feature.name for feature in self.observation)

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """Names of the action entries, in order."""
        return tuple(feature.name for feature in self.action)

    def group(self, *groups: str) -> tuple[Feature, ...]:
        """The observation features that belong to any of ``groups``."""
        return tuple(feature for feature in self.observation if feature.group in groups)

    def indices(self, names: Iterable[str]) -> NDArray[np.intp]:
        """Positions of ``names`` in the observation vector.

        Raises:
            ValueError: If a name is not observed; the nearest one that is gets named.
        """
        position = {name: i for i, name in enumerate(self.observation_names)}
        found = []
        for name in names:
            if name not in position:
                raise ValueError(unknown("observation", name, self.observation_names))
            found.append(position[name])
        return np.asarray(found, dtype=np.intp)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Interface:
        """The inverse of `as_dict`."""
        return Interface(
            tuple(Feature(**feature) for feature in data["observation"]),
            tuple(Feature(**feature) for feature in data["action"]),
        )


def bounds(features: Sequence[Feature]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lower and upper limits of ``features`` as two float32 arrays."""
    low = np.asarray([feature.low for feature in features], dtype=np.float32)
    high = np.asarray([feature.high for feature in features], dtype=np.float32)
    return low, high


def unknown(what: str, given: object, known: Iterable[str]) -> str:
    """One line for a name that does not exist, or is no name, with the nearest that does."""
    choices = sorted(known)
    named = given if isinstance(given, str) else ""
    near = difflib.get_close_matches(named, choices, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"choose from: {', '.join(choices[:12])}"
    return f"unknown {what} {given!r}; {hint}"
