"""``simtransfer bench``: steps a second, and what is added to the bare engine."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from rich.table import Table

from agents.processes import workers_for
from agents.settings import settle
from envs import make_environment
from simtransfer.benchmark import measure
from simtransfer.commands.options import SetOfTerms
from simtransfer.terminal import errors, output, print_json


def bench(
    task: str = "driving",
    robot: str = "hatchback",
    randomization: SetOfTerms = "nominal",
    steps: int = 3000,
    resets: int = 500,
    workers: int | None = None,
    json: bool = False,
) -> None:
    """Measure steps a second of one environment, of the vectorized ones and of training.

    Args:
        task: The task.
        robot: A robot's name or the path of a robot.toml.
        randomization: A key of `envs.randomization.RANDOMIZATIONS`.
        steps: Control steps to time; at least 100.
        resets: Over which the growth of memory is watched.
        workers: Processes that step the worlds. Default: the number of cores.
        json: Print JSON instead of a table.
    """
    if steps < 100:
        raise ValueError(f"--steps must be at least 100, got {steps}")
    if resets < 1:
        raise ValueError(f"--resets must be at least 1, got {resets}")
    processes = workers_for(workers)
    make = partial(make_environment, task, robot, randomization=randomization, privileged=True)
    with errors.status("measuring"):
        result = measure(make, settle(task, {}), steps=steps, resets=resets, workers=processes)
    if json:
        print_json(asdict(result))
        return
    table = Table(title=f"{task}, {robot}")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in asdict(result).items():
        table.add_row(name.replace("_", " "), f"{value:,.3g}" if value < 10 else f"{value:,.0f}")
    output.print(table)
