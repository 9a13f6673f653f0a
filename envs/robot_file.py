"""Reading a robot from its ``robot.toml``, with errors that say how to mend it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PureWindowsPath
from typing import Any

from envs.assembly import Solid
from envs.bounded_files import MEBIBYTE, read_text, require_readable
from envs.driving.car import Car
from envs.interface import unknown
from envs.packages import module_folders
from envs.parcel.humanoid import Humanoid
from envs.robot import Actuator, Robot
from envs.stretch import Stretch
from envs.tables import build, checked, shown, take
from envs.urdf import LARGEST as LARGEST_URDF

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


LARGEST = MEBIBYTE  # of a robot.toml
MOST_ACTUATORS = 100
MOST_ROWS = 1_000  # of any other table
KINDS: dict[str, type[Car] | type[Humanoid]] = {"car": Car, "humanoid": Humanoid}


def read_robot(path: Path) -> Robot:
    """Read a robot from its ``robot.toml`` or the folder that holds one.

    Args:
        path: The file or folder.

    Raises:
        ValueError: If the file is missing, is not TOML, or a key is missing, misspelt or out of
            range. The message names the file, the key and the way out.
    """
    file = path / "robot.toml" if path.is_dir() else path
    try:
        text = read_text(file, LARGEST)
    except ValueError as error:
        raise ValueError(f"{error}; give a robot.toml") from None
    if text.lstrip().startswith("<"):
        raise ValueError(f"{file}: is XML; give the robot.toml that names it as its urdf")
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: not valid TOML: {error}") from None
    try:
        return _parse(data, file)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _parse(data: dict[str, Any], file: Path) -> Robot:
    data = dict(data)
    kind = str(data.pop("kind", "car"))
    if kind not in KINDS:
        raise ValueError("kind: " + unknown("kind", kind, KINDS))
    actuators = tuple(
        build(Actuator, entry, f"actuators[{i}]")
        for i, entry in enumerate(_rows(data, "actuators", MOST_ACTUATORS))
    )
    tables = KINDS[kind].parse(data)
    held = take(data, "held", dict) if "held" in data else {}
    if len(held) > MOST_ROWS:
        raise ValueError(f"held: has {len(held)} entries; at most {MOST_ROWS} are read")
    shapes = _rows(data, "shapes", MOST_ROWS) if "shapes" in data else []
    stretches = _rows(data, "stretches", MOST_ROWS) if "stretches" in data else []
    urdf = locate(str(take(data, "urdf", str)), file.parent)
    own = {
        "urdf": urdf,
        "actuators": actuators,
        "held": tuple((name, checked(at, "float", f"held.{name}")) for name, at in held.items()),
        "shapes": tuple(build(Solid, entry, f"shapes[{i}]") for i, entry in enumerate(shapes)),
        "stretches": tuple(
            build(Stretch, entry, f"stretches[{i}]") for i, entry in enumerate(stretches)
        ),
        "source": file,
    }
    robot: Robot = build(KINDS[kind], {**data, **tables, **own}, "")
    return robot


def _rows(data: dict[str, Any], key: str, most: int) -> list[Any]:
    rows: list[Any] = take(data, key, list)
    if len(rows) > most:
        raise ValueError(f"{key}: has {len(rows)} entries; at most {most} are read")
    return rows


def locate(urdf: str, folder: Path) -> Path:
    """Find a URDF: relative to ``folder``, or inside a package as ``package:relative/path``.

    A package is found without importing it: none of its code runs.

    Raises:
        ValueError: If there is no such package or file, or a path leads out of its package.
    """
    path = folder / urdf
    package, colon, relative = urdf.partition(":")
    if colon and not Path(urdf).is_absolute() and not os.path.isfile(path):  # noqa: PTH113
        path = _within(package, relative)
    try:
        require_readable(path, LARGEST_URDF)
    except ValueError as error:
        if os.path.exists(path):  # noqa: PTH110  (Path.exists raises for long names)
            raise ValueError(f"urdf: {error}") from None
        raise ValueError(f"urdf: no file {shown(path.name)} at {path.parent}") from None
    return path


def _within(package: str, relative: str) -> Path:
    """Find a file in an installed package."""
    if not all(part.isidentifier() for part in package.split(".")):
        raise ValueError(f"urdf: {package!r} is not the name of a package")
    parts = re.split(r"[/\\]", relative)
    if ".." in parts or not parts[0] or PureWindowsPath(relative).drive:
        raise ValueError(f"urdf: {relative!r} must be a path inside the package {package!r}")
    try:
        paths = [folder / relative for folder in module_folders(package)]
    except ValueError as error:
        raise ValueError(f"urdf: {error}") from None
    return next(filter(os.path.isfile, paths), paths[0])
