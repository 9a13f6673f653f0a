"""What is read off a learning curve: its final level, time to a threshold, slope.

Every function takes any number of curves at once, shape (..., T), so that a bootstrap's resamples
are one call.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

THRESHOLD_SHARE = 0.9
FINAL_EVALUATIONS = 3
# Means of equal numbers in another order differ in the last bits; no success rate is that fine.
ROUNDING = 1e-9

Array = NDArray[np.float64]


def final_level(success: Array) -> Array:
    """Mean of the last three evaluations; success has shape (..., T), the result (...)."""
    return np.asarray(success[..., -FINAL_EVALUATIONS:].mean(axis=-1))


def success_threshold(baseline_curve: Array) -> Array:
    """90 % of the final level of a baseline's curve (..., T); NaN where it ended at zero."""
    level = final_level(baseline_curve)
    return np.where(level > 0.0, THRESHOLD_SHARE * level, np.nan)


def first_at_threshold(success: Array, threshold: Array) -> tuple[NDArray[np.int64], Array]:
    """The first evaluation at which smoothed curves are at their threshold.

    Args:
        success: Success rates, shape (..., T).
        threshold: One for each curve, shape (...).

    Returns:
        The index of that evaluation, T - 1 if there is none, and whether there is one as 1.0 or
        0.0; NaN where the threshold is. Both have shape (...).
    """
    padded = np.pad(success, [(0, 0)] * (success.ndim - 1) + [(1, 1)], constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=-1)
    at_threshold = np.nanmean(windows, axis=-1) >= threshold[..., None] - ROUNDING
    reached = at_threshold.any(axis=-1)
    index = np.where(reached, at_threshold.argmax(axis=-1), success.shape[-1] - 1)
    return index, np.where(np.isnan(threshold), np.nan, reached.astype(np.float64))


def learning_slope(steps: NDArray[np.int64], success: Array, last: NDArray[np.int64]) -> Array:
    """Least-squares slope, per 100 000 steps, of curves from their first evaluation to `last`.

    Args:
        steps: Evaluation steps, shape (T,).
        success: Success rates, shape (..., T).
        last: Index of the last evaluation that counts, shape (...); the second one at least.
    """
    if len(steps) < 2:
        return np.full(success.shape[:-1], np.nan)
    counts = np.arange(len(steps)) <= np.maximum(last, 1)[..., None]
    x = np.broadcast_to(steps / 100_000.0, success.shape)
    x_centred = x - x.mean(axis=-1, where=counts, keepdims=True)
    products = (x_centred * success).sum(axis=-1, where=counts)
    return np.asarray(products / (x_centred**2).sum(axis=-1, where=counts))


def improvement_table(method: Array, baseline: Array) -> Array:
    """1 where a method's final level is above a baseline's, 0.5 for a tie; (S,), (S,) -> (S, S)."""
    difference = np.round((method[:, None] - baseline[None, :]) / ROUNDING)
    return np.asarray((np.sign(difference) + 1.0) / 2.0)
