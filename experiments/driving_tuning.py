"""Hyperparameters for learning to drive from scratch: the search behind `PPOSettings`.

python -m experiments.driving_tuning --trials 40

What is searched for is the baseline's good: the area under the success curve of training from
scratch, over all three students. Transfer takes what is found. The seeds are not those of any
comparison. The study goes on when the same command is given again.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import optuna
import pandas as pd
import tyro
from optuna.trial import Trial

from agents.settings import PPOSettings
from simtransfer.cli import deferred, guarded
from simtransfer.run import Run
from simtransfer.run_config import RunConfig
from simtransfer.search import Search, conduct

STUDENTS = ("van", "trike", "skid_steer")  # the slowest learner first, so that pruning is early
SEED = 1000  # comparisons count from 0


@dataclass(frozen=True)
class Tuning:
    """A search.

    Attributes:
        trials: How many settings are tried, in all.
        steps: Environment steps of each run.
        interval: Steps between evaluations.
        episodes: Episodes of each evaluation.
        workers: Trials at a time. Default: the number of cores.
        output: Folder of the study.
    """

    trials: int = 40
    steps: int = 65_536
    interval: int = 8_192
    episodes: int = 40
    workers: int | None = None
    output: Path = Path("experiments/results/driving_tuning")


def suggest(trial: Trial) -> PPOSettings:
    """Settings to try."""
    return PPOSettings(
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 3e-3, log=True),
        rollout=trial.suggest_categorical("rollout", [64, 128, 256, 512]),
        batch=trial.suggest_categorical("batch", [128, 256, 512, 1024]),
        epochs=trial.suggest_int("epochs", 4, 16),
        discount=1.0 - trial.suggest_float("one_minus_discount", 0.005, 0.05, log=True),
        trace=trial.suggest_float("trace", 0.85, 0.98),
        clip=trial.suggest_float("clip", 0.1, 0.3),
        divergence=trial.suggest_float("divergence", 0.01, 0.1, log=True),
        exploration=trial.suggest_float("exploration", 0.2, 0.8),
    )


def area(tuning: Tuning, settings: PPOSettings, robot: str, seed: int) -> float:
    """Mean success from the first step to the last of one run from scratch."""
    config = RunConfig(
        robot=robot,
        seed=seed,
        steps=tuning.steps,
        interval=tuning.interval,
        episodes=tuning.episodes,
        final_episodes=1,
        ppo=settings,
    )
    with tempfile.TemporaryDirectory() as folder:
        Run(config, Path(folder)).execute()
        curve = pd.read_parquet(Path(folder) / "curve.parquet")
    success = curve.loc[curve["suite"] == "mixed", "success_rate"].to_numpy()
    return float(0.5 * (success[1:] + success[:-1]).mean())


def mean_area(tuning: Tuning, trial: Trial) -> float:
    """Over all students, unless the first ones say that it is not worth going on."""
    settings, total = suggest(trial), 0.0
    for k, robot in enumerate(STUDENTS):
        total += area(tuning, settings, robot, SEED + k)
        trial.report(total / (k + 1), k)
        if k < len(STUDENTS) - 1 and trial.should_prune():
            raise optuna.TrialPruned
    return total / len(STUDENTS)


def search_of(tuning: Tuning) -> Search:
    """The search, which begins with the settings in use."""
    now = PPOSettings()
    names = ("learning_rate", "rollout", "batch", "epochs", "trace", "clip", "divergence")
    first = {name: getattr(now, name) for name in (*names, "exploration")}
    return Search(
        "driving_scratch",
        partial(mean_area, tuning),
        first | {"one_minus_discount": 1.0 - now.discount},
        "area under the success curve",
    )


def tune(tuning: Annotated[Tuning, tyro.conf.arg(name="")] = Tuning()) -> None:
    """Search; go on where an earlier search stopped; write the table and the picture."""
    study = conduct(search_of(tuning), tuning.output, tuning.trials, tuning.workers)
    print(study.best_trial.value, study.best_params)


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(tune))))
