"""Domain randomization: terms as data, each drawn from the initial value by a passed generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from envs.interface import unknown
from envs.parameters import OCCASIONS, PARAMETERS, SENSORS
from envs.wrench import FORCES, TORQUES

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

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters that it draws: one."""
        return (self.parameter,)

    def values(self, rng: np.random.Generator) -> dict[str, float]:
        """A new value, by parameter."""
        return {self.parameter: self.draw(rng)}

    def draw(self, rng: np.random.Generator) -> float:
        """A new value, computed from the initial one, so that draws never accumulate."""
        return self.made(DISTRIBUTIONS[self.distribution](rng, self.low, self.high))

    def made(self, draw: float) -> float:
        """What a draw makes of the initial value."""
        parameter = PARAMETERS[self.parameter]
        value = OPERATIONS[self.operation](parameter.initial, draw)
        return min(max(value, parameter.low), parameter.high)  # a normal one has tails

    @property
    def neutral(self) -> float:
        """The draw that changes nothing, or what of the range is nearest to it."""
        initial = PARAMETERS[self.parameter].initial
        unchanged = {"set": initial, "scale": 1.0, "add": 0.0}[self.operation]
        return min(max(unchanged, self.low), self.high)

    def within(self, low: float, high: float) -> Term:
        """The same over part of its range.

        Args:
            low: How much of what lies below `neutral`, 0 to 1.
            high: How much of what lies above it.
        """
        middle = self.neutral
        ends = middle + low * (self.low - middle), middle + high * (self.high - middle)
        # To the bit the whole range where all of it is meant.
        return replace(
            self,
            low=self.low if low == 1.0 else ends[0],
            high=self.high if high == 1.0 else ends[1],
        )


def _truncated(rng: np.random.Generator, low: float, high: float) -> float:
    """Of a normal distribution what is within two standard deviations."""
    while not low <= (drawn := DISTRIBUTIONS["normal"](rng, low, high)) <= high:
        pass
    return drawn


@dataclass(frozen=True)
class Samples:
    """Several parameters drawn together: one of a table's rows at each reset.

    What is known of parameters is seldom known of each alone: a heavy car with strong motors
    gathers speed as a light one with weak motors does. Rows keep that, where ranges would not.

    Attributes:
        names: Keys of `PARAMETERS`, one a column.
        rows: Values, in the parameters' own units.
    """

    occasion: ClassVar[str] = "reset"
    period: ClassVar[float] = 0.0

    names: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Refuse rows that no world can have."""
        if not self.names or not self.rows:
            raise ValueError("randomization: samples need a parameter and a row")
        for k, name in enumerate(self.names):
            if name not in PARAMETERS:
                raise ValueError(f"randomization: {unknown('parameter', name, PARAMETERS)}")
            if name in self.names[:k]:
                raise ValueError(f"randomization of {name}: two columns of samples are called so")
            if self.occasion not in PARAMETERS[name].occasions:
                raise ValueError(f"randomization of {name}: it cannot be drawn at {self.occasion}")
        known = [PARAMETERS[name] for name in self.names]
        for number, row in enumerate(self.rows):
            if len(row) != len(known):
                raise ValueError(
                    f"randomization: row {number} of samples has {len(row)} values, "
                    f"but there are {len(known)} parameters"
                )
            for parameter, name, value in zip(known, self.names, row, strict=True):
                if not (parameter.low <= value <= parameter.high and math.isfinite(value)):
                    raise ValueError(
                        f"randomization of {name}: row {number} of samples has {value:g}, but it "
                        f"must stay within [{parameter.low:g}, {parameter.high:g}] and finite"
                    )

    def values(self, rng: np.random.Generator) -> dict[str, float]:
        """A row, by parameter."""
        return dict(zip(self.names, self.rows[rng.integers(len(self.rows))], strict=True))


Randomization = tuple[Term | Samples, ...]

# Every term of those that have names is of one parameter, so that a table can show it.
RANDOMIZATIONS: dict[str, tuple[Term, ...]] = {
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
    Term("roughness", "reset", "set", 0.0, 0.01),
    *(Term(force, "interval", "set", -0.03, 0.03, period=3.0) for force in FORCES),
    *(Term(torque, "interval", "set", -0.003, 0.003, period=3.0) for torque in TORQUES),
    Term("stiffness", "reset", "scale", 0.85, 1.15),
    Term("damping", "reset", "scale", 0.8, 1.2),
    Term("joint_damping", "reset", "set", 0.0, 0.03),
    Term("joint_friction", "reset", "set", 0.0, 0.03),
    Term("encoder_offset", "reset", "set", 0.0, 0.02),
    Term("action_noise", "reset", "set", 0.0, 0.02),
    Term("observation_delay", "reset", "set", 0.0, 1.4),
    Term("observation_loss", "reset", "set", 0.0, 0.05),
    Term("observation_bias", "reset", "set", 0.0, 0.02),
    *(Term(f"{sensor}_noise", "reset", "set", 0.0, 0.01) for sensor in SENSORS),
    *(Term(f"{sensor}_bias", "reset", "set", 0.0, 0.02) for sensor in SENSORS),
    Term("traffic_speed", "reset", "scale", 0.7, 1.3),
    Term("walking_speed", "reset", "scale", 0.7, 1.3),
    Term("parcel_mass", "reset", "scale", 0.8, 1.2),
    Term("parcel_friction", "reset", "scale", 0.8, 1.2),
    *(Term(f"center_{axis}", "load", "set", -0.02, 0.02) for axis in "xyz"),
)
