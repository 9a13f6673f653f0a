"""What a URDF says, as data."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from envs.bounded_files import MEBIBYTE, read_bytes
from envs.interface import unknown
from envs.urdf_numbers import CONTACT, INERTIA, check_numbers, copy_numbers, numbers
from envs.urdf_xml import read_xml

Matrix = NDArray[np.float64]

READ = {  # parts of links and joints; visual shapes are not needed, since nothing draws them
    "link": {"inertial", "visual", "collision", "contact"},
    "joint": {"origin", "parent", "child", "axis", "limit", "dynamics", "mimic"}
    | {"safety_controller"},
}
LARGEST = 32 * MEBIBYTE
MOST_LINKS = 1_000
MOST_MOVING = 120  # joints; PyBullet drives no more than 121, and says nothing of the others
KINDS = ("revolute", "continuous", "prismatic", "fixed")
WORLD = "world"  # the link of Gazebo and ROS that does not move


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
        kind: One of `KINDS`, or what else the file says; see `check_joints`.
        parent: Name of the link that carries it.
        child: Name of the link that it carries.
        origin: Pose in the parent's frame at zero, ``(4, 4)``.
        axis: In the joint's own frame, of length 1, shape ``(3,)``.
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
        unused: Tags of what is not read, and how many of each there are.
    """

    path: Path
    links: Mapping[str, Link]
    joints: Mapping[str, Joint]
    unused: Mapping[str, int] = field(default_factory=dict)

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
        ValueError: If it is not a regular file of at most `LARGEST` bytes, is not a URDF, or its
            links and joints are not one tree.
    """
    return parse_urdf(read_bytes(path, LARGEST), path)


def parse_urdf(text: str | bytes, path: Path) -> Urdf:
    """Read a URDF's text, which is, or was made from, that of the file ``path``.

    A root that is a mere frame with a ``floating`` joint, as Gazebo's ``world``, is left out: its
    child is the base.

    Raises:
        ValueError: If it is not a URDF, or its links and joints are not one tree.
    """
    try:
        robot = read_xml(text, Path(path).name)
        for part in ("link", "joint"):
            if (count := len(robot.findall(part))) > MOST_LINKS:
                raise ValueError(f"it has {count} {part}s; at most {MOST_LINKS} are read")
        links = _by_name("link", map(_link, robot.findall("link")))
        joints = _by_name("joint", map(_joint, robot.findall("joint")))
        _check_tree(links, joints.values())
        _release(links, joints)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return Urdf(path, links, joints, _unused(robot))


def check_joints(urdf: Urdf) -> None:
    """Check that engines can simulate the joints, once some are held.

    Raises:
        ValueError: If a joint is of another kind than `KINDS`, or more than `MOST_MOVING` move.
    """
    for joint in urdf.joints.values():
        where = f"{urdf.path}: joint {joint.name!r}"
        if joint.kind not in KINDS:
            given = f"is of type {joint.kind!r}" if joint.kind else "has no type"
            raise ValueError(
                f"{where} {given}; make it one of {', '.join(KINDS)}, or keep it where it is: "
                f"[held] {json.dumps(joint.name, ensure_ascii=False)} = 0.0"
            )
    moving = sum(joint.kind != "fixed" for joint in urdf.joints.values())
    if moving > MOST_MOVING:
        raise ValueError(
            f"{urdf.path}: {moving} joints move, of which engines drive {MOST_MOVING}; keep the "
            "others where they are with [held], or make them fixed"
        )


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
    check_numbers(element, ("inertial", "collision", "contact"), where)
    if inertial is not None:
        pose = origin_of(inertial, where)
        mass = numbers(inertial.find("mass"), "value", "0", 1, where)[0]
        tensor = inertial.find("inertia")
        xx, yy, zz, xy, xz, yz = (numbers(tensor, key, "0", 1, where)[0] for key in INERTIA)
        turn = pose[:3, :3]
        center = pose[:3, 3]
        inertia = turn @ np.asarray([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ turn.T
    return Link(
        element.get("name", ""),
        mass,
        center,
        inertia,
        tuple(element.findall("collision")),
        _contact(element),
    )


def _contact(element: ET.Element) -> ET.Element | None:
    original = element.find("contact")
    if original is None:
        return None
    contact = ET.Element("contact")
    contact.extend([copy_numbers(part, "") for part in original if part.tag in CONTACT])
    return contact


def _joint(element: ET.Element) -> Joint:
    name, kind = element.get("name", ""), element.get("type", "")
    where = f"joint {name!r}"
    check_numbers(element, READ["joint"], where)
    ends = [element.find(end) for end in ("parent", "child")]
    parent, child = (end.get("link", "") if end is not None else "" for end in ends)
    axis = np.asarray(numbers(element.find("axis"), "xyz", "1 0 0", 3, where))
    if length := math.hypot(*axis):
        axis = axis / length
    elif kind != "fixed":
        raise ValueError(f"{where}: axis xyz must not be zero")
    return Joint(name, kind, parent, child, origin_of(element, where), axis, element)


def _unused(robot: ET.Element) -> dict[str, int]:
    """What a URDF has beyond what is read; dampers and friction of joints if they are not zero."""
    found = [part.tag for part in robot if part.tag not in ("link", "joint", "material")]
    for kind, read in READ.items():
        found += [
            part.tag for whole in robot.iterfind(kind) for part in whole if part.tag not in read
        ]
    for dynamics in robot.iterfind("joint/dynamics"):
        found += [
            f"joint {key}" for key in dynamics.attrib if any(numbers(dynamics, key, "0", 1, ""))
        ]
    return dict(Counter(tag.rpartition("}")[2] for tag in found))


def _check_tree(links: Mapping[str, Link], joints: Iterable[Joint]) -> None:
    if not links:
        raise ValueError("not a URDF: it has no links")
    parents: dict[str, str] = {}
    for joint in joints:
        for role, end in (("parent", joint.parent), ("child", joint.child)):
            if not end:
                raise ValueError(f"joint {joint.name!r} lacks <{role} link=…>")
            if end not in links:
                raise ValueError(f"joint {joint.name!r}: {role}: {unknown('link', end, links)}")
        if joint.child in parents:
            raise ValueError(f"link {joint.child!r} hangs on two joints")
        parents[joint.child] = joint.parent
    roots = [name for name in links if name not in parents]
    if len(roots) != 1:
        names = ", ".join(map(repr, roots[:5])) or "none"
        raise ValueError(f"the links are not one tree (without a parent: {names})")
    for name in links:
        seen = set()
        while name in parents:
            if name in seen:
                raise ValueError(f"the joints form a loop at link {name!r}")
            seen.add(name)
            name = parents[name]


def _release(links: dict[str, Link], joints: dict[str, Joint]) -> None:
    """Leave out a root that stands for the world, to which the robot is joined by nothing."""
    root = next(name for name in links if all(name != joint.child for joint in joints.values()))
    below = [joint for joint in joints.values() if joint.parent == root]
    if links[root].mass or links[root].collisions:
        return
    if [joint.kind for joint in below] == ["floating"]:
        del links[root], joints[below[0].name]
    for joint in below:
        if root == WORLD and joint.kind == "fixed":
            raise ValueError(
                f"joint {joint.name!r} bolts the robot to the world, so it cannot move; make the "
                f"joint floating, or delete it and the link {root!r}"
            )


def origin_of(element: ET.Element, where: str) -> Matrix:
    """Pose of an element's ``<origin>``, ``(4, 4)``: fixed axes, roll, then pitch, then yaw.

    Raises:
        ValueError: If it is not made of numbers; the message begins with ``where``.
    """
    origin = element.find("origin")
    roll, pitch, yaw = numbers(origin, "rpy", "0 0 0", 3, where)
    cr, sr, cp, sp = math.cos(roll), math.sin(roll), math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    pose = np.eye(4)
    pose[:3, :3] = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    pose[:3, 3] = numbers(origin, "xyz", "0 0 0", 3, where)
    return pose
