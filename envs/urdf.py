"""What a URDF says, as data."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

# Attributes that engines read as numbers, and how many; whatever is none they take for zero.
NUMBERS: Mapping[str, Mapping[str, int]] = {
    "mass": {"value": 1},
    "inertia": dict.fromkeys(("ixx", "iyy", "izz", "ixy", "ixz", "iyz"), 1),
    "origin": {"xyz": 3, "rpy": 3},
    "axis": {"xyz": 3},
    "limit": {"lower": 1, "upper": 1, "effort": 1, "velocity": 1},
    "dynamics": {"damping": 1, "friction": 1},
    "lateral_friction": {"value": 1},
    "box": {"size": 3},
    "sphere": {"radius": 1},
    "capsule": {"radius": 1, "length": 1},
    "cylinder": {"radius": 1, "length": 1},
}
SIZES = ("box", "sphere", "capsule", "cylinder")
NEEDED = {"value", "ixx", "iyy", "izz", "size", "radius", "length"}


@dataclass(frozen=True)
class Link:
    """A rigid part.

    Attributes:
        name: Its name.
        mass: kg; 0 without an ``<inertial>``, as for a mere frame.
        center: Centre of mass in the link's frame, m, shape ``(3,)``.
        inertia: About the centre of mass, in the link's axes, kg·m², shape ``(3, 3)``.
        collisions: The ``<collision>`` elements.
        contact: The ``<contact>`` element (friction), if any.
    """

    name: str
    mass: float
    center: Matrix
    inertia: Matrix
    collisions: tuple[ET.Element, ...]
    contact: ET.Element | None


@dataclass(frozen=True)
class Joint:
    """How a link hangs on another.

    Attributes:
        name: Its name.
        kind: ``fixed``, ``revolute``, ``continuous`` or ``prismatic``.
        parent: Name of the link that carries it.
        child: Name of the link that it carries.
        origin: Pose in the parent's frame at zero, ``(4, 4)``.
        axis: In the joint's own frame, shape ``(3,)``.
        element: The ``<joint>`` element.
    """

    name: str
    kind: str
    parent: str
    child: str
    origin: Matrix
    axis: Matrix
    element: ET.Element


Part = TypeVar("Part", Link, Joint)


@dataclass(frozen=True)
class Urdf:
    """A tree of links.

    Attributes:
        path: The file.
        links: By name.
        joints: By name.
    """

    path: Path
    links: Mapping[str, Link]
    joints: Mapping[str, Joint]

    @cached_property
    def root(self) -> str:
        """The link that nothing carries: the base."""
        children = {joint.child for joint in self.joints.values()}
        return next(name for name in self.links if name not in children)

    @cached_property
    def poses(self) -> Mapping[str, Matrix]:
        """Each link's pose in the base's frame when all joints are at zero, ``(4, 4)``."""
        return self.posed({})

    def posed(self, angles: Mapping[str, float]) -> Mapping[str, Matrix]:
        """Each link's pose in the base's frame, ``(4, 4)``.

        Args:
            angles: Positions of revolute joints about their own axes, rad; others are at zero.
        """
        poses = {self.root: np.eye(4)}
        waiting = list(self.joints.values())
        while waiting:
            joint = waiting.pop(0)
            if joint.parent in poses:
                pose = poses[joint.parent] @ joint.origin
                poses[joint.child] = pose @ turned(joint.axis, angles.get(joint.name, 0.0))
            else:
                waiting.append(joint)
        return poses

    def axis(self, joint: str) -> Matrix:
        """A joint's axis in the base's frame when all joints are at zero, shape ``(3,)``."""
        found = self.joints[joint]
        return self.poses[found.child][:3, :3] @ found.axis

    def sign(self, joint: str) -> float:
        """1 or -1: which way a joint's axis points along the axis of the base nearest to it.

        A joint's axis may point either way: what robots share is the turn about the base's axes.
        """
        axis = self.axis(joint)
        return math.copysign(1.0, float(axis[np.argmax(np.abs(axis))]))

    def limits(self, joint: str) -> tuple[float, float]:
        """Range of a joint about the base's axis, rad or m; infinite for a continuous one."""
        limit = self.joints[joint].element.find("limit")
        if limit is None or self.joints[joint].kind == "continuous":
            return -math.inf, math.inf
        ends = sorted(self.sign(joint) * float(limit.get(key, "0")) for key in ("lower", "upper"))
        return ends[0], ends[1]

    def place(self, joint: str) -> Matrix:
        """A joint's origin in the base's frame when all joints are at zero, m, shape ``(3,)``."""
        return self.poses[self.joints[joint].child][:3, 3]


def turned(axis: Matrix, angle: float) -> Matrix:
    """The turn by ``angle`` rad about ``axis``, ``(4, 4)`` (Rodrigues' formula)."""
    pose = np.eye(4)
    if angle:
        x, y, z = axis / np.linalg.norm(axis)
        cross = np.asarray([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        pose[:3, :3] += math.sin(angle) * cross + (1.0 - math.cos(angle)) * cross @ cross
    return pose


def read_urdf(path: Path) -> Urdf:
    """Read a URDF.

    Raises:
        ValueError: If it is not XML, or its links and joints are not one tree.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    return parse_urdf(text, path)


def parse_urdf(text: str | bytes, path: Path) -> Urdf:
    """Read a URDF's text, which is, or was made from, that of the file ``path``.

    Raises:
        ValueError: If it is not XML, or its links and joints are not one tree.
    """
    try:
        robot = ET.fromstring(text)
    except (ET.ParseError, LookupError, ValueError) as error:  # the latter of its encoding
        raise ValueError(f"{path}: not a URDF: {error}") from None
    try:
        links = _by_name("link", map(_link, robot.findall("link")))
        joints = _by_name("joint", map(_joint, robot.findall("joint")))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    _check_tree(path, links, joints.values())
    return Urdf(path, links, joints)


def _by_name(what: str, parts: Iterable[Part]) -> dict[str, Part]:
    found: dict[str, Part] = {}
    for part in parts:
        if not part.name:
            raise ValueError(f"a {what} has no name")
        if part.name in found:
            raise ValueError(f"two {what}s are called {part.name!r}; each needs its own name")
        found[part.name] = part
    return found


def _link(element: ET.Element) -> Link:
    inertial = element.find("inertial")
    mass, center, inertia = 0.0, np.zeros(3), np.zeros((3, 3))
    where = f"link {element.get('name')!r}"
    _check_numbers(element, where)
    if inertial is not None:
        pose = origin_of(inertial, where)
        mass = _numbers(inertial.find("mass"), "value", "0", 1, where)[0]
        tensor = inertial.find("inertia")
        xx, yy, zz, xy, xz, yz = (
            _numbers(tensor, key, "0", 1, where)[0]
            for key in ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
        )
        turn = pose[:3, :3]
        center = pose[:3, 3]
        inertia = turn @ np.asarray([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ turn.T
    return Link(
        element.get("name", ""),
        mass,
        center,
        inertia,
        tuple(element.findall("collision")),
        element.find("contact"),
    )


def _joint(element: ET.Element) -> Joint:
    name = element.get("name", "")
    where = f"joint {name!r}"
    _check_numbers(element, where)
    ends = [element.find(end) for end in ("parent", "child")]
    parent, child = (end.get("link", "") if end is not None else "" for end in ends)
    axis = np.asarray(_numbers(element.find("axis"), "xyz", "1 0 0", 3, where))
    if not axis.any() and element.get("type") != "fixed":
        raise ValueError(f"{where}: axis xyz must not be zero")
    return Joint(
        name, element.get("type", ""), parent, child, origin_of(element, where), axis, element
    )


def _check_numbers(element: ET.Element, where: str) -> None:
    """Refuse numbers that are none, wherever they stand in a link or joint."""
    for part in element.iter():
        for key, count in NUMBERS.get(part.tag, {}).items():
            if key in part.attrib:
                _numbers(part, key, "0 0 0", count, where)
            elif key in NEEDED:
                raise ValueError(f"{where}: {part.tag} lacks {key}")
    for shape in element.iterfind("collision/geometry/*"):
        for key, count in NUMBERS[shape.tag].items() if shape.tag in SIZES else ():
            if min(_numbers(shape, key, "", count, where)) <= 0:
                raise ValueError(f"{where}: {shape.tag} {key}={shape.get(key)!r} must be positive")


def _numbers(
    element: ET.Element | None, key: str, default: str, count: int, where: str
) -> list[float]:
    text = default if element is None else element.get(key, default)
    tag = "" if element is None else element.tag
    if tag == "origin" and text.startswith("$("):
        text = default  # as engines read a xacro argument that nobody expanded
    given = f"{where}: {tag} {key}={text!r}"
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        raise ValueError(f"{given} is not a number") from None
    if not all(map(math.isfinite, values)):
        raise ValueError(f"{given} is not a finite number")
    if len(values) != count:
        raise ValueError(f"{given} should be {count} number(s)")
    return values


def _check_tree(path: Path, links: Mapping[str, Link], joints: Iterable[Joint]) -> None:
    if not links:
        raise ValueError(f"{path}: not a URDF: it has no links")
    parents: dict[str, str] = {}
    for joint in joints:
        for end in (joint.parent, joint.child):
            if end not in links:
                raise ValueError(f"{path}: joint {joint.name!r} names a missing link {end!r}")
        if joint.child in parents:
            raise ValueError(f"{path}: link {joint.child!r} hangs on two joints")
        parents[joint.child] = joint.parent
    roots = [name for name in links if name not in parents]
    if len(roots) != 1:
        names = ", ".join(map(repr, roots)) or "none"
        raise ValueError(f"{path}: the links are not one tree (without a parent: {names})")
    for name in links:
        seen = set()
        while name in parents:
            if name in seen:
                raise ValueError(f"{path}: the joints form a loop at link {name!r}")
            seen.add(name)
            name = parents[name]


def origin_of(element: ET.Element, where: str) -> Matrix:
    """Pose of an element's ``<origin>``, ``(4, 4)``: fixed axes, roll, then pitch, then yaw.

    Raises:
        ValueError: If it is not made of numbers; the message begins with ``where``.
    """
    origin = element.find("origin")
    roll, pitch, yaw = _numbers(origin, "rpy", "0 0 0", 3, where)
    cr, sr, cp, sp = math.cos(roll), math.sin(roll), math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    pose = np.eye(4)
    pose[:3, :3] = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    pose[:3, 3] = _numbers(origin, "xyz", "0 0 0", 3, where)
    return pose
