"""Every policy on the same episodes in every engine, kept as soon as they are played."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from agents.arena import Arena
from agents.bundle import Bundle
from agents.evaluation import evaluate
from agents.playing import Episode
from envs.randomization_file import find_randomization
from envs.robot import Robot
from simtransfer.bridge.policies import ENGINES, Row
from simtransfer.deployment import Deployment
from simtransfer.files import claim_folder, read_table, write_table
from simtransfer.versions import engine_version, versions

Cells = Mapping[tuple[str, str, str], pd.DataFrame]  # by policy's digest, engine and suite


@dataclass(frozen=True)
class Episodes:
    """Which episodes are played.

    Attributes:
        suites: Scenario suites.
        count: Episodes of each.
        first: Where in each suite's list to begin.
        randomization: Of the worlds.
    """

    suites: tuple[str, ...]
    count: int
    first: int
    randomization: str

    @property
    def numbers(self) -> list[int]:
        """Places in each suite's list."""
        return list(range(self.first, self.first + self.count))


def measure(
    rows: Sequence[Row],
    episodes: Episodes,
    folder: Path,
    *,
    workers: int = 1,
    on_episode: Callable[[object], None] = lambda _: None,
) -> Cells:
    """Play what was not played yet; the rest is read from where an earlier call left it.

    Args:
        rows: Policies.
        episodes: Which episodes.
        folder: Where each policy's episodes in an engine are kept, a file a suite.
        workers: Processes that step the worlds; changes no result.
        on_episode: Told of each episode, new or not.

    Raises:
        ValueError: If a policy does not fit its robot, an engine is not installed, or a file is
            damaged.
    """
    work = [
        (
            row.robot,
            engine,
            bundle,
            Deployment(bundle, row.robot, randomization=episodes.randomization, simulator=engine),
        )
        for row in rows
        for engine in ENGINES
        for bundle in row.bundles
    ]
    claim_folder(folder)
    cells: dict[tuple[str, str, str], pd.DataFrame] = {}
    for robot, engine, bundle, deployed in work:
        missing: dict[str, Path] = {}
        for suite in episodes.suites:
            file = folder / _name(robot, engine, bundle, suite, episodes)
            if file.exists():
                cells[bundle.digest, engine, suite] = table = _read(file, suite, episodes)
                for number in range(len(table)):
                    on_episode(number)
            else:
                missing[suite] = file
        if not missing:
            continue
        with Arena(deployed.make, workers) as worlds:
            for suite, file in missing.items():
                played = evaluate(
                    deployed.act,
                    worlds,
                    {suite: episodes.count},
                    first=episodes.first,
                    on_episode=on_episode,
                )
                write_table(played, file)
                cells[bundle.digest, engine, suite] = played
    return cells


def _name(robot: Robot, engine: str, bundle: Bundle, suite: str, episodes: Episodes) -> str:
    """A file's name, another one for all that could make another result."""
    told = {
        "policy": bundle.digest,
        "task": bundle.task,
        "robot": robot.digest,
        "engine": (engine, engine_version(engine)),
        "simtransfer": versions()["simtransfer"],
        "randomization": find_randomization(episodes.randomization),
        "episodes": asdict(episodes) | {"suites": suite},
    }
    return f"{suite}-{engine}-{hashlib.sha256(repr(told).encode()).hexdigest()[:16]}.parquet"


def _read(file: Path, suite: str, episodes: Episodes) -> pd.DataFrame:
    remedy = "remove it to play these episodes again"
    table = read_table(file, remedy)
    columns = set(Episode.__dataclass_fields__) - {"measures"}
    whole = columns <= set(table.columns) and table["success"].dtype == bool
    if not whole or list(table["episode"]) != episodes.numbers or set(table["suite"]) != {suite}:
        raise ValueError(f"{file}: holds other episodes than its name says; {remedy}")
    return table
