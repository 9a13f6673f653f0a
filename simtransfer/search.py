"""A search for numbers: an Optuna study on disk, worked on by several processes, that goes on."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import optuna
import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import BaseTrial, FixedTrial, FrozenTrial, Trial, TrialState

from agents.processes import end_with_parent, workers_for
from simtransfer.files import claim_folder
from simtransfer.lettering import literal
from simtransfer.recorded_config import differences, said
from simtransfer.terminal import bar, progress

DONE = (TrialState.COMPLETE, TrialState.PRUNED)
ABOUT = "about"
SPREAD = 0.04  # of the ranges, in which an evolution strategy begins around the first numbers


def tree_of_parzen_estimators(seed: int, first: Mapping[str, float]) -> optuna.samplers.BaseSampler:
    """For few trials that cost much, of numbers and choices (Bergstra et al. 2011)."""
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def evolution_strategy(seed: int, first: Mapping[str, float]) -> optuna.samplers.BaseSampler:
    """For many trials that cost little, of numbers that depend on each other (CMA-ES)."""
    return optuna.samplers.CmaEsSampler(
        x0=dict(first), seed=seed, n_startup_trials=1, sigma0=SPREAD
    )


@dataclass(frozen=True)
class Search:
    """What is searched for.

    Attributes:
        name: Of the study.
        objective: What a trial is worth; more is better. Other processes import it by name.
        first: What is tried first: the numbers in use.
        label: What the worth is called in the picture.
        about: All that two trials must share to be compared, for JSON.
        sampler: Makes what chooses the next trial, given a seed and what is tried first.
    """

    name: str
    objective: Callable[[Trial], float]
    first: Mapping[str, float]
    label: str
    about: Mapping[str, Any]
    sampler: Callable[[int, Mapping[str, float]], optuna.samplers.BaseSampler] = (
        tree_of_parzen_estimators
    )


def open_study(search: Search, folder: Path, seed: int = 0) -> optuna.Study:
    """The study in a folder, or a new one that begins with the numbers in use.

    Raises:
        ValueError: If its trials cannot be compared with those of this search.
    """
    study = optuna.create_study(
        study_name=search.name,
        storage=JournalStorage(JournalFileBackend(str(folder / "study.log"))),
        direction="maximize",
        sampler=search.sampler(seed, search.first),
        pruner=optuna.pruners.PercentilePruner(50.0, n_startup_trials=8),
        load_if_exists=True,
    )
    about = json.loads(json.dumps(search.about))
    if not study.trials:
        study.set_user_attr(ABOUT, about)
        study.enqueue_trial(dict(search.first))
    # A study of before there was any has none.
    if differing := list(differences(study.user_attrs.get(ABOUT, about), about)):
        raise ValueError(
            f"{folder}: holds a search of something else: {said(differing)}; remove it, "
            "or write to another --output"
        )
    return study


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that were carried to an end or pruned."""
    return study.get_trials(deepcopy=False, states=DONE)


def work(search: Search, folder: Path, trials: int, worker: int = 0) -> None:
    """Try numbers until the study has so many trials, or whoever began it is gone."""
    end_with_parent()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    begun = len(open_study(search, folder).trials)
    study = open_study(search, folder, seed=begun + worker)
    while len(finished(study)) < trials:
        study.optimize(search.objective, n_trials=1)


def conduct(search: Search, folder: Path, trials: int, workers: int | None = None) -> optuna.Study:
    """Search on all cores; go on where an earlier search stopped; write the table and the picture.

    Args:
        search: What is searched for.
        folder: Of the study: ``study.log``, ``trials.csv``, ``settings.png``.
        trials: How many, in all.
        workers: Trials at a time. Default: the number of cores.

    Raises:
        RuntimeError: If a worker failed.
    """
    claim_folder(folder)
    study = open_study(search, folder)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=work, args=(search, folder, trials, i), daemon=True)
        for i in range(workers_for(workers))
    ]
    for process in processes:
        process.start()
    with progress() as display:
        line = bar(display, "trials", trials)
        while any(process.is_alive() for process in processes):
            best = max((t.value or 0.0 for t in finished(study)), default=0.0)
            display.update(line, completed=len(finished(study)), note=f"best {best:.3f}")
            processes[0].join(timeout=5.0)
            processes[-1].join(timeout=5.0)
    if any(process.exitcode for process in processes):
        raise RuntimeError("a worker failed; the same command goes on")
    table = study.trials_dataframe(("number", "value", "duration", "params", "state"))
    table.sort_values("value", ascending=False).to_csv(folder / "trials.csv", index=False)
    draw(search, study, folder / "settings.png")
    return study


def confirm(
    study: optuna.Study,
    objective: Callable[[BaseTrial], float],
    count: int,
    workers: int | None = None,
) -> pd.DataFrame:
    """The best trials once more, by what none of them was chosen by.

    Args:
        study: Where they are from.
        objective: What they are worth now. Other processes import it by name.
        count: How many.
        workers: Trials at a time. Default: the number of cores.

    Returns:
        A row each, the best first: ``number``, ``worth``, ``again``.
    """
    trials = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    chosen = sorted(trials, key=lambda trial: -(trial.value or 0.0))[:count]
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers_for(workers)) as pool, progress() as display:
        line = bar(display, "finalists", len(chosen))
        again = []
        for worth in pool.imap(objective, [FixedTrial(trial.params) for trial in chosen]):
            again.append(worth)
            display.update(line, completed=len(again))
    rows = [(trial.number, trial.value, worth) for trial, worth in zip(chosen, again, strict=True)]
    table = pd.DataFrame(rows, columns=["number", "worth", "again"])
    return table.sort_values("again", ascending=False, ignore_index=True)


@literal
def draw(search: Search, study: optuna.Study, file: Path) -> None:
    """Every number against what came of it; pruned trials are grey."""
    names = sorted({name for trial in study.trials for name in trial.params})
    columns = 3
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(10, 2.6 * rows), sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        for state, colour in ((TrialState.PRUNED, "0.7"), (TrialState.COMPLETE, "C0")):
            chosen = [t for t in study.trials if t.state == state and name in t.params]
            axis.scatter([t.params[name] for t in chosen], worth_of(chosen), s=14, color=colour)
        if _is_logarithmic(study, name):
            axis.set_xscale("log", subs=(2, 5))
            axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(name)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    figure.supylabel(search.label)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def worth_of(trials: list[FrozenTrial]) -> list[float]:
    """What each trial was worth as far as it got."""
    worth = []
    for trial in trials:
        steps = trial.intermediate_values
        worth.append(steps[max(steps)] if steps else float(trial.value or 0.0))
    return worth


def _is_logarithmic(study: optuna.Study, name: str) -> bool:
    """Whether a number was drawn by its logarithm, or doubles from choice to choice."""
    kinds = [t.distributions[name] for t in study.trials if name in t.distributions]
    return any(
        min(kind.choices) > 0  # type: ignore[type-var, operator]
        if isinstance(kind, optuna.distributions.CategoricalDistribution)
        else kind.log  # type: ignore[attr-defined]
        for kind in kinds
    )
