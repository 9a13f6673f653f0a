"""``simtransfer compare``: methods × students × seeds, and the report."""

from __future__ import annotations

import math
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.progress import TaskID

from agents.bundle import Bundle, load_bundle
from envs import control_rate, find_robot
from envs.robot import Robot
from simtransfer.commands.report import show_report
from simtransfer.deployment import Deployment, robot_of
from simtransfer.experiment import ExperimentConfig, execute
from simtransfer.files import claim_folder
from simtransfer.plan import find_plan
from simtransfer.pool import RunNews
from simtransfer.report import write_report
from simtransfer.segments import Segments
from simtransfer.terminal import bar, errors, progress, working
from simtransfer.transfer_metrics import BASELINE
from simtransfer.video import Contestant, race, write_video

VIDEO_EPISODES = (0, 1, 2)  # the first of the suite's fixed list, whatever happens in them


@dataclass(frozen=True)
class CompareOptions:
    """How a comparison is run and shown.

    Attributes:
        output: Folder for runs and report. Default: runs/<name>.
        workers: Runs at a time. Default: the number of cores.
        video: Whether to record teacher, scratch and transferred students side by side.
        json: Print summary.json instead of the tables.
    """

    output: Path | None = None
    workers: int | None = None
    video: bool = True
    json: bool = False


def compare(
    experiment: Annotated[ExperimentConfig, tyro.conf.arg(name="")] = ExperimentConfig(),
    options: Annotated[CompareOptions, tyro.conf.arg(name="")] = CompareOptions(),
) -> None:
    """Train every method on every student with the same seeds; write curves, tables, a report.

    A comparison that was stopped, however hard, goes on when the same command is given again.
    """
    folder = options.output or Path("runs") / experiment.name
    runs = dict(experiment.runs())
    claim_folder(folder)
    first = next(config for config in runs.values() if config.plan.trainable != "none")
    if rounding := Segments.of(first).rounding(first):
        errors.print(rounding, highlight=False, soft_wrap=True)
    with progress() as display:
        whole = bar(display, experiment.name, len(runs), "runs")
        lines: dict[str, TaskID] = {}

        def show(news: RunNews) -> None:
            _, robot, method, seed = news.place.split("/")
            name = f"{method} {robot} {seed.replace('-', ' ')}"
            if news.progress is None:
                display.announce(f"{name}: done")
                display.advance(whole)
                if news.place in lines:
                    display.remove_task(lines.pop(news.place))
                return
            if news.place not in lines:
                lines[news.place] = bar(display, name, news.progress.total, "steps")
            rate = news.progress.success_rate
            note = "" if math.isnan(rate) else f"success {rate:.2f}"
            display.update(lines[news.place], completed=news.progress.steps, note=note)

        command = " ".join(["python -m", _program(), *map(shlex.quote, sys.argv[1:])])
        execute(experiment, folder, workers=options.workers, command=command, on_news=show)
    try:
        if options.video:
            record_video(experiment, folder)
    finally:  # whatever becomes of the video
        with working("writing the report"):
            files = write_report(folder)
    show_report(files, options.json)


def _program() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name if spec else "simtransfer"
    return name.removesuffix(".__main__")


def record_video(experiment: ExperimentConfig, folder: Path) -> None:
    """The teacher, the first student from scratch, and all by the last method that trains."""
    robots = [find_robot(student) for student in experiment.students]
    trained = [m for m in experiment.methods if find_plan(m).trainable != "none" and m != BASELINE]
    shown = [(BASELINE, robots[0]), *((m, robot) for m in trained[-1:] for robot in robots)]
    teacher = load_bundle(experiment.teacher)
    cast: list[tuple[str, str | Path | Bundle, Robot]]
    try:
        cast = [("teacher", teacher, robot_of(teacher, *robots))]
    except ValueError as error:  # where no method needed the teacher
        errors.print(f"no video: {error}", soft_wrap=True, markup=False)
        return
    for method, robot in shown:
        bundle = folder / "runs" / robot.name / method / "seed-0" / "bundle"
        if not bundle.exists():  # records are small and travel; policies may have been left behind
            errors.print(f"no video: {bundle} is not here", soft_wrap=True)
            return
        cast.append((method, bundle, robot))
    contestants: list[Contestant] = []
    for name, place, body in cast:
        deployed = Deployment(
            place,
            body,
            randomization=experiment.evaluation,
            render_mode="rgb_array",
            simulator=experiment.simulator,
        )
        contestants.append((f"{name}, {deployed.robot.name}", deployed.act, deployed.make))
    with working("recording the video"):
        frames = race(contestants, VIDEO_EPISODES)
        write_video(frames, folder / "video.mp4", control_rate(experiment.task))
