"""``simtransfer evaluate``: how well a bundle does on fixed episodes."""

from __future__ import annotations

from typing import Annotated

import tyro
from rich.table import Table

from agents.evaluation import evaluate as play
from agents.evaluation import side_by_side, summarize
from agents.processes import workers_for
from envs import suites
from simtransfer.deployment import Deployment
from simtransfer.measures import heading, measures, shown
from simtransfer.statistics import wilson_interval
from simtransfer.terminal import counting, output, print_json


def evaluate(
    bundle: Annotated[str, tyro.conf.Positional],
    /,
    robot: str | None = None,
    suite: str = "mixed",
    episodes: int = 200,
    seed: int = 0,
    randomization: str = "nominal",
    workers: int | None = None,
    json: bool = False,
) -> None:
    """Play fixed episodes without exploration noise and print success and what else the task tells.

    Args:
        bundle: A shipped bundle's name or a bundle's folder.
        robot: Whom it drives: a name or a robot.toml. Default: the robot it was trained on.
        suite: Scenario suite, or "all".
        episodes: Episodes of each suite.
        seed: Which stretch of the suite's endless fixed list: episodes seed*episodes and following.
        randomization: none, nominal or wide.
        workers: Processes that step the worlds. Default: the number of cores.
        json: Print JSON instead of a table.
    """
    if episodes < 1:
        raise ValueError(f"--episodes must be at least 1, got {episodes}")
    if seed < 0:
        raise ValueError(f"--seed must not be negative, got {seed}")
    processes = workers_for(workers)
    deployed = Deployment(bundle, robot, randomization=randomization)
    chosen = suites(deployed.bundle.task) if suite == "all" else (suite,)
    total = episodes * len(chosen)
    with (
        counting(f"{deployed.robot.name}, {suite}", total) as count,
        side_by_side(deployed.make, processes) as worlds,
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
    names = measures(rows[0])
    table = Table(title=f"{bundle} on {deployed.robot.name}, randomization {randomization}")
    for column in ("suite", "episodes", "success", "95 % interval", *map(heading, names), "return"):
        table.add_column(column, justify="left" if column == "suite" else "right")
    for row in rows:
        low, high = row["success_interval"]
        table.add_row(
            str(row["suite"]),
            str(row["episodes"]),
            f"{100 * row['success_rate']:.1f} %",
            f"{100 * low:.1f} – {100 * high:.1f} %",
            *(shown(name, row[name]) for name in names),
            f"{row['return_mean']:.2f}",
        )
    output.print(table)
