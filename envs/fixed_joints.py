"""A URDF without its fixed joints: what does not move against each other is one link."""

from __future__ import annotations

import copy
import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from envs.urdf import Link, Matrix, Urdf, origin_of


def merge_fixed_joints(urdf: Urdf) -> str:
    """The text of ``urdf`` with everything that hangs on fixed joints merged into its carrier.

    Physics engines do this too, but not all of them well: PyBullet 3.2.7 puts a merged link's
    mass at the link's frame instead of at its centre of mass, and gives every frame without
    ``<inertial>`` a mass of 1 kg. Visual shapes are left out, since nothing here draws them.
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
            _set_origin(collision, offset @ origin_of(collision, name))
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
