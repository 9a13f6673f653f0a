"""The other way to identify: CMA-ES for the best parameters, and an interval from the curvature.

What is minimized is how far replays are from readings, in units of the noise that is left over, and
how far parameters are from the middle of the prior. Around the minimum the posterior is taken to be
normal (Laplace), with the curvature that differences of replays tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from cmaes import CMA
from numpy.typing import NDArray

from simtransfer.identification.log import Log
from simtransfer.identification.prior import Prior
from simtransfer.identification.replay import Replay

NOISE = "observation_noise"
FIRST = 0.5  # standard deviations of the prior that the search begins with
STEP = 0.1  # of the prior's, by which curvature is found
FAR = 4.0  # of the prior's, beyond which nothing is looked for
LEAST = 1e-4  # of a quarter of a channel's range: noise at least


@dataclass(frozen=True)
class Minimum:
    """A normal distribution of normal quantiles of ranks.

    Attributes:
        mean: ``(parameters,)``.
        covariance: ``(parameters, parameters)``.
        replays: How many it took.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    replays: int


class _Fit:
    """How far replays are from a log's readings."""

    def __init__(self, log: Log, prior: Prior) -> None:
        self._replay = Replay(log.robot, log.commands)
        self._scale = np.asarray([feature.scale for feature in log.channels])
        self._read, self._prior = log.readings, prior
        self.replays = 0

    def residual(self, normal: NDArray[np.float64]) -> NDArray[np.float64]:
        """In quarters of each channel's range, ``(steps * channels,)``."""
        values = self._prior.values(normal[None])[0].tolist()
        self.replays += 1
        clean = self._replay.play(dict(zip(self._prior.names, values, strict=True)), (0,))
        residual: NDArray[np.float64] = ((self._read - clean) / self._scale).ravel()
        return residual

    def close(self) -> None:
        self._replay.close()


def evolve(log: Log, prior: Prior, generations: int, seed: int) -> Minimum:
    """What a log says, by CMA-ES.

    Args:
        log: What was told and read.
        prior: Of the parameters.
        generations: Of the search.
        seed: Of the search.
    """
    fit = _Fit(log, prior)
    try:
        return _evolve(fit, prior, generations, seed)
    finally:
        fit.close()


def _evolve(fit: _Fit, prior: Prior, generations: int, seed: int) -> Minimum:
    moving = [k for k, name in enumerate(prior.names) if name != NOISE]

    def whole(part: NDArray[np.float64]) -> NDArray[np.float64]:
        full = np.zeros(len(prior.names))
        full[moving] = part
        return full

    def cost(part: NDArray[np.float64]) -> float:
        square = float(np.square(fit.residual(whole(part))).mean()) + LEAST**2
        return 0.5 * size * math.log(square) + 0.5 * float(part @ part)

    size = len(fit.residual(whole(np.zeros(len(moving)))))
    count = len(moving)
    bounds = np.tile([-FAR, FAR], (count, 1))
    search = CMA(mean=np.zeros(count), sigma=FIRST, bounds=bounds, seed=seed)
    best, least = np.zeros(count), np.inf
    for _ in range(generations):
        asked = [search.ask() for _ in range(search.population_size)]
        told = [(part, cost(part)) for part in asked]
        search.tell(told)
        part, value = min(told, key=lambda pair: pair[1])
        if value < least:
            best, least = part, value
        if search.should_stop():
            break
    noise = float(np.sqrt(np.square(fit.residual(whole(best))).mean()))
    slopes = []
    for k in range(count):
        step = STEP * np.eye(count)[k]
        ahead, back = fit.residual(whole(best + step)), fit.residual(whole(best - step))
        slopes.append((ahead - back) / (2.0 * STEP))
    jacobian = np.asarray(slopes) / max(noise, LEAST)
    covariance = np.eye(len(prior.names))
    inner = np.linalg.inv(jacobian @ jacobian.T + np.eye(count))
    covariance[np.ix_(moving, moving)] = inner
    mean = whole(best)
    if NOISE in prior.names:
        k = prior.names.index(NOISE)
        ranks = np.linspace(-FAR, FAR, 801)
        grid = np.zeros((len(ranks), len(prior.names)))
        grid[:, k] = ranks
        levels = prior.values(grid)[:, k]
        mean[k] = np.interp(noise, levels, ranks)
        off = noise / np.sqrt(2.0 * size)
        covariance[k, k] = max(float(np.interp(noise + off, levels, ranks) - mean[k]), 1e-3) ** 2
    return Minimum(mean, covariance, fit.replays)
