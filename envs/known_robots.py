"""Robots that are known by name: shipped, offered by packages, or in folders that the user names.

A name is looked up without importing any package and without reading any robot's file, so that one
broken package or robot hides no other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from envs.packages import module_folders

ENTRY_POINTS = "simtransfer.robots"
FOLDERS = "SIMTRANSFER_ROBOTS"  # environment variable: folders of robots, separated as in PATH
SHIPPED = Path(__file__).parent / "robots"


@dataclass(frozen=True)
class Offer:
    """A robot that a package or a folder offers.

    Attributes:
        name: Its folder's name.
        full_name: A name that no other robot has: ``package:robot``, or its folder's path.
        file: Its ``robot.toml``.
    """

    name: str
    full_name: str
    file: Path


@dataclass(frozen=True)
class KnownRobots:
    """Robots by the names that commands take.

    Attributes:
        files: Each robot's ``robot.toml`` by its name, which is its full name where others have
            the short one.
        full_names: The files of robots that are not shipped, by their full names.
        notes: One line each for what is left out, or is known by its full name only.
    """

    files: dict[str, Path]
    full_names: dict[str, Path]
    notes: tuple[str, ...]

    def find(self, name: str) -> Path | None:
        """The file of the robot called ``name``, short or in full; None if there is none.

        Raises:
            ValueError: If several robots have that name.
        """
        if file := self.files.get(name) or self.full_names.get(name):
            return file
        same = [full for full, file in self.full_names.items() if file.parent.name == name]
        if same:
            raise ValueError(f"several robots are called {name!r}; give one of {', '.join(same)}")
        return None


def shipped_robots() -> dict[str, Path]:
    """Names and files of the robots that come with the library."""
    return {file.parent.name: file for file in sorted(SHIPPED.glob("*/robot.toml"))}


def known_robots() -> KnownRobots:
    """All robots that are known by name."""
    notes: list[str] = []
    found = [*_from_packages(notes), *_from_folders(notes)]
    offers = list({offer.file: offer for offer in found}.values())  # a folder may be named twice
    files = shipped_robots()
    shipped, names = set(files), [offer.name for offer in offers]
    for offer in offers:
        if offer.name in shipped:
            notes.append(
                f"robot {offer.full_name!r} has the name of a shipped one, "
                "which it does not replace; give its full name"
            )
        elif names.count(offer.name) > 1:
            notes.append(
                f"robot {offer.full_name!r} has the name of another one; give its full name"
            )
        else:
            files[offer.name] = offer.file
            continue
        files[offer.full_name] = offer.file
    return KnownRobots(files, {offer.full_name: offer.file for offer in offers}, tuple(notes))


def _from_packages(notes: list[str]) -> Iterator[Offer]:
    """Robots of the packages that offer some by an entry point whose value is a module.

    The folders beside that module that hold a ``robot.toml`` are its robots.
    """
    for module in sorted(_offered_modules(notes)):
        yield from _offers(module, notes)


def _offered_modules(notes: list[str]) -> set[str]:
    """The modules that entry points name; packages that offer no robots are not looked at."""
    modules: dict[str, set[str]] = {}
    for distribution in distributions():
        try:
            name, named = _entries(distribution)
        # Whatever is wrong with one package, commands that do not need it must run.
        except Exception as error:  # noqa: PERF203
            where = getattr(distribution, "_path", "a package")
            notes.append(f"robots of {where} are left out: its entry points are damaged ({error})")
        else:
            modules.setdefault(name, named)  # the first of a name is the one in use
    return set().union(*modules.values())


def _entries(distribution: Distribution) -> tuple[str, set[str]]:
    if ENTRY_POINTS not in (distribution.read_text("entry_points.txt") or ""):
        return "", set()
    entries = distribution.entry_points.select(group=ENTRY_POINTS)
    return distribution.metadata["Name"], {entry.module for entry in entries}


def _offers(module: str, notes: list[str]) -> Iterator[Offer]:
    try:
        folders = module_folders(module)
    except ValueError as error:
        notes.append(f"robots of entry point {module!r} are left out: {error}")
        return
    for folder in folders:
        for file in sorted(folder.glob("*/robot.toml")):
            yield Offer(file.parent.name, f"{module}:{file.parent.name}", file)


def _from_folders(notes: list[str]) -> Iterator[Offer]:
    """Robots of the folders that the environment variable names."""
    for place in filter(None, os.environ.get(FOLDERS, "").split(os.pathsep)):
        folder = Path(place).absolute()
        own = folder / "robot.toml"
        files = [own] if own.exists() else sorted(folder.glob("*/robot.toml"))
        if not files:
            notes.append(f"{FOLDERS}: {place!r} holds no robot: no robot.toml, nor a folder of one")
        for file in files:
            yield Offer(file.parent.name, str(file.parent), file)
