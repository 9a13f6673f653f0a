"""Which randomization mattered: cars trained under each in PyBullet, judged where none has been.

python -m experiments.bridge

Every kind of training has the same steps, settings and seeds; what differs is what is drawn of the
world. They are judged in PyBullet with parameters well outside of the nominal ones, in MuJoCo, and
in MuJoCo with delay and noise. Then `wide` is trained without each of its terms.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray
from scipy import stats

from agents.arena import Arena
from agents.evaluation import evaluate
from agents.processes import workers_for
from envs import control_rate, curve_suite, find_robot, make_environment
from envs.randomization import RANDOMIZATIONS, Randomization
from envs.randomization_file import as_toml, find_randomization
from simtransfer.cli import at_least_one, deferred, guarded
from simtransfer.deployment import Deployment
from simtransfer.files import claim_folder, replace_file, write_table, write_text
from simtransfer.identification.excitation import excitation
from simtransfer.identification.identified import Effort, identify
from simtransfer.identification.prior import Prior
from simtransfer.identification.recording import hidden, record
from simtransfer.pool import RunNews, execute_runs
from simtransfer.run_config import RunConfig
from simtransfer.schedule import Schedule
from simtransfer.statistics import interquartile_mean
from simtransfer.terminal import counting, output

DRAWN = Path(__file__).parent / "randomizations"
WORLDS = {  # engine and what is drawn
    "PyBullet, outside": ("pybullet", str(DRAWN / "outside.toml")),
    "MuJoCo": ("mujoco", "none"),
    "MuJoCo, late and noisy": ("mujoco", str(DRAWN / "late.toml")),
}
JUDGED = "judged.parquet"  # beside each policy
LEFT_OUT_OF = "wide"
WITHOUT = f"{LEFT_OUT_OF} without "


@dataclass(frozen=True)
class Bridge:
    """What is compared.

    Attributes:
        task: What is learned.
        robot: By whom.
        seeds: How many; the same ones for all.
        steps: Environment steps of each training.
        interval: Steps between evaluations.
        episodes: That each policy is judged on in each world, the same ones.
        terms: Whether `wide` is trained without each of its terms, too.
        workers: Processes at a time. Default: the number of cores.
        output: Folder of runs and results.
    """

    task: str = "driving"
    robot: str = "hatchback"
    seeds: int = 5
    steps: int = 204_800
    interval: int = 51_200
    episodes: int = 60
    terms: bool = True
    workers: int | None = None
    output: Path = Path("runs/bridge")

    def __post_init__(self) -> None:
        """Refuse a study of nothing."""
        at_least_one(self, "seeds", "steps", "interval", "episodes")


def kinds(study: Bridge) -> dict[str, tuple[str, Schedule]]:
    """What each kind of training draws, and how much of it when."""
    whole = {name: (name, Schedule()) for name in ("none", "nominal", "wide", "full")}
    whole["automatic"] = ("full", Schedule("automatic"))
    whole["identified"] = (str(study.output / "identified.toml"), Schedule())
    if study.terms:
        for term in RANDOMIZATIONS[LEFT_OUT_OF]:
            file = study.output / f"without-{term.parameter}.toml"
            whole[WITHOUT + term.parameter] = (str(file), Schedule())
    return whole


def write_randomizations(study: Bridge) -> None:
    """The files that trainings draw from; one that is there already stays."""
    claim_folder(study.output)
    wide = RANDOMIZATIONS[LEFT_OUT_OF]
    for left_out in wide:
        rest = [term for term in wide if term != left_out]
        said = f"`{LEFT_OUT_OF}` without {left_out.parameter}."
        write_text(as_toml(rest, said), study.output / f"without-{left_out.parameter}.toml")
    file = study.output / "identified.toml"
    if not file.exists():
        write_text(as_toml(find(study), "Identified from a log of the target."), file)


def find(study: Bridge) -> Randomization:
    """What a log of the last of the worlds says of the robot there."""
    robot = find_robot(study.robot)
    engine, drawn = list(WORLDS.values())[-1]
    told = excitation(robot, control_rate(study.task), 4, 7.0, seed=0)
    log = record(robot, told, hidden(find_randomization(drawn), 0), 0, engine)
    prior = Prior.of(RANDOMIZATIONS[LEFT_OUT_OF])
    with output.status("identifying the target from its log"):
        return identify(log, prior, Effort(), workers_for(study.workers)).randomization


def runs(study: Bridge) -> Iterator[tuple[str, RunConfig]]:
    """Every training's place and configuration; seeds first, so that what is there is paired."""
    for seed in range(study.seeds):
        for kind, (drawn, schedule) in kinds(study).items():
            yield (
                f"{kind.replace(' ', '-')}/seed-{seed}",
                RunConfig(
                    task=study.task,
                    robot=study.robot,
                    method="scratch",
                    seed=seed,
                    steps=study.steps,
                    interval=study.interval,
                    episodes=20,
                    final_episodes=20,
                    randomization=drawn,
                    schedule=schedule,
                ),
            )


def judge(study: Bridge, places: Iterable[str]) -> None:
    """Play trained policies' episodes in every world, and keep them beside each; once."""
    folders = [study.output / place for place in places]
    waiting = [folder for folder in folders if not (folder / JUDGED).exists()]
    if not waiting:
        return
    make = partial(make_environment, study.task, study.robot)
    episodes = {curve_suite(study.task): study.episodes}
    with ExitStack() as opened:
        judged_in = {
            world: opened.enter_context(
                Arena(
                    partial(make, randomization=drawn, simulator=engine),
                    workers_for(study.workers),
                )
            )
            for world, (engine, drawn) in WORLDS.items()
        }
        done = opened.enter_context(counting("judged", len(waiting)))
        for folder in waiting:
            act = Deployment(folder / "bundle", study.robot).act
            tables = [
                evaluate(act, worlds, episodes).assign(world=world)
                for world, worlds in judged_in.items()
            ]
            write_table(pd.concat(tables, ignore_index=True), folder / JUDGED)
            done(folder)


def conduct(study: Bridge) -> pd.DataFrame:
    """Train and judge; a row a kind, seed and world: ``kind, seed, world, success``."""
    write_randomizations(study)
    planned = dict(runs(study))
    with counting("trainings", len(planned)) as done:

        def show(news: RunNews) -> None:
            if news.progress is None:
                done(news)

        execute_runs(planned, study.output, workers=study.workers, on_news=show)
    judge(study, planned)
    rows = []
    for (place, config), kind in zip(
        planned.items(), list(kinds(study)) * study.seeds, strict=True
    ):
        played = pd.read_parquet(study.output / place / JUDGED)
        rows += [
            {"kind": kind, "seed": config.seed, "world": world, "success": share}
            for world, share in played.groupby("world", sort=False)["success"].mean().items()
        ]
    return pd.DataFrame(rows)


def interval_of(seeds: NDArray[np.float64]) -> tuple[float, float, float]:
    """Interquartile mean over seeds and its bootstrap interval of 95 %; NaN with one seed."""
    mean = float(interquartile_mean(seeds))
    if len(seeds) < 2:
        return mean, float("nan"), float("nan")
    found = stats.bootstrap(
        (seeds,),
        interquartile_mean,
        n_resamples=2000,
        method="percentile",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    return mean, float(found.low), float(found.high)


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Success of each kind in each world: ``kind, world, success, low, high``."""
    rows = [
        (kind, world, *interval_of(part["success"].to_numpy()))
        for (kind, world), part in table.groupby(["kind", "world"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["kind", "world", "success", "low", "high"])


def gains(table: pd.DataFrame) -> pd.DataFrame:
    """How much more succeeds than with `wide`, seed by seed: ``kind, world, gain, low, high``."""
    by_kind = table.pivot(index=["world", "seed"], columns="kind", values="success")
    rows = [
        (kind, world, *interval_of((by_kind[kind] - by_kind[LEFT_OUT_OF])[world].to_numpy()))
        for kind in table["kind"].unique()
        if kind != LEFT_OUT_OF
        for world in WORLDS
    ]
    return pd.DataFrame(rows, columns=["kind", "world", "gain", "low", "high"])


def rank(gained: pd.DataFrame) -> pd.DataFrame:
    """What each term of `wide` was worth: what is lost without it.

    Returns:
        ``term, world, worth, low, high``, worth most first by its mean over worlds.
    """
    own = gained[gained["kind"].str.startswith(WITHOUT)]
    ranked = pd.DataFrame(
        {
            "term": own["kind"].str.removeprefix(WITHOUT),
            "world": own["world"],
            "worth": -own["gain"],
            "low": -own["high"],
            "high": -own["low"],
        }
    )
    mean = ranked.groupby("term")["worth"].transform("mean")
    order = np.argsort(-mean.to_numpy(), kind="stable")
    return ranked.iloc[order].reset_index(drop=True)


def written(told: pd.DataFrame, of: str, what: str) -> str:
    """A table as text: a row for each of ``of``, a column a world, intervals in brackets."""
    cells = told.assign(
        cell=[
            f"{mean:.2f}" + ("" if np.isnan(low) else f" ({low:.2f} to {high:.2f})")
            for mean, low, high in zip(told[what], told["low"], told["high"], strict=True)
        ]
    )
    order = list(dict.fromkeys(told[of]))
    table = cells.pivot(index=of, columns="world", values="cell").loc[order, list(WORLDS)]
    return str(table.to_string())


def draw(told: pd.DataFrame, ranked: pd.DataFrame, file: Path) -> None:
    """Success by kind, and what each term was worth; a colour a world."""
    panels = [(told[~told["kind"].str.startswith(WITHOUT)], "kind", "success")]
    if len(ranked):
        panels.append((ranked, "term", "worth"))
    figure, axes = plt.subplots(
        1, len(panels), figsize=(6 * len(panels), 4.5), squeeze=False, layout="constrained"
    )
    for axis, (rows, of, what) in zip(axes[0], panels, strict=True):
        names = list(dict.fromkeys(rows[of]))
        for k, world in enumerate(WORLDS):
            own = rows[rows["world"] == world]
            heights = [names.index(name) + 0.2 * (k - 1) for name in own[of]]
            axis.hlines(heights, own["low"], own["high"], color=f"C{k}", linewidth=2)
            axis.plot(own[what], heights, "o", color=f"C{k}", label=world)
        axis.set_yticks(range(len(names)), names)
        axis.invert_yaxis()
        axis.grid(axis="x", alpha=0.3)
    axes[0, 0].set_xlabel("success, interquartile mean over seeds")
    axes[0, 0].set_title("Trained in PyBullet, drawing")
    axes[0, 0].legend(title="judged in", loc="lower left")
    if len(ranked):
        axes[0, 1].axvline(0.0, color="0.5", linewidth=1)
        axes[0, 1].set_xlabel("success lost without it")
        axes[0, 1].set_title(f"Worth of each term of {LEFT_OUT_OF}")
    replace_file(file, lambda draft: figure.savefig(draft, dpi=110, format="png"))
    plt.close(figure)


def compare(study: Annotated[Bridge, tyro.conf.arg(name="")] = Bridge()) -> None:
    """Train under each randomization and judge in each world; goes on where it was stopped."""
    table = conduct(study)
    write_table(table, study.output / "success.parquet")
    told = summarize(table)
    gained = gains(table)
    ranked = rank(gained)
    others = gained[~gained["kind"].str.startswith(WITHOUT)]
    text = written(told, "kind", "success")
    text += f"\n\nMore success than with {LEFT_OUT_OF}\n\n" + written(others, "kind", "gain")
    if study.terms:
        text += f"\n\nSuccess lost without a term of {LEFT_OUT_OF}\n\n" + written(
            ranked, "term", "worth"
        )
    write_text(text + "\n", study.output / "table.txt")
    draw(told, ranked, study.output / "success.png")
    output.print(text, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(compare))))
