"""Numbers as a reader wants them: few digits, a unit, and a dash where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable

from simtransfer.statistics import Interval

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"


def fixed(value: float, digits: int = 2) -> str:
    """A number with so many decimals."""
    # Adding zero turns the minus zero that rounding leaves into zero.
    return NOTHING if math.isnan(value) else _minus(f"{round(value, digits) + 0.0:.{digits}f}")


def signed(value: float, digits: int = 2) -> str:
    """A difference: with its sign, and none for zero."""
    if math.isnan(value):
        return NOTHING
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0.0 else _minus(text)


def percent(value: float) -> str:
    """A share in percent."""
    return NOTHING if math.isnan(value) else _minus(f"{100.0 * value:.0f} %")


def signed_percent(value: float) -> str:
    """A relative difference in percent."""
    return NOTHING if math.isnan(value) else f"{signed(100.0 * value, 0)} %"


def ratio(value: float) -> str:
    """A factor; two decimals below one, where one would hide what matters."""
    if math.isnan(value):
        return NOTHING
    return f"{value:.2f}×" if value < 0.995 else f"{value:.1f}×"


def steps(value: float) -> str:
    """Environment steps: 950, 20k, 1.25M."""
    if math.isnan(value):
        return NOTHING
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"


def hours(value: float) -> str:
    """A duration that is given in hours, in minutes or seconds where it is short."""
    if math.isnan(value):
        return NOTHING
    if value >= 1.0:
        return f"{value:.1f} h"
    return f"{60.0 * value:.0f} min" if value >= 1.0 / 60.0 else f"{3600.0 * value:.0f} s"


def span(interval: Interval, one: Callable[[float], str]) -> str:
    """Both ends of an interval, each written by `one`; empty if there is no interval.

    Args:
        interval: The interval.
        one: A function of this module that writes one number.
    """
    if math.isnan(interval.low) or math.isnan(interval.high):
        return ""
    low, high = one(interval.low), one(interval.high)
    # A dash between two numbers with signs cannot be read.
    return (
        f"{low} to {high}" if low[0] in MINUS + "+" or high[0] in MINUS + "+" else f"{low}–{high}"
    )


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
