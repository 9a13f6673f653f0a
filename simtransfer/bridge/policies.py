"""Which policies a bridge is measured for, and which engine each was trained in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.bundle import Bundle, load_bundle, shipped_bundles
from agents.bundle_folder import DESCRIPTION
from envs.catalogue import SIMULATORS, find_robot
from envs.interface import unknown
from envs.robot import Robot
from simtransfer.deployment import robot_of

ENGINES = tuple(SIMULATORS)
RUNS = f"runs/*/*/seed-*/bundle/{DESCRIPTION}"  # below an experiment's folder


@dataclass(frozen=True)
class Row:
    """Policies that differ in their seed alone.

    Attributes:
        label: What people call them.
        trained_in: The engine that they learned in.
        robot: Whom they drive.
        bundles: One for each seed.
    """

    label: str
    trained_in: str
    robot: Robot
    bundles: tuple[Bundle, ...]


def find_rows(places: Sequence[str], robot: str | None = None) -> tuple[Row, ...]:
    """The policies of experiments, of runs, or bundles; those of PyBullet first.

    Args:
        places: Experiments' folders, runs' folders, bundles' folders or names.
        robot: Whom they drive. Default: each the robot that it was trained on.

    Raises:
        ValueError: If a place holds no policy, policies are of different tasks, or one does not fit
            its robot.
    """
    if not places:
        raise ValueError("name an experiment's folder, a run's, a bundle's, or a bundle")
    twice = [place for place in places if list(places).count(place) > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is named twice")
    given = None if robot is None else find_robot(robot)
    at_hand = () if given is None else (given,)
    rows: list[Row] = []
    for place in places:
        prefix = f"{place}: " if len(places) > 1 else ""
        for label, found in _bundles(place).items():
            bundles = tuple(load_bundle(bundle) for bundle in found)
            own = [robot_of(bundle, *at_hand) for bundle in bundles]
            name = label if label == place else prefix + label
            engines = {trained_in(bundle, name) for bundle in bundles}
            if len(engines) > 1:
                raise ValueError(f"{name}: its seeds were trained in {' and '.join(engines)}")
            rows.append(Row(name, engines.pop(), given or own[0], bundles))
    tasks = {bundle.task: row.label for row in rows for bundle in row.bundles}
    if len(tasks) > 1:
        (task, label), (other, another) = list(tasks.items())[:2]
        raise ValueError(f"{label} is for {task!r}, {another} for {other!r}; one task at a time")
    return tuple(sorted(rows, key=lambda row: ENGINES.index(row.trained_in)))


def trained_in(bundle: Bundle, name: str) -> str:
    """The engine that a policy learned in; before there was a choice, the first.

    Raises:
        ValueError: If its record names one that there is not.
    """
    engine = str(bundle.provenance.get("config", {}).get("simulator", ENGINES[0]))
    if engine not in ENGINES:
        raise ValueError(f"{name}: trained in an {unknown('simulator', engine, ENGINES)}")
    return engine


def _bundles(place: str) -> dict[str, list[str | Path]]:
    """Bundles at a place, by what people call those that differ in their seed alone."""
    folder = Path(place)
    if place in shipped_bundles() or (folder / DESCRIPTION).is_file():
        return {place: [place]}
    if not place or not folder.exists():
        known = ", ".join(shipped_bundles())
        raise ValueError(f"{place!r}: no such folder, and no bundle of that name ({known})")
    if (folder / "bundle" / DESCRIPTION).is_file():
        return {place: [folder / "bundle"]}
    found: dict[str, list[str | Path]] = {}
    for file in sorted(folder.glob(RUNS), key=_in_order):
        _, student, method, *_ = file.relative_to(folder).parts
        found.setdefault(f"{student}, {method}", []).append(file.parent)
    if not found:
        raise ValueError(
            f"{place}: no bundle in it; give a bundle's folder, or that of an experiment whose "
            "runs are finished (records that were copied may have left policies behind)"
        )
    return found


def _in_order(file: Path) -> tuple[str, str, int]:
    *_, student, method, seed, _, _ = file.parts
    return student, method, int(re.sub(r"\D", "", seed) or 0)
