"""What a URDF says, as data, and the same robot without its fixed joints."""

from __future__ import annotations

import copy
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


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
        poses = {self.root: np.eye(4)}
        waiting = list(self.joints.values())
        while waiting:
            joint = waiting.pop(0)
            if joint.parent in poses:
                poses[joint.child] = poses[joint.parent] @ joint.origin
            else:
                waiting.append(joint)
        return poses

    def axis(self, joint: str) -> Matrix:
        """A joint's axis in the base's frame when all joints are at zero, shape ``(3,)``."""
        found = self.joints[joint]
        return self.poses[found.child][:3, :3] @ found.axis

    def place(self, joint: str) -> Matrix:
        """A joint's origin in the base's frame when all joints are at zero, m, shape ``(3,)``."""
        return self.poses[self.joints[joint].child][:3, 3]


def read_urdf(path: Path) -> Urdf:
    """Read a URDF.

    Raises:
        ValueError: If it is not XML, or its links and joints are not one tree.
    """
    try:
        robot = ET.parse(path).getroot()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    except ET.ParseError as error:
        raise ValueError(f"{path}: not a URDF: {error}") from None
    try:
        links = {link.name: link for link in map(_link, robot.findall("link"))}
        joints = {joint.name: joint for joint in map(_joint, robot.findall("joint"))}
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    _check_tree(path, links, joints.values())
    return Urdf(path, links, joints)


def _link(element: ET.Element) -> Link:
    inertial = element.find("inertial")
    mass, center, inertia = 0.0, np.zeros(3), np.zeros((3, 3))
    where = f"link {element.get('name')!r}"
    if inertial is not None:
        pose = _origin(inertial, where)
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
    ends = [element.find(end) for end in ("parent", "child")]
    parent, child = (end.get("link", "") if end is not None else "" for end in ends)
    return Joint(
        name,
        element.get("type", ""),
        parent,
        child,
        _origin(element, where),
        np.asarray(_numbers(element.find("axis"), "xyz", "1 0 0", 3, where)),
        element,
    )


def _numbers(
    element: ET.Element | None, key: str, default: str, count: int, where: str
) -> list[float]:
    text = default if element is None else element.get(key, default)
    if text.startswith("$("):  # a xacro argument that nobody expanded: engines read the default
        text = default
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        raise ValueError(f"{where}: {key}={text!r} is not a number") from None
    if len(values) != count:
        raise ValueError(f"{where}: {key}={text!r} should be {count} number(s)")
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


def merge_fixed_joints(urdf: Urdf) -> str:
    """The text of a URDF in which what does not move against each other is one link.

    Physics engines do this too, but not all of them well: PyBullet forgets where the merged
    link's centre of mass is, and gives every frame without ``<inertial>`` a mass of 1 kg. Visual
    shapes are left out, since nothing here draws them.
    """
    carrier = {urdf.root: urdf.root}
    while len(carrier) < len(urdf.links):
        for joint in urdf.joints.values():
            if joint.parent in carrier:
                rigid = joint.kind == "fixed"
                carrier[joint.child] = carrier[joint.parent] if rigid else joint.child
    robot = ET.Element("robot", name=urdf.path.stem)
    for name in dict.fromkeys(carrier[link] for link in urdf.links):
        parts = [link for link in urdf.links.values() if carrier[link.name] == name]
        offsets = [np.linalg.inv(urdf.poses[name]) @ urdf.poses[part.name] for part in parts]
        robot.append(_merged(name, parts, offsets, urdf.path.parent))
    for joint in urdf.joints.values():
        if joint.kind != "fixed":
            element = copy.deepcopy(joint.element)
            base = carrier[joint.parent]
            offset = np.linalg.inv(urdf.poses[base]) @ urdf.poses[joint.parent]
            _set_origin(element, offset @ joint.origin)
            for end in element.findall("parent"):
                end.set("link", base)
            robot.append(element)
    ET.indent(robot)  # PyBullet reads lines of limited length
    return ET.tostring(robot, encoding="unicode")


def _merged(
    name: str, parts: Sequence[Link], offsets: Sequence[Matrix], folder: Path
) -> ET.Element:
    mass = sum(part.mass for part in parts)
    centers = [
        offset[:3, :3] @ p.center + offset[:3, 3] for p, offset in zip(parts, offsets, strict=True)
    ]
    center = sum((part.mass * at for part, at in zip(parts, centers, strict=True)), np.zeros(3)) / (
        mass or 1.0
    )
    inertia = np.zeros((3, 3))
    for part, offset, at in zip(parts, offsets, centers, strict=True):
        arm = at - center  # the parallel-axis theorem
        inertia += offset[:3, :3] @ part.inertia @ offset[:3, :3].T
        inertia += part.mass * (arm @ arm * np.eye(3) - np.outer(arm, arm))
    link = ET.Element("link", name=name)
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "origin", xyz=_text(center))
    ET.SubElement(inertial, "mass", value=repr(float(mass)))
    keys = {
        "ixx": (0, 0),
        "iyy": (1, 1),
        "izz": (2, 2),
        "ixy": (0, 1),
        "ixz": (0, 2),
        "iyz": (1, 2),
    }
    ET.SubElement(inertial, "inertia", {k: repr(float(inertia[at])) for k, at in keys.items()})
    for part, offset in zip(parts, offsets, strict=True):
        for original in part.collisions:
            collision = copy.deepcopy(original)
            _set_origin(collision, offset @ _origin(collision, name))
            for mesh in collision.iter("mesh"):
                file = folder / mesh.get("filename", "")
                if file.is_file():  # else the engine's own search, e.g. for package://
                    mesh.set("filename", str(file.resolve()))
            link.append(collision)
    contacts = [part.contact for part in parts if part.contact is not None]
    link.extend(contacts[:1])
    return link


def _text(values: Matrix) -> str:
    return " ".join(repr(float(value)) for value in values)


def _origin(element: ET.Element, where: str) -> Matrix:
    """Pose of an element's ``<origin>``, ``(4, 4)``: fixed axes, roll, then pitch, then yaw."""
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


def _set_origin(element: ET.Element, pose: Matrix) -> None:
    for origin in element.findall("origin"):
        element.remove(origin)
    level = math.hypot(pose[0, 0], pose[1, 0])
    pitch = math.atan2(-pose[2, 0], level)
    if level > 1e-9:
        roll = math.atan2(pose[2, 1], pose[2, 2])
        yaw = math.atan2(pose[1, 0], pose[0, 0])
    else:  # straight up or down, roll and yaw are one turn
        roll, yaw = 0.0, math.atan2(-pose[0, 1], pose[1, 1])
    rpy = _text(np.asarray([roll, pitch, yaw]))
    element.insert(0, ET.Element("origin", xyz=_text(pose[:3, 3]), rpy=rpy))
