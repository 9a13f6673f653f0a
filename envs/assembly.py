"""A robot's URDF as it is used here: some joints held, some collision shapes replaced.

Published models have more joints than a task moves (fingers, a neck) and meshes where physics
wants boxes. What a robot.toml says of both is applied to the URDF's data; its file stays as it is.
"""

from __future__ import annotations

import fnmatch
import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from envs.interface import unknown
from envs.urdf import Joint, Urdf, turned


@dataclass(frozen=True)
class Solid:
    """A collision shape.

    Attributes:
        link: The link it belongs to.
        kind: ``box``, ``sphere``, ``capsule`` or ``cylinder``.
        size: m; a box's extents along x, y, z; a radius; a radius and, along z, a length (that of a
            capsule without its ends).
        xyz: Its middle in the link's frame, m.
        rpy: Its roll, pitch and yaw in the link's frame, rad.
        friction: Of the link's surface; 0 for what the URDF says.
    """

    SIZES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "box": ("size",) * 3,
        "sphere": ("radius",),
        "capsule": ("radius", "length"),
        "cylinder": ("radius", "length"),
    }

    link: str
    kind: str
    size: tuple[float, ...]
    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)
    friction: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what has no size or no place."""
        if self.kind not in self.SIZES:
            raise ValueError("shapes.kind: " + unknown("kind", self.kind, self.SIZES))
        wanted = len(self.SIZES[self.kind])
        if len(self.size) != wanted or min(self.size) <= 0:
            raise ValueError(
                f"shapes.size: a {self.kind} has {wanted} positive number(s), got {self.size}"
            )
        if not 0.0 <= self.friction < math.inf:
            raise ValueError(f"shapes.friction: must not be negative, got {self.friction}")

    def element(self) -> ET.Element:
        """As a URDF says it."""
        collision = ET.Element("collision")
        xyz, rpy = (" ".join(map(repr, values)) for values in (self.xyz, self.rpy))
        ET.SubElement(collision, "origin", xyz=xyz, rpy=rpy)
        told = {"size": " ".join(map(repr, self.size))}
        if self.kind != "box":
            told = {k: repr(v) for k, v in zip(self.SIZES[self.kind], self.size, strict=True)}
        ET.SubElement(ET.SubElement(collision, "geometry"), self.kind, told)
        return collision


def hold(urdf: Urdf, held: Mapping[str, float], moved: Sequence[str]) -> Urdf:
    """A URDF some of whose joints are fixed.

    Args:
        urdf: The URDF.
        held: Positions (rad, m) about the joints' own axes, by name or, where no joint has just
            that name, by pattern (``NECK_*``).
        moved: Joints that must not be among them.

    Raises:
        ValueError: If a name fits no joint or one that is moved, or a position has no meaning.
    """
    joints = dict(urdf.joints)
    for pattern, position in held.items():
        exact = pattern in urdf.joints  # "arm[1]" is a name, and as a pattern it means "arm1"
        names = [pattern] if exact else fnmatch.filter(urdf.joints, pattern)
        if not names:
            raise ValueError("held: " + unknown("joint", pattern, urdf.joints))
        for name in names:
            if name in moved:
                raise ValueError(f"held: an actuator moves joint {name!r}")
            joints[name] = _fixed(joints[name], position)
    return replace(urdf, joints=joints)


def _fixed(joint: Joint, position: float) -> Joint:
    if position and joint.kind in ("planar", "floating"):
        raise ValueError(f"held: {joint.kind} joint {joint.name!r} can be kept at 0 only")
    origin = joint.origin @ turned(joint.axis, position)
    if joint.kind == "prismatic":
        origin = joint.origin.copy()
        origin[:3, 3] += joint.origin[:3, :3] @ joint.axis * position
    return replace(joint, kind="fixed", origin=origin)


def reshape(urdf: Urdf, solids: Sequence[Solid]) -> Urdf:
    """A URDF with other collision shapes; those it has are left out.

    Raises:
        ValueError: If a shape names no link.
    """
    links = {name: replace(link, collisions=()) for name, link in urdf.links.items()}
    for solid in solids:
        if solid.link not in links:
            raise ValueError("shapes.link: " + unknown("link", solid.link, links))
        link = links[solid.link]
        link = replace(link, collisions=(*link.collisions, solid.element()))
        if solid.friction:
            contact = ET.Element("contact")
            ET.SubElement(contact, "lateral_friction", value=repr(solid.friction))
            link = replace(link, contact=contact)
        links[solid.link] = link
    return replace(urdf, links=links)
