"""The search for a world's `PPOSettings`: what makes training from scratch learn fastest.

What is searched for is the baseline's good: the area under the success curve of training from
scratch, over all students. Transfer takes what is found. The seeds are not those of any comparison.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Annotated, Protocol

import optuna
import pandas as pd
import tyro
from optuna.trial import BaseTrial

from agents.bundle import Network
from agents.settings import PPOSettings, settle
from envs.catalogue import curve_suite
from simtransfer.cli import at_least_one, deferred, guarded
from simtransfer.run import Run
from simtransfer.run_config import RunConfig
from simtransfer.search import Search, conduct, confirm

SEED = 1000  # comparisons count from 0
APART = 100  # the seeds of finalists
REST = "one_minus_"  # of what lies so near one that its distance from there is what matters


class Range(Protocol):
    """What a setting may be."""

    def suggest(self, trial: BaseTrial, name: str) -> float:
        """One of it."""


@dataclass(frozen=True)
class Between:
    """A number; whole if its ends are.

    Attributes:
        low: The least.
        high: The most.
        log: Whether factors count instead of differences.
    """

    low: float
    high: float
    log: bool = False

    def suggest(self, trial: BaseTrial, name: str) -> float:
        """See `Range.suggest`."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class OneOf:
    """A choice.

    Attributes:
        values: What there is to choose from.
    """

    values: tuple[float, ...]

    def suggest(self, trial: BaseTrial, name: str) -> float:
        """See `Range.suggest`."""
        chosen = trial.suggest_categorical(name, self.values)
        assert isinstance(chosen, int | float)
        return chosen


@dataclass(frozen=True)
class Scratch:
    """What is searched.

    Attributes:
        task: The world.
        students: Robots, the slowest learner first, so that pruning is early.
        ranges: Of each setting by name; ``one_minus_x`` for an x near one. The others stay.
        network: Shape of the networks.
        randomization: Of training and of evaluation.
    """

    task: str
    students: Sequence[str]
    ranges: Mapping[str, Range]
    network: Network = Network()
    randomization: str = "nominal"


@dataclass(frozen=True)
class Tuning:
    """A search.

    Attributes:
        output: Folder of the study.
        trials: How many settings are tried, in all.
        steps: Environment steps of each run.
        interval: Steps between evaluations.
        episodes: Episodes of each evaluation.
        finalists: How many of the best are tried once more: what a single run is worth is chance.
        final_seeds: With how many other seeds.
        workers: Trials at a time. Default: the number of cores.
    """

    output: Path
    trials: int = 40
    steps: int = 65_536
    interval: int = 8_192
    episodes: int = 40
    finalists: int = 4
    final_seeds: int = 2
    workers: int | None = None

    def __post_init__(self) -> None:
        """Refuse figures that nothing can be searched with."""
        at_least_one(self, "trials", "steps", "interval", "episodes", "finalists", "final_seeds")


def suggest(scratch: Scratch, trial: BaseTrial) -> PPOSettings:
    """Settings to try."""
    drawn = {name: each.suggest(trial, name) for name, each in scratch.ranges.items()}
    changes = {
        name.removeprefix(REST): 1.0 - value if name.startswith(REST) else value
        for name, value in drawn.items()
    }
    return replace(settle(scratch.task, {}), **changes)  # type: ignore[arg-type]


def area(scratch: Scratch, tuning: Tuning, settings: PPOSettings, robot: str, seed: int) -> float:
    """Mean success from the first step to the last of one run from scratch."""
    config = RunConfig(
        task=scratch.task,
        robot=robot,
        seed=seed,
        steps=tuning.steps,
        interval=tuning.interval,
        episodes=tuning.episodes,
        final_episodes=1,
        randomization=scratch.randomization,
        evaluation=scratch.randomization,
        network=scratch.network,
        ppo=settings,
    )
    with tempfile.TemporaryDirectory() as folder:
        Run(config, Path(folder)).execute()
        curve = pd.read_parquet(Path(folder) / "curve.parquet")
    suite = curve_suite(scratch.task)
    success = curve.loc[curve["suite"] == suite, "success_rate"].to_numpy()
    return float(0.5 * (success[1:] + success[:-1]).mean())


def mean_area(scratch: Scratch, tuning: Tuning, seeds: range, trial: BaseTrial) -> float:
    """Over all students and seeds, unless the first ones say that it is not worth going on."""
    settings, areas = suggest(scratch, trial), list[float]()
    runs = [(robot, seed + k) for seed in seeds for k, robot in enumerate(scratch.students)]
    for robot, seed in runs:
        areas.append(area(scratch, tuning, settings, robot, seed))
        trial.report(fmean(areas), len(areas) - 1)
        if len(areas) < len(runs) and trial.should_prune():
            raise optuna.TrialPruned
    return fmean(areas)


def search_of(scratch: Scratch, tuning: Tuning) -> Search:
    """The search, which begins with the settings in use."""
    now = settle(scratch.task, {})
    first = {
        name: 1.0 - getattr(now, name.removeprefix(REST))
        if name.startswith(REST)
        else getattr(now, name)
        for name in scratch.ranges
    }
    return Search(
        f"{scratch.task}_scratch",
        partial(mean_area, scratch, tuning, range(SEED, SEED + 1)),
        first,
        "area under the success curve",
        asdict(scratch)
        | {name: getattr(tuning, name) for name in ("steps", "interval", "episodes")}
        | {"decay": now.decay},
    )


def launch_search(scratch: Scratch, defaults: Tuning) -> int:
    """Run the script of a search."""

    def tune(tuning: Annotated[Tuning, tyro.conf.arg(name="")] = defaults) -> None:
        """Search; go on where an earlier search stopped; write the table and the picture."""
        study = conduct(search_of(scratch, tuning), tuning.output, tuning.trials, tuning.workers)
        unseen = range(SEED + APART, SEED + APART * (1 + tuning.final_seeds), APART)
        objective = partial(mean_area, scratch, tuning, unseen)
        table = confirm(study, objective, tuning.finalists, tuning.workers)
        table.to_csv(tuning.output / "finalists.csv", index=False)
        print(table.to_string(index=False))
        print(study.trials[int(table["number"][0])].params)

    return guarded(lambda: tyro.cli(deferred(tune)))
