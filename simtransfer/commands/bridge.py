"""``simtransfer bridge``: what a policy is worth in an engine that it never learned in."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import tyro

from agents.processes import workers_for
from envs import suites
from envs.interface import unknown
from simtransfer.bridge.cells import Episodes, measure
from simtransfer.bridge.files import write_bridge
from simtransfer.bridge.findings import find
from simtransfer.bridge.passage import cross
from simtransfer.bridge.policies import ENGINES, find_rows
from simtransfer.commands.options import SetOfTerms
from simtransfer.commands.report import show_report
from simtransfer.files import claim_folder, locked
from simtransfer.terminal import bar, progress
from simtransfer.versions import engine_version, versions

UNNAMED = ("", "bundle", "runs")  # what folders are called that say nothing


def bridge(
    experiments: Annotated[tuple[str, ...], tyro.conf.Positional],
    /,
    robot: str | None = None,
    suite: str = "mixed",
    episodes: int = 200,
    seed: int = 0,
    randomization: SetOfTerms = "nominal",
    episode: int = 0,
    workers: int | None = None,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Judge policies in both engines and tell where the worlds part; a killed bridge goes on.

    Args:
        experiments: Folders of experiments, runs or bundles, or names of shipped bundles.
        robot: Whom they drive: a name or a robot.toml. Default: each the robot it was trained on.
        suite: Scenario suite, or "all".
        episodes: Episodes of each suite, by each policy in each engine.
        seed: Which stretch of the suite's endless fixed list: episodes seed*episodes and following.
        randomization: A key of `envs.randomization.RANDOMIZATIONS`.
        episode: The one whose observations are compared, played without randomization.
        workers: Processes that step the worlds. Default: the number of cores.
        output: Folder of the report. Default: runs/bridge-<name of the first>.
        json: Print summary.json instead of the tables.
    """
    if episodes < 1:
        raise ValueError(f"--episodes must be at least 1, got {episodes}")
    for option, value in (("seed", seed), ("episode", episode)):
        if value < 0:
            raise ValueError(f"--{option} must not be negative, got {value}")
    processes = workers_for(workers)
    rows = find_rows(experiments, robot)
    known = suites(rows[0].bundles[0].task)
    if suite not in (*known, "all"):
        raise ValueError(unknown("suite", suite, (*known, "all")))
    chosen = known if suite == "all" else (suite,)
    played = Episodes(chosen, episodes, seed * episodes, randomization)
    name = name_of(experiments[0])
    folder = output or Path("runs") / f"bridge-{name}"
    claim_folder(folder)
    total = sum(len(row.bundles) for row in rows) * len(ENGINES) * len(chosen) * episodes
    with locked(folder), progress() as display:
        line = bar(display, f"{name}, {suite}", total)
        cells = measure(
            rows,
            played,
            folder / "episodes",
            workers=processes,
            on_episode=lambda _: display.advance(line),
        )
        line = bar(display, "where the worlds part", len(rows))
        passages = []
        for row in rows:
            passages.append(cross(row, chosen[0], episode))
            display.advance(line)
        command = shlex.join(["simtransfer", *sys.argv[1:]])
        told = versions() | {engine: engine_version(engine) for engine in ENGINES}
        files = write_bridge(find(name, rows, cells, played, passages, command, told), folder)
    show_report(files, json)


def name_of(place: str) -> str:
    """What a policy's place is called: the last of its folders whose name says something."""
    parts = [part for part in Path(place).resolve().parts if part not in UNNAMED]
    return parts[-1] if len(parts) > 1 else "policies"
