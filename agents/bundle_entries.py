"""The entries of a bundle's description, checked one by one; each mistake is a ValueError."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from envs.interface import Feature, Interface
from envs.robot import is_name
from envs.tables import build, checked, shown

MOST_FEATURES = 10_000  # of each list of a bundle; the largest lidar has 4,096 beams
LONGEST_NAME = 200  # characters


def provenance_entry(entry: Any) -> dict[str, Any]:
    """The record of its training, of which what reports and commands use is checked."""
    if not isinstance(entry, dict):
        raise ValueError(f"provenance: expected a table, got {shown(entry)}")
    for key, kind in (("config", dict), ("measured", list), ("teachers", list)):
        if not isinstance(entry.get(key, kind()), kind):
            raise ValueError(
                f"provenance.{key}: expected a {kind.__name__}, got {shown(entry[key])}"
            )
    for training in (entry, *entry.get("teachers", [])):
        if not isinstance(training, dict):
            raise ValueError(f"provenance.teachers: expected tables, got {shown(training)}")
        checked(training.get("steps", 0), "int", "provenance.steps")
        checked(training.get("hours", 0.0), "float", "provenance.hours")
    for i, row in enumerate(entry.get("measured", [])):
        where = f"provenance.measured[{i}]"
        checked(row["suite"] if isinstance(row, dict) else None, "str", f"{where}.suite")
        checked(row["success_rate"], "float", f"{where}.success_rate")
    return entry


def text_entry(entry: Any, where: str) -> str:
    """A text that can be shown on a terminal."""
    text: str = checked(entry, "str", where)
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise ValueError(
            f"{where}: expected at most {LONGEST_NAME} printable characters, got {shown(text)}"
        )
    return text


def robot_entry(entry: Any) -> str:
    """A robot's name, which is never a path."""
    name = text_entry(entry, "robot")
    if not is_name(name):
        raise ValueError(f"robot: expected a robot's name, not a path, got {shown(name)}")
    return name


def digest_entry(entry: Any) -> str:
    """A robot's digest, or nothing."""
    digest: str = checked(entry, "str", "robot_digest")
    if not re.fullmatch(r"([0-9a-f]{16})?", digest):
        raise ValueError(f"robot_digest: expected 16 hexadecimal digits, got {shown(digest)}")
    return digest


def rate_entry(entry: Any) -> float:
    """A control rate, Hz."""
    rate: float = checked(entry, "float", "control_rate")
    if rate <= 0.0:
        raise ValueError(f"control_rate: expected Hz above 0, got {rate:g}")
    return rate


def features_entry(rows: Any, where: str) -> tuple[Feature, ...]:
    """A list of features, each of another name."""
    if not isinstance(rows, list):
        raise ValueError(f"{where}: expected a list of features, got {shown(rows)}")
    require_few(rows, where)
    features = tuple(build(Feature, row, f"{where}[{i}]") for i, row in enumerate(rows))
    require_names(features, where)
    Interface(features, ())  # refuses two of one name
    return features


def require_few(features: Sequence[object], where: str) -> None:
    """Refuse a list of more features than a bundle may have."""
    if len(features) > MOST_FEATURES:
        raise ValueError(
            f"{where}: {len(features):,} features, more than the limit {MOST_FEATURES:,}"
        )


def require_names(features: Sequence[Feature], where: str) -> None:
    """Refuse features whose texts a bundle may not have."""
    for i, feature in enumerate(features):
        for key in ("name", "unit", "group", "series"):
            text_entry(getattr(feature, key), f"{where}[{i}].{key}")
