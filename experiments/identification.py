"""How often identification is right about parameters that are known, and what it costs.

python -m experiments.identification

Robots whose parameters are drawn from the prior, and hidden, carry out the same commands in
PyBullet and in MuJoCo. Identification replays them in PyBullet alone; since commands are the same,
what one log is replayed for serves all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray

from agents.processes import workers_for
from envs import find_robot
from envs.catalogue import control_rate
from envs.randomization_file import find_randomization
from experiments.identification_evolution import evolve
from simtransfer.cli import at_least_one, deferred, guarded
from simtransfer.files import claim_folder, replace_file, write_json, write_table
from simtransfer.identification.excitation import excitation
from simtransfer.identification.identified import Effort, Listener, replay_prior
from simtransfer.identification.log import Log
from simtransfer.identification.posterior import Posterior, Replayed, learn
from simtransfer.identification.prior import Prior
from simtransfer.identification.recording import record
from simtransfer.statistics import wilson_interval
from simtransfer.terminal import bar, output, progress

ENGINES = ("pybullet", "mujoco")
UNSEEN = 1_000_000  # first word of the seeds of hidden parameters, which replays have none of
WITHIN = 0.9
SAMPLES = 2000


@dataclass(frozen=True)
class Study:
    """A study of coverage.

    Attributes:
        robot: Who.
        prior: What hidden parameters are drawn from.
        replays: That the network learns from.
        trials: Robots with hidden parameters, in each engine.
        evolutions: Of them, how many are given to CMA-ES too.
        generations: Of CMA-ES.
        episodes: Of each log.
        seconds: Length of each.
        workers: Processes that replay. Default: the number of cores.
        output: Folder of the results.
    """

    robot: str = "hatchback"
    prior: str = "wide"
    replays: int = 2000
    trials: int = 200
    evolutions: int = 40
    generations: int = 40
    episodes: int = 4
    seconds: float = 7.0
    workers: int | None = None
    output: Path = Path("experiments/results/identification")

    def __post_init__(self) -> None:
        """Refuse figures that nothing can be learned from."""
        at_least_one(self, "replays", "trials", "generations", "episodes")


def logs(study: Study, prior: Prior, engine: str) -> Iterator[tuple[NDArray[np.float64], Log]]:
    """Hidden parameters, as normal quantiles of ranks, and what a robot of them read."""
    robot = find_robot(study.robot)
    told = excitation(robot, control_rate(robot.tasks[0]), study.episodes, study.seconds, seed=0)
    for trial in range(study.trials):
        seed = UNSEEN + trial
        truth = prior.draw(np.random.default_rng([seed, ENGINES.index(engine)]), 1)[0]
        values = dict(zip(prior.names, prior.values(truth[None])[0].tolist(), strict=True))
        yield truth, record(robot, told, values, seed, engine)


def replays(study: Study, prior: Prior) -> Replayed:
    """What the network learns from; kept, since it takes longest."""
    kept = study.output / "replays.npz"
    _, log = next(logs(study, prior, "pybullet"))
    lengths = tuple(len(told) for told in log.commands)
    if kept.exists():
        with np.load(kept) as arrays:
            return Replayed(arrays["normal"], arrays["clean"], lengths, log.channels)
    with progress() as display:
        line = bar(display, "replays", study.replays)
        listener = Listener(lambda: display.advance(line))
        effort = Effort(replays=study.replays)
        made = replay_prior(log, prior, effort, workers_for(study.workers), listener)

    def write(draft: Path) -> None:
        with draft.open("wb") as file:
            np.savez(file, normal=made.normal, clean=made.clean)

    replace_file(kept, write)
    return made


def judge(
    samples: NDArray[np.float64], truth: NDArray[np.float64], deeper: float
) -> list[dict[str, Any]]:
    """Of each parameter, whether its middle 90 % holds the truth, and how wide it is.

    Args:
        samples: ``(n, parameters)``, as normal quantiles of ranks in the prior.
        truth: ``(parameters,)``.
        deeper: Share of the distribution that is likelier than the truth.
    """
    low, middle, high = np.quantile(samples, (0.05, 0.5, 0.95), axis=0)
    return [
        {
            "truth": float(truth[k]),
            "median": float(middle[k]),
            "low": float(low[k]),
            "high": float(high[k]),
            "inside": bool(low[k] <= truth[k] <= high[k]),
            "jointly": deeper < WITHIN,
        }
        for k in range(len(truth))
    ]


def by_network(posterior: Posterior, log: Log, truth: NDArray[np.float64], seed: int) -> Any:
    """Of one trial, what the network says."""
    samples = posterior.sample(log.readings, SAMPLES, seed)
    density = posterior.log_density(log.readings, np.vstack([truth, samples]))
    return judge(samples, truth, float((density[1:] > density[0]).mean()))


def by_evolution(log: Log, prior: Prior, truth: NDArray[np.float64], study: Study) -> Any:
    """Of one trial, what CMA-ES says."""
    found = evolve(log, prior, study.generations, seed=1)
    rng = np.random.default_rng(0)
    samples = rng.multivariate_normal(found.mean, found.covariance, SAMPLES)
    inverse = np.linalg.inv(found.covariance)

    def far(points: NDArray[np.float64]) -> NDArray[np.float64]:
        off = points - found.mean
        square: NDArray[np.float64] = np.einsum("...i,ij,...j", off, inverse, off)
        return square

    return judge(samples, truth, float((far(samples) < far(truth)).mean()))


def conduct(study: Study) -> pd.DataFrame:
    """Every trial of every method; those that are on disk are not made again."""
    prior = Prior.of(find_randomization(study.prior))
    claim_folder(study.output)
    file = study.output / "trials.parquet"
    table = pd.read_parquet(file) if file.exists() else pd.DataFrame()
    posterior: Posterior | None = None
    for method, engine in (
        ("network", "pybullet"),
        ("network", "mujoco"),
        ("evolution", "pybullet"),
        ("evolution", "mujoco"),
    ):
        count = study.trials if method == "network" else min(study.evolutions, study.trials)
        done = set()
        if len(table):
            same = (table["method"] == method) & (table["engine"] == engine)
            done = set(table.loc[same, "trial"])
        if done >= set(range(count)):
            continue
        if method == "network" and posterior is None:
            posterior = learn(prior, replays(study, prior), seed=0)
        with progress() as display:
            line = bar(display, f"{method}, {engine}", count)
            for trial, (truth, log) in enumerate(logs(study, prior, engine)):
                if trial >= count:
                    break
                display.update(line, completed=trial)
                if trial in done:
                    continue
                began = perf_counter()
                judged = (
                    by_network(posterior, log, truth, trial)
                    if posterior is not None and method == "network"
                    else by_evolution(log, prior, truth, study)
                )
                about = {"method": method, "engine": engine, "trial": trial}
                about["seconds"] = perf_counter() - began
                rows = [
                    about | {"parameter": name} | row
                    for name, row in zip(prior.names, judged, strict=True)
                ]
                table = pd.concat([table, pd.DataFrame(rows)], ignore_index=True)
                if method == "evolution" or trial % 20 == 19 or trial == count - 1:
                    write_table(table, file)
    return table


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each method, engine and parameter, and one for all parameters."""
    rows = []
    for (method, engine), part in table.groupby(["method", "engine"], sort=False):
        groups = [*part.groupby("parameter", sort=False), ("each", part), ("jointly", part)]
        for name, group in groups:
            if name == "jointly":
                group = group.drop_duplicates("trial").assign(inside=group["jointly"])
            hits, count = int(group["inside"].sum()), len(group)
            interval = wilson_interval(hits, count)
            width = (group["high"] - group["low"]) / 3.2897
            rows.append(
                {
                    "method": method,
                    "engine": engine,
                    "parameter": name,
                    "trials": group["trial"].nunique(),
                    "coverage": hits / count,
                    "from": interval.low,
                    "to": interval.high,
                    "width": float(width.median()) if name != "jointly" else np.nan,
                    "error": float((group["median"] - group["truth"]).abs().median())
                    if name != "jointly"
                    else np.nan,
                    "seconds": float(group["seconds"].mean()),
                }
            )
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, file: Path) -> None:
    """Medians and middle 90 % against the truth, in standard deviations of the prior."""
    shown = table[table["method"] == "network"]
    names = list(dict.fromkeys(shown["parameter"]))
    engines = list(dict.fromkeys(shown["engine"]))
    size = (2.3 * len(names), 2.5 * len(engines))
    figure, axes = plt.subplots(len(engines), len(names), figsize=size, squeeze=False)
    for row, engine in zip(axes, engines, strict=True):
        for axis, name in zip(row, names, strict=True):
            part = shown[(shown["engine"] == engine) & (shown["parameter"] == name)]
            spread = [part["median"] - part["low"], part["high"] - part["median"]]
            colour = np.where(part["inside"], "C0", "C3")
            axis.errorbar(part["truth"], part["median"], spread, fmt="none", ecolor=colour, lw=0.6)
            axis.scatter(part["truth"], part["median"], s=4, c=colour)
            axis.axline((0.0, 0.0), slope=1.0, color="0.5", lw=0.8)
            axis.set_xlim(-3, 3)
            axis.set_ylim(-3.5, 3.5)
            axis.set_title(f"{name}\n{engine}", fontsize=8)
    figure.supxlabel("truth, in standard deviations of the prior")
    figure.tight_layout()
    replace_file(file, lambda draft: figure.savefig(draft, dpi=100, format="png"))
    plt.close(figure)


def study_coverage(study: Annotated[Study, tyro.conf.arg(name="")] = Study()) -> None:
    """Hide parameters, identify them, and count; go on where an earlier study stopped."""
    table = conduct(study)
    summary = summarize(table)
    summary.to_csv(study.output / "coverage.csv", index=False, float_format="%.3f")
    write_json(summary.to_dict("records"), study.output / "coverage.json")
    draw(table, study.output / "coverage.png")
    output.print(summary.to_string(index=False, float_format="{:.2f}".format), soft_wrap=True)


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(study_coverage))))
