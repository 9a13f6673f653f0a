"""Domain randomization: terms as data, each drawn from the initial value by a passed generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from envs.interface import unknown
from envs.parameters import OCCASIONS, PARAMETERS

OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "set": lambda initial, draw: draw,
    "scale": lambda initial, draw: initial * draw,
    "add": lambda initial, draw: initial + draw,
}
DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, float, float], float]] = {
    "uniform": lambda rng, low, high: float(rng.uniform(low, high)),
    "log_uniform": lambda rng, low, high: float(np.exp(rng.uniform(np.log(low), np.log(high)))),
    "normal": lambda rng, low, high: float(rng.normal(0.5 * (low + high), 0.25 * (high - low))),
    "truncated": lambda rng, low, high: _truncated(rng, low, high),
}


@dataclass(frozen=True)
class Term:
    """One randomized parameter.

    Attributes:
        parameter: A key of `PARAMETERS`.
        occasion: ``load`` (once a world), ``reset`` (each episode) or ``interval``.
        operation: ``set``, ``scale`` or ``add``: how the draw meets the initial value.
        low: Smallest draw, in the parameter's unit (``scale``: a factor); of a ``normal`` one, two
            standard deviations below the mean.
        high: Largest draw, or two above it.
        distribution: A key of `DISTRIBUTIONS`; ``truncated`` is a normal one without its tails.
        period: Mean seconds between draws of an ``interval`` term.
    """

    parameter: str
    occasion: str
    operation: str
    low: float
    high: float
    distribution: str = "uniform"
    period: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a term that cannot be drawn."""
        for what, value, known in (
            ("parameter", self.parameter, PARAMETERS),
            ("occasion", self.occasion, OCCASIONS),
            ("operation", self.operation, OPERATIONS),
            ("distribution", self.distribution, DISTRIBUTIONS),
        ):
            if value not in known:
                raise ValueError(f"randomization: {unknown(what, value, known)}")
        if not self.low <= self.high:
            raise ValueError(f"randomization of {self.parameter}: low must not exceed high")
        if self.distribution == "log_uniform" and self.low <= 0:
            raise ValueError(f"randomization of {self.parameter}: log_uniform needs low > 0")
        if self.occasion == "interval" and self.period <= 0:
            raise ValueError(f"randomization of {self.parameter}: an interval needs a period > 0")
        parameter = PARAMETERS[self.parameter]
        if self.occasion not in parameter.occasions:
            when = " or ".join(parameter.occasions)
            raise ValueError(f"randomization of {self.parameter}: it can only be drawn at {when}")
        if self.operation == "scale" and parameter.initial == 0.0:
            raise ValueError(
                f"randomization of {self.parameter}: it is 0 at first, so scale changes nothing; "
                "set it or add to it"
            )
        reach = [OPERATIONS[self.operation](parameter.initial, x) for x in (self.low, self.high)]
        within = parameter.low <= min(reach) and max(reach) <= parameter.high
        if not (within and all(map(math.isfinite, reach))):
            raise ValueError(
                f"randomization of {self.parameter}: gives {reach[0]:g} to {reach[1]:g}, "
                f"but it must stay within [{parameter.low:g}, {parameter.high:g}] and finite"
            )

    def draw(self, rng: np.random.Generator) -> float:
        """A new value, computed from the initial one, so that draws never accumulate."""
        parameter = PARAMETERS[self.parameter]
        draw = DISTRIBUTIONS[self.distribution](rng, self.low, self.high)
        value = OPERATIONS[self.operation](parameter.initial, draw)
        return min(max(value, parameter.low), parameter.high)  # a normal one has tails


def _truncated(rng: np.random.Generator, low: float, high: float) -> float:
    """Of a normal distribution what is within two standard deviations."""
    while not low <= (drawn := DISTRIBUTIONS["normal"](rng, low, high)) <= high:
        pass
    return drawn


Randomization = tuple[Term, ...]

RANDOMIZATIONS: dict[str, Randomization] = {
    "none": (),
    "nominal": (
        Term("friction", "reset", "scale", 0.8, 1.1),
        Term("mass", "reset", "scale", 0.9, 1.15),
        Term("motor_strength", "reset", "scale", 0.85, 1.1),
        Term("steering_offset", "reset", "add", -0.02, 0.02),
        Term("action_delay", "reset", "set", 0.0, 0.5),
        Term("observation_noise", "reset", "set", 0.0, 0.02),
        Term("lidar_noise", "reset", "set", 0.0, 0.03),
        Term("lidar_dropout", "reset", "set", 0.0, 0.01),
        Term("lidar_yaw", "load", "add", -0.5, 0.5),
        Term("push", "interval", "set", -0.2, 0.2, period=4.0),
    ),
    "moderate": (
        Term("friction", "reset", "scale", 0.6, 1.15),
        Term("mass", "reset", "scale", 0.8, 1.3),
        Term("motor_strength", "reset", "scale", 0.7, 1.15),
        Term("servo_speed", "reset", "scale", 0.75, 1.1),
        Term("steering_offset", "reset", "add", -0.035, 0.035),
        Term("action_delay", "reset", "set", 0.0, 0.75),
        Term("observation_noise", "reset", "set", 0.0, 0.04),
        Term("lidar_noise", "reset", "set", 0.0, 0.08),
        Term("lidar_dropout", "reset", "set", 0.0, 0.04),
        Term("lidar_yaw", "load", "add", -1.0, 1.0),
        Term("push", "interval", "set", -0.4, 0.4, period=3.5),
    ),
    "wide": (
        Term("friction", "reset", "scale", 0.4, 1.2),
        Term("mass", "reset", "scale", 0.7, 1.5),
        Term("motor_strength", "reset", "scale", 0.6, 1.2),
        Term("servo_speed", "reset", "scale", 0.5, 1.2),
        Term("steering_offset", "reset", "add", -0.05, 0.05),
        Term("action_delay", "reset", "set", 0.0, 1.0),
        Term("observation_noise", "reset", "set", 0.0, 0.06),
        Term("lidar_noise", "reset", "set", 0.0, 0.15),
        Term("lidar_dropout", "reset", "set", 0.0, 0.08),
        Term("lidar_yaw", "load", "add", -2.0, 2.0),
        Term("push", "interval", "set", -0.6, 0.6, period=3.0),
    ),
}

RANDOMIZATIONS["bodies"] = (
    *RANDOMIZATIONS["nominal"],
    Term("size", "load", "scale", 0.5, 1.3, "log_uniform"),
    Term("thigh", "load", "scale", 0.85, 1.15),
    Term("shin", "load", "scale", 0.85, 1.15),
    Term("foot", "load", "scale", 0.8, 1.1),
    Term("hips", "load", "scale", 0.85, 1.25),
    Term("trunk", "load", "scale", 0.8, 1.9),
    Term("torso", "load", "scale", 0.9, 1.25),
    Term("knee", "load", "scale", 0.6, 1.4),
    Term("yaw", "load", "scale", 0.2, 1.0, "log_uniform"),
)


# All there is, at about what is reported of robots' clocks, gains, encoders and floors.
RANDOMIZATIONS["full"] = (
    *RANDOMIZATIONS["wide"],
    Term("spinning_friction", "reset", "set", 0.0, 0.01),
    Term("rolling_friction", "reset", "set", 0.0, 0.005),
    Term("restitution", "reset", "set", 0.0, 0.3),
    Term("armature", "reset", "scale", 0.8, 1.25, "log_uniform"),
    Term("gravity", "reset", "scale", 0.98, 1.02, "truncated"),
    Term("slope_x", "reset", "set", -2.0, 2.0, "truncated"),
    Term("slope_y", "reset", "set", -2.0, 2.0, "truncated"),
    Term("sideways_force", "interval", "set", -0.03, 0.03, period=3.0),
    Term("stiffness", "reset", "scale", 0.85, 1.15),
    Term("damping", "reset", "scale", 0.8, 1.2),
    Term("joint_damping", "reset", "set", 0.0, 0.03),
    Term("joint_friction", "reset", "set", 0.0, 0.03),
    Term("encoder_offset", "reset", "set", 0.0, 0.02),
    Term("action_noise", "reset", "set", 0.0, 0.02),
    Term("observation_delay", "reset", "set", 0.0, 1.4),
    Term("observation_loss", "reset", "set", 0.0, 0.05),
    Term("observation_bias", "reset", "set", 0.0, 0.02),
    Term("traffic_speed", "reset", "scale", 0.7, 1.3),
    Term("walking_speed", "reset", "scale", 0.7, 1.3),
    Term("parcel_mass", "reset", "scale", 0.8, 1.2),
    Term("parcel_friction", "reset", "scale", 0.8, 1.2),
    *(Term(f"center_{axis}", "load", "set", -0.02, 0.02) for axis in "xyz"),
)


def find_randomization(name: str) -> Randomization:
    """The terms called ``name``.

    Raises:
        ValueError: If there are none of that name.
    """
    if name not in RANDOMIZATIONS:
        raise ValueError(unknown("randomization", name, RANDOMIZATIONS))
    return RANDOMIZATIONS[name]


class Draws:
    """The current value of every parameter, and the terms that redraw them.

    Args:
        terms: What is randomized.

    Attributes:
        values: By parameter, drawn or not.
        names: Of the parameters that are drawn.
    """

    def __init__(self, terms: Randomization) -> None:
        self._terms = {
            occasion: tuple(term for term in terms if term.occasion == occasion)
            for occasion in OCCASIONS
        }
        self.names = frozenset(term.parameter for term in terms)
        self._loaded: dict[str, float] = {}
        self.values = {name: parameter.initial for name, parameter in PARAMETERS.items()}

    def redraw(
        self, occasion: str, rng: np.random.Generator, dt: float = 0.0
    ) -> Mapping[str, float]:
        """Redraw the terms of ``occasion``.

        Args:
            occasion: ``load``, ``reset`` or ``interval``.
            rng: Where draws come from.
            dt: Seconds since the last call, for ``interval``: each term comes with probability
                ``dt / period``.

        Returns:
            The parameters that were redrawn.
        """
        drawn = {}
        if occasion == "reset":  # what changed during an episode does not outlast it
            for term in self._terms["interval"]:
                initial = PARAMETERS[term.parameter].initial
                self.values[term.parameter] = self._loaded.get(term.parameter, initial)
        for term in self._terms[occasion]:
            if occasion == "interval" and rng.random() >= dt / term.period:
                continue
            drawn[term.parameter] = term.draw(rng)
        if occasion == "load":
            self._loaded = drawn
        self.values.update(drawn)
        return drawn
