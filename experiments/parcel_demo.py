"""Four minutes of parcels: the shipped policy in four bodies, and one short transfer.

python -m experiments.parcel_demo
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from agents.arena import Arena
from agents.evaluation import evaluate, summarize
from agents.processes import workers_for
from envs import control_rate
from experiments.demo_findings import findings
from simtransfer.cli import deferred, guarded
from simtransfer.commands.compare import CompareOptions, compare
from simtransfer.deployment import Deployment
from simtransfer.experiment import ExperimentConfig
from simtransfer.results_table import results_table
from simtransfer.terminal import counting, output, working
from simtransfer.video import race, write_video

SUITE = "mixed"
TEACHER = "porter-parcel-detuned"
POLICIES = tuple((robot, TEACHER) for robot in ("porter", "courier", "strider", "pocket"))
EXPERIMENT = ExperimentConfig(
    name="parcel_demo",
    task="parcel-detuned",
    teacher=TEACHER,
    students=("courier",),
    methods=("scratch", "finetune"),
    seeds=3,
    steps=32_768,
    interval=16_384,
    episodes=8,
    final_episodes=2,
)
CAUTION = (
    "This is a quick look: training from scratch is stopped before it has finished learning. "
    "The strider trained from scratch on this task reached 80 to 100 % after 327,680 steps."
)


@dataclass(frozen=True)
class Demo:
    """What is shown.

    Attributes:
        episodes: That each policy plays.
        workers: Processes. Default: the number of cores.
        output: Folder of the video, the runs and their report.
    """

    episodes: int = 10
    workers: int | None = None
    output: Path = Path("runs/parcel_demo")


def show(demo: Annotated[Demo, tyro.conf.arg(name="")] = Demo()) -> None:
    """Play every policy on the same episodes, film them side by side, and train one transfer."""
    if demo.episodes < 1:
        raise ValueError(f"--episodes must be at least 1, got {demo.episodes}")
    rows = measure(POLICIES, demo.episodes, workers_for(demo.workers))
    output.print(results_table(f"fixed episodes of {SUITE}", rows))
    with working("recording the video"):
        film(POLICIES, demo.output / "side_by_side.mp4")
    compare(EXPERIMENT, CompareOptions(output=demo.output, workers=demo.workers, video=False))
    for sentence in (*findings(demo.output), CAUTION):
        output.print(sentence, highlight=False, markup=False)
    pages = (
        f"Open {demo.output / 'report.html'} in a browser, and {demo.output / 'side_by_side.mp4'}."
    )
    output.print(pages, highlight=False, soft_wrap=True)


def measure(
    policies: Sequence[tuple[str, str]], episodes: int, workers: int
) -> list[dict[str, Any]]:
    """Every policy on the same fixed episodes: a row each, as `results_table` reads them."""
    rows = []
    for robot, bundle in policies:
        deployed = Deployment(bundle, robot)
        with (
            counting(robot, episodes, "episodes") as count,
            Arena(deployed.make, min(workers, episodes)) as worlds,
        ):
            played = evaluate(deployed.act, worlds, {SUITE: episodes}, on_episode=count)
        rows.append(summarize(played).to_dict("records")[0] | {"suite": f"{robot}, {bundle}"})
    return rows


def film(policies: Sequence[tuple[str, str]], file: Path) -> None:
    """The first episode of the suite, by all of them side by side."""
    deployed = [Deployment(bundle, robot, render_mode="rgb_array") for robot, bundle in policies]
    write_video(
        race([(each.robot.name, each.act, each.make) for each in deployed], (0,)),
        file,
        control_rate(EXPERIMENT.task),
    )


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(show))))
