"""Hyperparameters for learning to drive from scratch: the search behind `PPOSettings`.

python -m experiments.driving_tuning --trials 40

What is searched for is the baseline's good: the area under the success curve of training from
scratch, over all three students. Transfer takes what is found. The seeds are not those of any
comparison. The study goes on when the same command is given again.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import optuna
import pandas as pd
import tyro
from matplotlib.ticker import LogLocator, NullFormatter
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from agents.settings import PPOSettings
from simtransfer.cli import deferred, guarded
from simtransfer.run import Run
from simtransfer.run_config import RunConfig
from simtransfer.terminal import bar, progress

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


def open_study(tuning: Tuning, seed: int | None = None) -> optuna.Study:
    """The study in the folder, or a new one that begins with the settings in use."""
    study = optuna.create_study(
        study_name="driving_scratch",
        storage=JournalStorage(JournalFileBackend(str(tuning.output / "study.log"))),
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
        pruner=optuna.pruners.PercentilePruner(50.0, n_startup_trials=8),
        load_if_exists=True,
    )
    if not study.trials:
        now = PPOSettings()
        study.enqueue_trial(
            {
                "learning_rate": now.learning_rate,
                "rollout": now.rollout,
                "batch": now.batch,
                "epochs": now.epochs,
                "one_minus_discount": 1.0 - now.discount,
                "trace": now.trace,
                "clip": now.clip,
                "divergence": now.divergence,
                "exploration": now.exploration,
            }
        )
    return study


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that were carried to an end or pruned."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def work(tuning: Tuning, worker: int) -> None:
    """Try settings until the study has enough trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(tuning, seed=len(open_study(tuning).trials) + worker)

    def objective(trial: Trial) -> float:
        settings, total = suggest(trial), 0.0
        for k, robot in enumerate(STUDENTS):
            total += area(tuning, settings, robot, SEED + k)
            trial.report(total / (k + 1), k)
            if k < len(STUDENTS) - 1 and trial.should_prune():
                raise optuna.TrialPruned
        return total / len(STUDENTS)

    while len(finished(study)) < tuning.trials:
        study.optimize(objective, n_trials=1)


def draw(study: optuna.Study, file: Path) -> None:
    """Every setting against what came of it; pruned trials are grey."""
    names = sorted({name for trial in study.trials for name in trial.params})
    columns = 3
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(10, 2.6 * rows), sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        for state, colour in ((TrialState.PRUNED, "0.7"), (TrialState.COMPLETE, "C0")):
            chosen = [t for t in study.trials if t.state == state and t.intermediate_values]
            values = [t.intermediate_values[max(t.intermediate_values)] for t in chosen]
            axis.scatter([t.params[name] for t in chosen], values, s=14, color=colour)
        if name in ("learning_rate", "one_minus_discount", "divergence", "rollout", "batch"):
            axis.set_xscale("log", subs=(2, 5))
            axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(name)
        axis.grid(alpha=0.3)
    figure.supylabel("area under the success curve")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def tune(tuning: Annotated[Tuning, tyro.conf.arg(name="")] = Tuning()) -> None:
    """Search; go on where an earlier search stopped; write the table and the picture."""
    tuning.output.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    count = tuning.workers or os.cpu_count() or 1
    workers = [context.Process(target=work, args=(tuning, i), daemon=True) for i in range(count)]
    study = open_study(tuning)
    for worker in workers:
        worker.start()
    with progress() as display:
        line = bar(display, "trials", tuning.trials)
        while any(worker.is_alive() for worker in workers):
            best = max((t.value or 0.0 for t in finished(study)), default=0.0)
            display.update(line, completed=len(finished(study)), note=f"best {best:.3f}")
            workers[0].join(timeout=5.0)
            workers[-1].join(timeout=5.0)
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a worker failed; the same command goes on")
    table = study.trials_dataframe(("number", "value", "duration", "params", "state"))
    table.sort_values("value", ascending=False).to_csv(tuning.output / "trials.csv", index=False)
    draw(study, tuning.output / "settings.png")
    print(study.best_trial.value, study.best_params)


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(tune))))
