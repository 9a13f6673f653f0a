"""What a robot stands on besides its wheels or feet: casters, skids and balls.

A collision shape that reaches the ground in the nominal posture is meant to touch it, whichever
link it belongs to, so that its contact with the ground is no collision. Engines keep friction and
contacts by link, so such a shape becomes a link of its own, without mass, on a fixed joint.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.fixed_joints import merge_fixed_joints
from envs.interface import unknown
from envs.outline import bottom, outline, rigid_parts
from envs.robot import Robot
from envs.urdf import Link, Urdf, parse_urdf

REACH = 0.02  # of the robot's largest extent, within which a shape reaches the ground
NOTHING = dict.fromkeys(("ixx", "iyy", "izz", "ixy", "ixz", "iyz"), "0")


@dataclass(frozen=True)
class Assembled:
    """A robot as engines load it.

    Attributes:
        text: Its URDF, in which what is rigid is one link, except for shapes that it stands on.
        urdf: The same, read.
        supports: Names of the links that may touch the ground besides the robot's soles.
    """

    text: str
    urdf: Urdf
    supports: tuple[str, ...]


def assemble(robot: Robot) -> Assembled:
    """Merge what is rigid, and separate the shapes that a robot stands on.

    Raises:
        ValueError: If the URDF cannot be read, or lacks a joint that the robot names.
    """
    _check_joints(robot)
    text = merge_fixed_joints(robot.model)
    merged = parse_urdf(text, robot.urdf)
    grounded = _grounded(robot, merged)
    if not any(any(stands) for stands in grounded.values()):
        return Assembled(text, merged, ())
    root = ET.fromstring(text)
    supports: list[str] = []
    for element in root.findall("link"):
        stands = grounded[element.get("name", "")]
        if stands and all(stands):
            supports.append(element.get("name", ""))
        elif any(stands):
            supports += _separate(root, element, robot.model, stands)
    ET.indent(root)  # PyBullet reads lines of limited length
    text = ET.tostring(root, encoding="unicode")
    return Assembled(text, parse_urdf(text, robot.urdf), tuple(supports))


def _check_joints(robot: Robot) -> None:
    joints = robot.model.joints
    named = {joint for a in robot.actuators for joint in (*a.joints, *a.brake_joints)}
    for name in sorted(named | set(robot.soles)):
        if name not in joints:
            raise ValueError(f"{robot.source}: " + unknown("joint", name, joints))
        if joints[name].kind == "fixed":
            raise ValueError(f"{robot.source}: joint {name!r} is fixed, so it cannot move")


def _grounded(robot: Robot, merged: Urdf) -> dict[str, list[bool]]:
    """Of each link's shapes, whether they reach the ground; those of the soles do not count."""
    box = outline(merged, ())
    extent = 0.0 if box is None else float(np.max(box[1] - box[0]))
    start = {name: at for name, (at, _) in robot.start(0.0).items() if name in merged.joints}
    poses = merged.posed({name: merged.sign(name) * at for name, at in start.items()})
    soles = {merged.joints[name].child for name in robot.soles if name in merged.joints}
    found = {}
    for link in merged.links.values():
        bottoms = [bottom(link, element, poses[link.name]) for element in link.collisions]
        found[link.name] = [
            link.name not in soles
            and lowest is not None
            and lowest <= REACH * extent - robot.height
            for lowest in bottoms
        ]
    return found


def _separate(
    root: ET.Element, merged: ET.Element, urdf: Urdf, stands: Sequence[bool]
) -> list[str]:
    """Move the shapes that reach the ground out of a merged link, and name the links they are in.

    Args:
        root: The merged URDF, which new links are added to.
        merged: The link; its shapes are those of its parts, in the order of ``urdf``.
        urdf: The robot before it was merged.
        stands: Whether each shape reaches the ground.
    """
    name = merged.get("name", "")
    rigid = {part.name for part in rigid_parts(urdf, name)}
    owners = [part for part in urdf.links.values() if part.name in rigid for _ in part.collisions]
    made: dict[str, ET.Element] = {}
    for part, shape, grounded in zip(owners, merged.findall("collision"), stands, strict=True):
        if grounded:
            if part.name not in made:
                made[part.name] = _add_link(root, name, part, f"{part.name}_support")
            merged.remove(shape)
            made[part.name].append(shape)
    return [element.get("name", "") for element in made.values()]


def _add_link(root: ET.Element, parent: str, part: Link, name: str) -> ET.Element:
    """Attach a link without mass that has a part's friction, in the parent's own frame."""
    while any(element.get("name") == name for element in root):
        name += "_"
    link = ET.SubElement(root, "link", name=name)
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "mass", value="0")
    ET.SubElement(inertial, "inertia", NOTHING)
    if part.contact is not None:
        link.append(part.contact)
    joint = ET.SubElement(root, "joint", name=name, type="fixed")
    ET.SubElement(joint, "parent", link=parent)
    ET.SubElement(joint, "child", link=name)
    return link
