"""The times of a log's rows: checked against the control rate, and put on control steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

OFF_RATE = 0.01  # of the control period that the median step between rows may differ by
JITTER = 0.25  # of the control period that a single step may be shorter or longer
ALIGNED = (
    0.01  # of the control period that rows may be off their control steps and are not resampled
)
COARSE = 0.1  # of the rows have the time of the row before: that is a matter of how time is stored
UNITS = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}


def check_times(time: Array, rate: float) -> None:
    """Check that an episode's rows are a control step apart.

    Args:
        time: Time of each row, s; at least two rows.
        rate: The robot's control rate, Hz.

    Raises:
        ValueError: If they are not, with what was measured and what to do.
    """
    steps = np.diff(time)
    expected = f"the robot's control rate is {rate:g} Hz, a row every {1.0 / rate:g} s"
    if (steps == 0.0).mean() > COARSE:
        raise ValueError(
            f"time: {100.0 * (steps == 0.0).mean():.0f} % of rows have the time of the row before; "
            f"it seems to be stored too coarsely (whole seconds, single precision); {expected}"
        )
    for wrong, what in (
        (steps < 0.0, "goes back by {:g} s from row {} to {}; sort the rows by time"),
        (steps == 0.0, "is {:g} s between rows {} and {}; keep one of them"),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError("time: " + what.format(abs(steps[row]), row, row + 1))
    median = float(np.median(steps))
    for unit, factor in UNITS.items():
        if abs(median * rate / factor - 1.0) <= JITTER:
            raise ValueError(
                f"time: rows are {median:g} s apart; is it in {unit}? divide it by {factor:g}"
            )
    off = np.abs(steps * rate - 1.0)
    measured = (
        f"rows come at {1.0 / median:.4g} Hz (median step {median:.4g} s, "
        f"from {steps.min():.4g} to {steps.max():.4g} s)"
    )
    if abs(median * rate - 1.0) > OFF_RATE:
        raise ValueError(
            f"time: {measured}, but {expected}, and {100.0 * OFF_RATE:g} % of difference is "
            "allowed; record at the control rate, or resample the log to it"
        )
    if off.max() > JITTER:
        row = int((off > JITTER).argmax())
        raise ValueError(
            f"time: {steps[row]:.4g} s lie between rows {row} and {row + 1}, but {expected}, and "
            f"{100.0 * JITTER:g} % of jitter is allowed; resample the log, or begin an episode "
            "after a gap, where the robot stands still"
        )


def resampled(time: Array, rate: float, commands: Array, readings: Array) -> tuple[Array, Array]:
    """Rows as they would be at exact control steps, which a replay has.

    Readings are interpolated linearly. A command is the one that holds for most of the control
    step. Rows that are at their control steps already are returned as they are.

    Args:
        time: Time of each row, s, increasing.
        rate: The robot's control rate, Hz.
        commands: ``(rows, actuators)``.
        readings: ``(rows, channels)``.

    Returns:
        Commands and readings, a row for each control step from the first row to the last.
    """
    elapsed = (time - time[0]) * rate  # control steps
    if np.abs(elapsed - np.arange(len(time))).max() <= ALIGNED:
        return commands, readings
    steps = np.arange(int(elapsed[-1] + ALIGNED) + 1)
    held = np.searchsorted(elapsed, steps + 0.5, side="right") - 1
    columns = [np.interp(steps, elapsed, column) for column in readings.T]
    return commands[held], np.stack(columns, axis=1)
