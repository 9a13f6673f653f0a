"""Reading a robot from its ``robot.toml``, with errors that say how to mend it."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from envs.interface import unknown
from envs.robot import COMMAND_MODELS, Actuator, Lidar, Robot
from envs.tables import build, take

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


MOST_RAYS = 4096  # far above any planar scanner, and within what PyBullet casts at once


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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not valid TOML: {error}") from None
    try:
        return _parse(data, file)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _parse(data: dict[str, Any], file: Path) -> Robot:
    data = dict(data)
    actuators = tuple(
        build(Actuator, entry, f"actuators[{i}]")
        for i, entry in enumerate(take(data, "actuators", list))
    )
    command = dict(take(data, "command", dict))
    model = command.pop("model", None)
    if model not in COMMAND_MODELS:
        raise ValueError("command.model: " + unknown("model", str(model), COMMAND_MODELS))
    lidar = build(Lidar, take(data, "lidar", dict), "lidar")
    urdf = locate(str(take(data, "urdf", str)), file.parent)
    robot: Robot = build(
        Robot,
        {
            **data,
            "urdf": urdf,
            "actuators": actuators,
            "command": build(COMMAND_MODELS[model], command, "command"),
            "lidar": lidar,
            "source": file,
        },
        "",
    )
    _validate(robot)
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


def _validate(robot: Robot) -> None:
    roles = {actuator.role: actuator for actuator in robot.actuators}
    if len(roles) < len(robot.actuators):
        raise ValueError("actuators: two share a role; each needs its own")
    for actuator in robot.actuators:
        where = f"actuators.{actuator.role}"
        if actuator.kind not in Actuator.KINDS:
            raise ValueError(f"{where}.kind: " + unknown("kind", actuator.kind, Actuator.KINDS))
        if not actuator.low < actuator.high:
            raise ValueError(f"{where}: low must be below high")
        if not (actuator.force > 0 and actuator.brake >= 0 and actuator.rate > 0):
            raise ValueError(f"{where}: force and rate must be positive, brake not negative")
        if not actuator.joints:
            raise ValueError(f"{where}.joints: names at least one joint")
    for key in ("drive", "steering", "left", "right"):
        role = getattr(robot.command, key, None)
        if role is not None and role not in roles:
            raise ValueError(f"command.{key}: " + unknown("role", role, roles))
    for key in ("length", "width", "wheel_radius", "cruise_speed"):
        if not getattr(robot, key) > 0:
            raise ValueError(f"{key}: must be positive, got {getattr(robot, key)}")
    if robot.lidar.beams * robot.lidar.rays_per_beam > MOST_RAYS:
        raise ValueError(f"lidar: beams times rays_per_beam must not exceed {MOST_RAYS}")
    for key in ("wheelbase", "track"):
        if not getattr(robot.command, key, 1.0) > 0:
            raise ValueError(f"command.{key}: must be positive")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", robot.name):
        raise ValueError(f"name: letters, digits, _ and - only, got {robot.name!r}")
    if not 0 < robot.lidar.field_of_view <= 360 or robot.lidar.focus <= 0:
        raise ValueError("lidar: field_of_view must be from 0 to 360 degrees, focus positive")
    if robot.height < 0:  # zero for the many whose base frame lies on the ground
        raise ValueError(f"height: must not be negative, got {robot.height}")
    if robot.lidar.beams < 2 or robot.lidar.range <= 0 or robot.lidar.rays_per_beam < 1:
        raise ValueError("lidar: needs at least two beams, a ray per beam and a positive range")
