"""Dataclasses from tables that people or programs wrote, with errors that name the key."""

from __future__ import annotations

import json
import math
import reprlib
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.interface import unknown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

shown = reprlib.repr  # cut short: a whole table would be no message
LARGEST = 2**63  # that whole numbers stay below, as TOML has it and arrays need it


def take(table: dict[str, Any], key: str, kind: type) -> Any:
    """Remove and return an entry.

    Raises:
        ValueError: If it is missing or not a ``kind``.
    """
    if key not in table:
        raise ValueError(f"missing key {key!r}")
    value = table.pop(key)
    if not isinstance(value, kind):
        raise ValueError(f"{key}: expected a {kind.__name__}, got {shown(value)}")
    return value


def build(kind: type, entry: Any, where: str) -> Any:
    """Make a dataclass of a table.

    Args:
        kind: The dataclass.
        entry: Its fields by name.
        where: What the table is called in messages.

    Raises:
        ValueError: If a key is missing, unknown or of another type.
    """
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: expected a table, got {shown(entry)}")
    prefix = f"{where}." if where else ""
    known = {f.name: f for f in fields(kind)}
    for key in entry:
        if key not in known:
            raise ValueError(unknown("key", f"{prefix}{key}", [prefix + name for name in known]))
    values: dict[str, Any] = {}
    for name, info in known.items():
        if name in entry:
            values[name] = checked(
                entry[name], str(info.type), prefix + name, endless=info.default == math.inf
            )
        elif info.default is MISSING:
            raise ValueError(f"missing key {prefix + name!r}")
    return kind(**values)


def build_json(kind: type, text: str, where: str) -> Any:
    """Make a dataclass of a table in JSON; see `build`.

    Raises:
        ValueError: If it is not JSON, or not such a table.
    """
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{where}: not JSON") from None
    return build(kind, entry, where)


def settle_types(settings: DataclassInstance, where: str) -> None:
    """Check the fields of a frozen dataclass against their annotations, as it is made.

    NumPy's numbers become Python's, and lists tuples: records and comparisons need them. Limits are
    left to the dataclass, which has words of its own for a number that is too large or NaN.

    Args:
        settings: The dataclass.
        where: What precedes a field's name in messages, such as ``ppo.``; may be empty.

    Raises:
        ValueError: If a field holds something else.
    """
    for field in fields(settings):
        given, kind = getattr(settings, field.name), str(field.type)
        value = given.item() if isinstance(given, np.generic) else given
        if (kind.removesuffix(" | None"), type(value)) not in (("float", float), ("int", int)):
            settled = checked(value, kind, f"{where}{field.name}")
            value = settled if isinstance(value, list) else value
        if value is not given:
            object.__setattr__(settings, field.name, value)


def checked(value: Any, kind: str, where: str, *, endless: bool = False) -> Any:
    """``value`` if it is what the annotation ``kind`` says; other annotations let all pass.

    Args:
        value: From a file.
        kind: ``float``, ``int``, ``str``, ``bool`` or a tuple of one of them, ``| None`` or not.
        where: What it is called in messages.
        endless: Whether a float may be infinite.

    Raises:
        ValueError: If it is something else.
    """
    if kind.endswith(" | None"):
        return None if value is None else checked(value, kind.removesuffix(" | None"), where)
    if kind == "float":
        if not (_is_whole(value) or isinstance(value, float)) or not (
            math.isfinite(value) or (endless and math.isinf(value))
        ):
            raise ValueError(f"{where}: expected a number, got {shown(value)}")
        return float(value)
    if kind == "int" and not _is_whole(value):
        raise ValueError(f"{where}: expected a whole number, got {shown(value)}")
    if kind == "str" and not isinstance(value, str):
        raise ValueError(f"{where}: expected text in quotes, got {shown(value)}")
    if kind == "bool" and not isinstance(value, bool):
        raise ValueError(f"{where}: expected true or false, got {shown(value)}")
    if kind == "tuple[float, float, float]":
        if not isinstance(value, list) or len(value) != 3:
            raise ValueError(f"{where}: expected three numbers, got {shown(value)}")
        return tuple(checked(item, "float", where) for item in value)
    for item_kind, items in (("str", "names"), ("int", "whole numbers"), ("float", "numbers")):
        if kind == f"tuple[{item_kind}, ...]":
            if not isinstance(value, list | tuple):
                raise ValueError(f"{where}: expected a list of {items}, got {shown(value)}")
            return tuple(checked(item, item_kind, where) for item in value)
    return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST
