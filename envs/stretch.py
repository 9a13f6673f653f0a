"""Bodies of other proportions: a URDF whose links are longer, wider or heavier."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from envs.interface import unknown
from envs.urdf import Joint, Link, Matrix, Urdf, origin_of

SIZES: Mapping[str, Mapping[str, tuple[int, ...]]] = {  # which axes make a size
    "box": {"size": (0, 1, 2)},
    "sphere": {"radius": (0, 1, 2)},
    "capsule": {"radius": (0, 1), "length": (2,)},
    "cylinder": {"radius": (0, 1), "length": (2,)},
}


@dataclass(frozen=True)
class Stretch:
    """What is done to a link and all that is attached to it.

    Attributes:
        link: Its name.
        along: A direction in the link's frame; its length does not matter.
        factor: On lengths in that direction, and on the mass with them.
        size: On lengths in all directions; the mass goes with its third power.
        density: On the mass alone.
        reversed: Whether the joint that carries it turns the other way.
        shift: How far the centre of mass is moved, m, in the link's frame.
    """

    link: str
    along: tuple[float, float, float] = (0.0, 0.0, 1.0)
    factor: float = 1.0
    size: float = 1.0
    density: float = 1.0
    reversed: bool = False
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse what leaves no body."""
        if not min(self.factor, self.size, self.density) > 0.0:
            raise ValueError(f"stretch of {self.link!r}: factors must be positive")
        if not any(self.along):
            raise ValueError(f"stretch of {self.link!r}: along must not be zero")

    @property
    def map(self) -> Matrix:
        """Where it puts the points of the link, ``(3, 3)``."""
        axis = np.asarray(self.along) / np.linalg.norm(self.along)
        return self.size * (np.eye(3) + (self.factor - 1.0) * np.outer(axis, axis))


def stretch(urdf: Urdf, stretches: Sequence[Stretch]) -> Urdf:
    """A URDF with some links stretched; what hangs on them moves along and keeps its directions.

    Raises:
        ValueError: If a stretch names no link.
    """
    links, joints = dict(urdf.links), dict(urdf.joints)
    for each in stretches:
        if each.link not in links:
            raise ValueError("stretch: " + unknown("link", each.link, links))
        links[each.link] = _link(links[each.link], each)
        for name, joint in joints.items():
            if joint.parent == each.link:
                joints[name] = _joint(joint, each.map)
            elif joint.child == each.link and each.reversed:
                joints[name] = _reversed(joint)
    return replace(urdf, links=links, joints=joints)


def _joint(joint: Joint, change: Matrix) -> Joint:
    origin = joint.origin.copy()
    origin[:3, 3] = change @ origin[:3, 3]
    return replace(joint, origin=origin)


def _reversed(joint: Joint) -> Joint:
    return replace(joint, axis=-joint.axis)


def _link(link: Link, each: Stretch) -> Link:
    change = each.map
    mass = link.mass * float(np.linalg.det(change)) * each.density
    inertia = np.zeros((3, 3))
    if link.mass > 0.0:
        # Second moments follow the points; of these the tensor of inertia is made again.
        moments = 0.5 * np.trace(link.inertia) * np.eye(3) - link.inertia
        moments = change @ moments @ change.T * (mass / link.mass)
        inertia = np.trace(moments) * np.eye(3) - moments
    collisions = tuple(_collision(original, change, link.name) for original in link.collisions)
    center = change @ link.center + np.asarray(each.shift)
    return replace(link, mass=mass, center=center, inertia=inertia, collisions=collisions)


def _collision(original: ET.Element, change: Matrix, name: str) -> ET.Element:
    """A shape keeps its kind and directions: each of its sizes grows as lengths do there."""
    collision = copy.deepcopy(original)
    pose = origin_of(collision, name)
    growth = np.linalg.norm(change @ pose[:3, :3], axis=0)
    for shape in collision.iterfind("geometry/*"):
        for key, axes in SIZES.get(shape.tag, {"scale": (0, 1, 2)}).items():
            given = np.asarray([float(word) for word in shape.get(key, "1 1 1").split()])
            # A single number grows as the axes that it stands for do on average.
            grown = given * (growth if len(given) > 1 else growth[list(axes)].mean())
            shape.set(key, " ".join(map(repr, grown.tolist())))
    origin = collision.find("origin")
    if origin is None:
        origin = ET.SubElement(collision, "origin")
    origin.set("xyz", " ".join(map(repr, (change @ pose[:3, 3]).tolist())))
    return collision
