"""What parameters readings speak of: neural posterior estimation, with estimators of `sbi`.

A network learns, from replays of a log's commands with parameters drawn from the prior, the
distribution of parameters given a summary of readings (Papamakarios & Murray 2016, Greenberg et
al. 2019). Where readings say nothing of a parameter, what it learns is the prior.

No robot moves exactly as any simulator has it. So every replay is put off by a little, by a lot or
not at all while the network learns, as are other engines; how much, it has to tell by what no
parameter explains (after Ward et al. 2022). What such an error could feign is not believed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from envs.interface import Feature
from envs.rig import SENSED
from simtransfer.identification.prior import Prior
from simtransfer.identification.recording import sensed
from simtransfer.identification.summary import Summary

COPIES = 4  # of each replay, with sensors drawn anew: what costs nothing to simulate
WIDTHS = (96, 96, 32)  # of the network that reads summaries
EXACT = 0.2  # of replays are not put off
# How far others are along all directions, were it spread over all readings, in quarters of their
# ranges; and by how many times that each reading is off besides. Logarithms are uniform.
OFF, ASIDE = (0.0009, 0.12), (0.3, 10.0)
UNEVEN = 0.8  # by whose exponential, times a normal draw, directions and channels differ in that
FINE = 0.009  # so little along a direction, spread likewise, is told well apart from nothing
DROPPED = 0.1  # of what a network makes of a summary is left out while it learns
HELD_OUT = 0.15  # of the parameters that were replayed: what tells when to stop
BATCH, RATE = 512, 2e-3
PATIENCE, LONGEST = 20, 200  # epochs without gain, and in all


@dataclass(frozen=True)
class Replayed:
    """Replays of one log's commands.

    Attributes:
        normal: Parameters as normal quantiles of ranks, ``(n, parameters)``.
        clean: What would be read but for noise, ``(n, steps, channels)``.
        lengths: Of the episodes that steps are made of.
        features: The channels.
    """

    normal: NDArray[np.float64]
    clean: NDArray[np.float32]
    lengths: tuple[int, ...]
    features: tuple[Feature, ...]


class Posterior:
    """The distribution of parameters given readings of one log's commands.

    Args:
        summary: Of readings.
        estimator: Of the density of normal quantiles, given summaries; from `sbi`.
    """

    def __init__(self, summary: Summary, estimator: Any) -> None:
        self.summary, self._estimator = summary, estimator

    def sample(self, readings: NDArray[np.floating], count: int, seed: int) -> NDArray[np.float64]:
        """Normal quantiles of parameters' ranks.

        Args:
            readings: ``(steps, channels)``.
            count: How many.
            seed: Of the draws.

        Returns:
            ``(count, parameters)``.
        """
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            drawn = self._estimator.sample((count,), condition=self._seen(readings))[:, 0]
        found: NDArray[np.float64] = drawn.double().numpy()
        return found

    def log_density(
        self, readings: NDArray[np.floating], normal: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Logarithm of the density of ``(n, parameters)`` normal quantiles, ``(n,)``."""
        points = torch.as_tensor(np.asarray(normal), dtype=torch.float32)[:, None]
        with torch.no_grad():
            found = self._estimator.log_prob(points, condition=self._seen(readings))[:, 0]
        density: NDArray[np.float64] = found.double().numpy()
        return density

    def _seen(self, readings: NDArray[np.floating]) -> Tensor:
        row = self.summary(readings)[None]
        return _presented(torch.as_tensor(row, dtype=torch.float32), self.summary)


def learn(
    prior: Prior,
    replayed: Replayed,
    seed: int,
    on_epoch: Callable[[int], None] = lambda epoch: None,
) -> Posterior:
    """Learn what readings say.

    Args:
        prior: Of the parameters.
        replayed: With parameters drawn from it.
        seed: Of the network, of noise and of what replays are put off by.
        on_epoch: Told of each epoch that is over.

    Raises:
        ValueError: If the `sbi` package is not installed.
    """
    rng = np.random.default_rng(seed)
    summary = Summary.of(replayed.clean, replayed.features)
    normal, seen = _summarized(prior, replayed, summary, rng)
    held = max(round(HELD_OUT * len(replayed.normal)), 2)
    threads = torch.get_num_threads()
    # A network this small gains nothing from more, loses tenfold where the cores are busy, and
    # comes out the same on any machine.
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            trained = slice(0, -held)
            estimator = _fit(
                _rows(normal[:, trained], seen[:, trained]),
                _rows(normal[:, -held:], seen[:, -held:]),
                summary,
                on_epoch,
            )
    finally:
        torch.set_num_threads(threads)
    return Posterior(summary, estimator)


def _summarized(
    prior: Prior, replayed: Replayed, summary: Summary, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Parameters and summaries, ``(copies, n, …)``, what concerns sensors drawn anew for each."""
    sensors = [k for k, name in enumerate(prior.names) if name in SENSED]
    normals, rows = [], []
    for _ in range(COPIES):
        normal = replayed.normal.copy()
        normal[:, sensors] = rng.normal(size=(len(normal), len(sensors)))
        told = prior.values(normal).tolist()
        for clean, row in zip(replayed.clean, told, strict=True):
            values = dict(zip(prior.names, row, strict=True))
            read = sensed(clean, replayed.lengths, replayed.features, values, rng)
            rows.append(summary(read))
        normals.append(normal)
    whole = np.asarray(normals)
    return whole, np.asarray(rows).reshape(*whole.shape[:2], -1)


def _rows(*arrays: NDArray[np.float64]) -> list[Tensor]:
    return [torch.as_tensor(a.reshape(-1, a.shape[-1]), dtype=torch.float32) for a in arrays]


def _put_off(seen: Tensor, summary: Summary) -> Tensor:
    """Summaries as they would be if the robot were not quite what the simulator has."""
    each = (len(seen), 1)
    size = _between(OFF, each) * (torch.rand(each) >= EXACT)
    uneven = torch.exp(UNEVEN * torch.randn_like(seen))
    where, rest = seen[:, : summary.components], seen[:, summary.components :]
    along = size * uneven[:, : summary.components] * torch.randn_like(where)
    aside = size * _between(ASIDE, each) * uneven[:, summary.components :]
    return torch.cat([where + summary.length * along, torch.sqrt(rest**2 + aside**2)], dim=1)


def _between(ends: tuple[float, float], shape: tuple[int, int]) -> Tensor:
    return ends[0] * (ends[1] / ends[0]) ** torch.rand(shape)


def _presented(seen: Tensor, summary: Summary) -> Tensor:
    """As a network takes it: by logarithms too, since what matters is large and small."""
    where, rest = seen[:, : summary.components], seen[:, summary.components :]
    fine = torch.asinh(where / (FINE * summary.length))
    return torch.cat([where, fine, torch.log(rest)], dim=1)


def _fit(
    trained: Sequence[Tensor],
    held: Sequence[Tensor],
    summary: Summary,
    on_epoch: Callable[[int], None],
) -> Any:
    normal, seen = trained
    presented = _presented(_put_off(seen, summary), summary)
    estimator = _estimator(normal, presented)
    optimizer = torch.optim.AdamW(estimator.parameters(), lr=RATE, weight_decay=1e-3)
    judged = [(held[0], _presented(_put_off(held[1], summary), summary)) for _ in range(2)]
    best, kept, since = np.inf, estimator.state_dict(), 0
    for epoch in range(LONGEST):
        estimator.train()
        for batch in torch.split(torch.randperm(len(normal)), BATCH):
            put_off = _presented(_put_off(seen[batch], summary), summary)
            loss = estimator.loss(normal[batch], condition=put_off).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(estimator.parameters(), 5.0)
            optimizer.step()
        estimator.eval()
        with torch.no_grad():
            now = float(np.mean([float(estimator.loss(z, condition=x).mean()) for z, x in judged]))
        on_epoch(epoch + 1)
        since += 1
        if now < best - 1e-3:
            best, since = now, 0
            kept = {name: tensor.clone() for name, tensor in estimator.state_dict().items()}
        elif since >= PATIENCE:
            break
    estimator.load_state_dict(kept)
    estimator.eval()
    return estimator


def _estimator(normal: Tensor, presented: Tensor) -> Any:
    """A normalizing flow that reads what is presented."""
    require_sbi()
    from sbi.neural_nets import posterior_nn  # which takes seconds

    layers: list[nn.Module] = []
    width = presented.shape[1]
    for hidden in WIDTHS:
        layers += [nn.Linear(width, hidden), nn.ELU(), nn.Dropout(DROPPED)]
        width = hidden
    embedding = nn.Sequential(*layers[:-2])
    build = posterior_nn("maf", embedding_net=embedding, hidden_features=48, num_transforms=4)
    return build(normal, presented)


def require_sbi() -> None:
    """Tell early of what is not installed.

    Raises:
        ValueError: If the `sbi` package is not.
    """
    if importlib.util.find_spec("sbi") is None:
        raise ValueError("identification needs 'sbi': pip install 'simtransfer[identify]'")
