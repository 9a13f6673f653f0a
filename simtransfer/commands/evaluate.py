"""``simtransfer evaluate``: how well a bundle does on fixed episodes."""

from __future__ import annotations

from typing import Annotated

import tyro

from agents.arena import Arena
from agents.evaluation import evaluate as play
from agents.evaluation import summarize
from agents.processes import workers_for
from envs import suites
from simtransfer.commands.options import SetOfTerms
from simtransfer.commands.robots import warn_of_files
from simtransfer.deployment import Deployment
from simtransfer.results_table import results_table
from simtransfer.statistics import wilson_interval
from simtransfer.terminal import counting, output, print_json


def evaluate(
    bundle: Annotated[str, tyro.conf.Positional],
    /,
    robot: str | None = None,
    suite: str = "mixed",
    episodes: int = 200,
    seed: int = 0,
    randomization: SetOfTerms = "nominal",
    simulator: str = "pybullet",
    workers: int | None = None,
    json: bool = False,
) -> None:
    """Play fixed episodes without exploration noise and print success and what else the task tells.

    Args:
        bundle: A shipped bundle's name or a bundle's folder.
        robot: Robot to use it on: a name or the path of a robot.toml. Default: the robot that it
            was trained on.
        suite: Scenario suite, or "all".
        episodes: Episodes of each suite.
        seed: Which stretch of the suite's endless fixed list: episodes seed*episodes and following.
        randomization: A key of `envs.randomization.RANDOMIZATIONS`.
        simulator: The engine: pybullet, or mujoco to judge it in a world that it never learned in.
        workers: Processes that step the worlds. Default: the number of cores.
        json: Print JSON instead of a table.
    """
    if episodes < 1:
        raise ValueError(f"--episodes must be at least 1, got {episodes}")
    if seed < 0:
        raise ValueError(f"--seed must not be negative, got {seed}")
    processes = workers_for(workers)
    deployed = Deployment(bundle, robot, randomization=randomization, simulator=simulator)
    warn_of_files(deployed.robot, deployed.bundle.task)
    chosen = suites(deployed.bundle.task) if suite == "all" else (suite,)
    total = episodes * len(chosen)
    with (
        counting(f"{deployed.robot.name}, {suite}", total, "episodes") as count,
        Arena(deployed.make, min(processes, total)) as worlds,
    ):
        results = play(
            deployed.act,
            worlds,
            dict.fromkeys(chosen, episodes),
            first=seed * episodes,
            on_episode=count,
        )
    rows = []
    for row in summarize(results).to_dict("records"):
        successes = round(row["success_rate"] * row["episodes"])
        interval = wilson_interval(successes, row["episodes"])
        rows.append({**row, "success_interval": [interval.low, interval.high]})
    if json:
        print_json(rows[0] if len(rows) == 1 else {"suites": rows})
        return
    where = "" if simulator == "pybullet" else f", in {simulator}"
    title = f"{bundle} on {deployed.robot.name}, randomization {randomization}{where}"
    output.print(results_table(title, rows))
