"""Which randomization mattered: cars trained under each in PyBullet, judged where none has been.

python -m experiments.bridge

Every kind of training has the same steps, settings and seeds; what differs is what is drawn of the
world. They are judged in PyBullet with parameters well outside of the nominal ones, in MuJoCo, and
in MuJoCo with delay and noise. Then `wide` is trained without each of its terms.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import tyro
from scipy import stats

from agents.bundle import load_bundle
from agents.evaluation import evaluate, side_by_side
from agents.processes import workers_for
from envs import control_rate, curve_suite, find_robot
from envs.randomization import RANDOMIZATIONS, Randomization
from envs.randomization_file import as_toml, find_randomization
from simtransfer.cli import at_least_one, deferred, guarded
from simtransfer.deployment import Deployment
from simtransfer.files import write_table, write_text
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
LEFT_OUT_OF = "wide"


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
    episodes: int = 200
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
            whole[f"{LEFT_OUT_OF} without {term.parameter}"] = (str(file), Schedule())
    return whole


def write_randomizations(study: Bridge) -> None:
    """The files that trainings draw from; one that is there already stays."""
    study.output.mkdir(parents=True, exist_ok=True)
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


def judge(study: Bridge, place: str) -> pd.DataFrame:
    """A trained policy's episodes in every world, kept beside it."""
    file = study.output / place / "judged.parquet"
    if file.exists():
        return pd.read_parquet(file)
    bundle = load_bundle(study.output / place / "bundle")
    tables = []
    for world, (engine, drawn) in WORLDS.items():
        deployed = Deployment(bundle, study.robot, randomization=drawn, simulator=engine)
        with side_by_side(deployed.make, workers_for(study.workers)) as worlds:
            played = evaluate(deployed.act, worlds, {curve_suite(study.task): study.episodes})
        tables.append(played.assign(world=world))
    table = pd.concat(tables, ignore_index=True)
    write_table(table, file)
    return table


def conduct(study: Bridge) -> pd.DataFrame:
    """Train and judge; a row a kind, seed and world: ``kind, seed, world, success``."""
    write_randomizations(study)
    planned = dict(runs(study))
    with counting("trainings", len(planned)) as done:

        def show(news: RunNews) -> None:
            if news.progress is None:
                done(news)

        execute_runs(planned, study.output, workers=study.workers, on_news=show)
    rows = []
    with counting("judged", len(planned)) as done:
        for (place, config), kind in zip(
            planned.items(), list(kinds(study)) * study.seeds, strict=True
        ):
            success = judge(study, place).groupby("world", sort=False)["success"].mean()
            rows += [
                {"kind": kind, "seed": config.seed, "world": world, "success": share}
                for world, share in success.items()
            ]
            done(place)
    return pd.DataFrame(rows)


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Interquartile mean over seeds of each kind and world, and its 95 % interval."""
    rows = []
    for (kind, world), part in table.groupby(["kind", "world"], sort=False):
        seeds = part.sort_values("seed")["success"].to_numpy()
        mean = float(interquartile_mean(seeds))
        low = high = float("nan")
        if len(seeds) > 1:
            found = stats.bootstrap(
                (seeds,),
                interquartile_mean,
                n_resamples=2000,
                method="percentile",
                random_state=np.random.default_rng(0),
            ).confidence_interval
            low, high = float(found.low), float(found.high)
        rows.append({"kind": kind, "world": world, "success": mean, "low": low, "high": high})
    return pd.DataFrame(rows)


def compare(study: Annotated[Bridge, tyro.conf.arg(name="")] = Bridge()) -> None:
    """Train under each randomization and judge in each world; goes on where it was stopped."""
    table = conduct(study)
    write_table(table, study.output / "success.parquet")
    told = summarize(table)
    told.to_csv(study.output / "success.csv", index=False, float_format="%.4f")
    output.print(told.pivot(index="kind", columns="world", values="success").to_string())


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(compare))))
