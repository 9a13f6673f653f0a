"""The numbers in a URDF: which attributes have them, and how they are written."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping

from envs.tables import shown

INERTIA: Mapping[str, tuple[int, int]] = {
    "ixx": (0, 0),
    "iyy": (1, 1),
    "izz": (2, 2),
    "ixy": (0, 1),
    "ixz": (0, 2),
    "iyz": (1, 2),
}
SIZES = ("box", "sphere", "capsule", "cylinder")
SHAPES = (*SIZES, "mesh")
CONTACT = (
    "lateral_friction",
    "rolling_friction",
    "spinning_friction",
    "restitution",
    "stiffness",
    "damping",
    "contact_cfm",
    "contact_erp",
    "inertia_scaling",
    "friction_anchor",
)
# Attributes that are read as numbers, and how many; an engine takes whatever is none for zero.
NUMBERS: Mapping[str, Mapping[str, int]] = {
    "mass": {"value": 1},
    "inertia": dict.fromkeys(INERTIA, 1),
    "origin": {"xyz": 3, "rpy": 3},
    "axis": {"xyz": 3},
    "limit": {"lower": 1, "upper": 1, "effort": 1, "velocity": 1},
    "dynamics": {"damping": 1, "friction": 1},
    "mimic": {"multiplier": 1, "offset": 1},
    "safety_controller": {"soft_lower_limit": 1, "soft_upper_limit": 1},
    "box": {"size": 3},
    "sphere": {"radius": 1},
    "capsule": {"radius": 1, "length": 1},
    "cylinder": {"radius": 1, "length": 1},
    "mesh": {"scale": 3},
    **{tag: {"value": 1} for tag in CONTACT if tag != "friction_anchor"},
}
NEEDED = {"value", "ixx", "iyy", "izz", "size", "radius", "length"}
LIMITS = {"limit", "safety_controller"}  # whose numbers may stand for infinity, such as 1e30
LARGEST_NUMBER = 1e9  # of anything else, in SI units
LENGTHS = {"size": 1e4, "radius": 1e4, "length": 1e4, "xyz": 1e4}  # the largest, m
# What a link or joint, or a part of it, has no more than one of: engines take the first.
SINGLE = {"inertial", "contact", "origin", "mass", "inertia", "geometry", "parent", "child", "axis"}
SINGLE |= {"limit", "dynamics", "mimic", "safety_controller"}
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
WORD = re.compile(r"[^ \t\r\n]+")  # white space of XML


def check_numbers(element: ET.Element, tags: Collection[str], where: str) -> None:
    """Refuse numbers that are none in those parts of a link or joint that are read."""
    read = [child for child in element if child.tag in tags]
    parts = [part for child in read for part in child.iter()]
    for whole in (element, *read):
        once = [part.tag for part in whole if part.tag in SINGLE]
        if twice := [tag for tag in once if once.count(tag) > 1]:
            raise ValueError(f"{where}: {whole.tag} has {len(twice)} <{twice[0]}>; leave one")
    for part in parts:
        for key, count in NUMBERS.get(part.tag, {}).items():
            if key in part.attrib:
                values = numbers(part, key, "", count, where)
                given = f"{where}: {part.tag} {key}={shown(part.get(key))}"
                most = LENGTHS.get(key, LARGEST_NUMBER)
                if part.tag not in LIMITS and max(map(abs, values)) > most:
                    raise ValueError(f"{given} is beyond {most:g}")
                if part.tag in CONTACT and min(values) < 0:
                    raise ValueError(f"{given} must not be negative")
            elif key in NEEDED:
                raise ValueError(f"{where}: {part.tag} lacks {key}")
    for shape in element.iterfind("collision/geometry/*"):
        for key, count in NUMBERS[shape.tag].items() if shape.tag in SIZES else ():
            if min(numbers(shape, key, "", count, where)) <= 0:
                raise ValueError(f"{where}: {shape.tag} {key}={shape.get(key)!r} must be positive")
        if shape.tag == "mesh" and not all(numbers(shape, "scale", "1 1 1", 3, where)):
            raise ValueError(f"{where}: mesh scale={shape.get('scale')!r} must not be zero")


def numbers(
    element: ET.Element | None, key: str, default: str, count: int, where: str
) -> list[float]:
    """Numbers of an attribute: plain decimals with white space between them.

    Args:
        element: The element; None if it is missing.
        key: Name of the attribute.
        default: Text that stands for a missing attribute.
        count: How many numbers there should be.
        where: What the messages begin with.

    Raises:
        ValueError: If there are others, or what stands there is not a finite number.
    """
    text = default if element is None else element.get(key, default)
    tag = "" if element is None else element.tag
    given = f"{where}: {tag} {key}={shown(text)}"
    words = WORD.findall(text)
    for word in words:
        if not NUMBER.fullmatch(word):
            if word.lstrip("+-").lower() in ("nan", "inf", "infinity"):
                raise ValueError(f"{given} is not a finite number")
            raise ValueError(f"{given} is not a number; write plain decimals such as 0.25 or 3e-6")
    values = [float(word) for word in words]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"{given} is not a finite number")
    if len(values) != count:
        raise ValueError(f"{given} should be {count} number(s)")
    return values


def copy_numbers(original: ET.Element, where: str) -> ET.Element:
    """An element with its numbers alone, as short as they can be written; see `numbers`."""
    element = ET.Element(original.tag)
    for key, count in NUMBERS.get(original.tag, {}).items():
        if key in original.attrib:
            values = numbers(original, key, "", count, where)
            element.set(key, " ".join(map(repr, values)))
    return element
