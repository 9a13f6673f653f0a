"""What an engine made of a robot's file, read back from the engine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from envs.urdf import Joint, Matrix, Urdf

ROUNDING = 1e-3  # share by which a number that went through an engine may differ
NARROW = 1e-5  # m or rad that may be lost of a place or a limit


@dataclass(frozen=True)
class LoadedLink:
    """A link as loaded.

    Attributes:
        mass: kg.
        center: Centre of mass in the link's frame, m, ``(3,)``.
        inertia: About the centre of mass, in the link's axes, kg·m², ``(3, 3)``.
        shapes: Number of collision shapes.
    """

    mass: float
    center: Matrix
    inertia: Matrix
    shapes: int


@dataclass(frozen=True)
class LoadedJoint:
    """A joint that moves, as loaded.

    Attributes:
        axis: In the child's frame, as long as it is in the engine, ``(3,)``.
        low: Lower limit, rad or m; infinite if there is none.
        high: Upper limit.
    """

    axis: Matrix
    low: float
    high: float


@dataclass(frozen=True)
class Loaded:
    """A robot as loaded.

    Attributes:
        links: By name.
        joints: By name; those that are fixed are left out.
        bumps: Links that collide with what moves by script, if there is any.
    """

    links: Mapping[str, LoadedLink]
    joints: Mapping[str, LoadedJoint]
    bumps: frozenset[str]


def differences(urdf: Urdf, loaded: Loaded) -> Iterator[str]:
    """What an engine loaded otherwise than a URDF says, each in a sentence.

    Args:
        urdf: The URDF that the engine was given, see `envs.supports.assemble`.
        loaded: What the engine says of it.
    """
    for name in sorted(urdf.links.keys() ^ loaded.links.keys()):
        yield f"link {name!r} is only in the {'file' if name in urdf.links else 'engine'}"
    for name, found in loaded.links.items():
        if name not in urdf.links:
            continue
        link = urdf.links[name]
        where = f"link {name!r}: "
        if not math.isclose(found.mass, link.mass, rel_tol=ROUNDING):
            yield f"{where}mass is {link.mass:.6g} kg in the file, {found.mass:.6g} in the engine"
        elif not np.allclose(found.center, link.center, atol=NARROW):
            yield f"{where}centre of mass is {_text(link.center)} m, {_text(found.center)}"
        if not np.allclose(found.inertia, link.inertia, atol=ROUNDING * _size(link.inertia)):
            given, got = _moments(link.inertia), _moments(found.inertia)
            yield f"{where}moments of inertia are {given} kg·m² in the file, {got} in the engine"
        if found.shapes != len(link.collisions):
            yield f"{where}{len(link.collisions)} collision shapes, {found.shapes} in the engine"
    for name, joint in urdf.joints.items():
        if joint.kind != "fixed":
            yield from _joint(joint, loaded.joints.get(name))


def _joint(joint: Joint, found: LoadedJoint | None) -> Iterator[str]:
    where = f"joint {joint.name!r}: "
    if found is None:
        yield f"{where}it moves in the file, and not in the engine"
        return
    axis = joint.axis / np.linalg.norm(joint.axis)
    if not np.allclose(found.axis, axis, atol=ROUNDING):
        yield f"{where}its axis is {_text(axis)} in the file, {_text(found.axis)} in the engine"
    low, high = file_limits(joint)
    if not np.allclose((found.low, found.high), (low, high), rtol=ROUNDING, atol=NARROW):
        yield (
            f"{where}its limits are {low:g} to {high:g} in the file, "
            f"{found.low:g} to {found.high:g} in the engine"
        )


def file_limits(joint: Joint) -> tuple[float, float]:
    """Limits of a joint about its own axis; infinite where the file gives none that hold."""
    limit = joint.element.find("limit")
    if limit is None or joint.kind == "continuous":
        return -math.inf, math.inf
    low, high = float(limit.get("lower", "0")), float(limit.get("upper", "-1"))
    return (low, high) if low <= high else (-math.inf, math.inf)


def _size(inertia: Matrix) -> float:
    return float(np.abs(inertia).max())


def _moments(inertia: Matrix) -> str:
    return _text(np.asarray(np.linalg.eigvalsh(inertia)))


def _text(values: Matrix) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values.tolist()) + ")"
