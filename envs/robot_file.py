"""Reading a robot from its ``robot.toml``, with errors that say how to mend it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from envs.assembly import Solid
from envs.driving.car import Car
from envs.interface import unknown
from envs.parcel.humanoid import Humanoid
from envs.robot import Actuator, Robot
from envs.stretch import Stretch
from envs.tables import build, checked, take

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


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
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror}); give a robot.toml") from None
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
        for i, entry in enumerate(take(data, "actuators", list))
    )
    tables = KINDS[kind].parse(data)
    held = take(data, "held", dict) if "held" in data else {}
    shapes = take(data, "shapes", list) if "shapes" in data else []
    stretches = take(data, "stretches", list) if "stretches" in data else []
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


def locate(urdf: str, folder: Path) -> Path:
    """Find a URDF: relative to ``folder``, or inside a package as ``package:relative/path``."""
    if ":" in urdf and not Path(urdf).is_absolute():
        package, _, relative = urdf.partition(":")
        try:
            module = importlib.import_module(package)
        except (ImportError, TypeError, ValueError):
            raise ValueError(f"urdf: package {package!r} is not installed") from None
        path = Path(next(iter(getattr(module, "__path__", [""])))) / relative
    else:
        path = folder / urdf
    if not path.is_file():
        raise ValueError(f"urdf: no file {path.name!r} at {path.parent}")
    return path
