"""From a log to a randomization: replay its commands, learn, ask what its readings say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.parameters import PARAMETERS
from envs.randomization import Randomization
from envs.rig import channels
from simtransfer.identification.log import Log
from simtransfer.identification.posterior import Posterior, Replayed, learn
from simtransfer.identification.prior import Prior
from simtransfer.identification.recording import sensed
from simtransfer.identification.replay import PORTION, replaying

INNER = (0.05, 0.95)  # what is told of a distribution: its middle 90 %
NORMAL_WIDTH = 3.2897  # of the middle 90 % of a standard normal distribution
BAND = 60  # replays that are shown against readings
MOST = 10**8  # readings of all replays: some gigabytes while directions are found
LEAST, MOST_REPLAYS = 50, 10**6  # replays that anything can be learned from; weeks of them
UNTOLD = 0.8  # of the prior's width: what a log says no more about is not told by it


@dataclass(frozen=True)
class Effort:
    """How much is spent.

    Attributes:
        replays: Of the log's commands, each with parameters drawn from the prior.
        draws: Sets of parameters that are written.
        seed: Of all that is drawn.
    """

    replays: int = 2000
    draws: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what nothing can be learned from."""
        if not LEAST <= self.replays <= MOST_REPLAYS:
            raise ValueError(
                f"replays must be between {LEAST} and {MOST_REPLAYS}, got {self.replays}"
            )
        if not 1 <= self.draws <= 100_000:
            raise ValueError(f"draws must be between 1 and 100000, got {self.draws}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must not be negative nor above 4294967295, got {self.seed}")


@dataclass(frozen=True)
class Identified:
    """What a log says.

    Attributes:
        prior: What was thought before.
        normal: Samples, as normal quantiles of ranks in the prior, ``(draws, parameters)``.
        band: What would be read with some of them, ``(replays, steps, channels)``.
        log: What was read.
    """

    prior: Prior
    normal: NDArray[np.float64]
    band: NDArray[np.float64]
    log: Log

    @property
    def values(self) -> NDArray[np.float64]:
        """Samples in the parameters' units, ``(draws, parameters)``."""
        return self.prior.values(self.normal)

    @property
    def randomization(self) -> Randomization:
        """What training takes: samples drawn together, and the rest of the prior."""
        return self.prior.posterior(self.values)

    def rows(self) -> list[dict[str, Any]]:
        """Of each parameter its median and middle 90 %, before and after."""
        edge = NORMAL_WIDTH / 2.0
        ends = self.prior.values(np.outer([-edge, edge], np.ones(len(self.prior.names))))
        found = []
        for k, name in enumerate(self.prior.names):
            low, middle, high = np.quantile(self.values[:, k], (INNER[0], 0.5, INNER[1]))
            least, most = np.quantile(self.normal[:, k], INNER)
            width = float(most - least) / NORMAL_WIDTH
            found.append(
                {
                    "parameter": name,
                    "unit": PARAMETERS[name].unit,
                    "prior": [float(ends[0, k]), float(ends[1, k])],
                    "median": float(middle),
                    "interval": [float(low), float(high)],
                    "width": width,
                    "told": width < UNTOLD,
                }
            )
        return found

    def explained(self) -> dict[str, float]:
        """Of each channel, the share of readings within the middle 90 % of their replays."""
        low, high = np.quantile(self.band, INNER, axis=0)
        inside = (low <= self.log.readings) & (self.log.readings <= high)
        names = [feature.name for feature in self.log.channels]
        return dict(zip(names, inside.mean(axis=0).tolist(), strict=True))


@dataclass(frozen=True)
class Listener:
    """Who is told how far it is.

    Attributes:
        on_replay: Called after each replay.
        on_epoch: Called with each epoch of learning that is over.
    """

    on_replay: Callable[[], None] = lambda: None
    on_epoch: Callable[[int], None] = lambda epoch: None


def replay_prior(
    log: Log, prior: Prior, effort: Effort, workers: int, listener: Listener = Listener()
) -> Replayed:
    """Replays of a log's commands with parameters drawn from the prior."""
    normal = prior.draw(np.random.default_rng([effort.seed, 0]), effort.replays)
    clean = _replay(log, prior, normal, effort.seed, workers, listener)
    lengths = tuple(len(told) for told in log.commands)
    return Replayed(normal, clean, lengths, log.channels)


def _replay(
    log: Log,
    prior: Prior,
    normal: NDArray[np.float64],
    seed: int,
    workers: int,
    listener: Listener,
) -> NDArray[np.float32]:
    known = [feature.name for feature in channels(log.robot)]
    read = [known.index(feature.name) for feature in log.channels]
    sets = [dict(zip(prior.names, row, strict=True)) for row in prior.values(normal).tolist()]
    found = []
    # No more processes than have something to do.
    with replaying(log.robot, log.commands, min(workers, ceil(len(sets) / PORTION))) as play:
        for readings in play(sets, seed):
            found.append(readings[:, read])
            listener.on_replay()
    return np.asarray(found)


def identify(
    log: Log, prior: Prior, effort: Effort, workers: int, listener: Listener = Listener()
) -> Identified:
    """What a log says of a robot's parameters.

    Args:
        log: What it was told and read.
        prior: What is thought of them before.
        effort: How much is spent.
        workers: Processes that replay.
        listener: Told how far it is.

    Raises:
        ValueError: If the log is too long.
    """
    rows, width = log.readings.shape
    if effort.replays * rows * width > MOST:
        raise ValueError(
            f"{effort.replays} replays of {rows} rows are more than memory should hold; give "
            f"{MOST // (effort.replays * width)} rows at most, or ask for fewer replays"
        )
    replayed = replay_prior(log, prior, effort, workers, listener)
    posterior = learn(prior, replayed, effort.seed, listener.on_epoch)
    return conclude(log, prior, posterior, effort, workers, listener)


def conclude(
    log: Log,
    prior: Prior,
    posterior: Posterior,
    effort: Effort,
    workers: int,
    listener: Listener = Listener(),
) -> Identified:
    """What a log says, to whom has learned what its commands lead to."""
    normal = posterior.sample(log.readings, effort.draws, effort.seed)
    some = normal[:BAND]
    clean = _replay(log, prior, some, effort.seed + 1, workers, listener)
    lengths = [len(told) for told in log.commands]
    rng = np.random.default_rng([effort.seed, 1])
    band = [
        sensed(part, lengths, log.channels, dict(zip(prior.names, row, strict=True)), rng)
        for part, row in zip(clean, prior.values(some).tolist(), strict=True)
    ]
    return Identified(prior, normal, np.asarray(band), log)
