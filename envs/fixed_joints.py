"""A URDF without its fixed joints: what does not move against each other is one link.

This is the only text that engines are given: it holds what they use and nothing else, in short
lines, with inertias that they accept and the paths of meshes that are there.
"""

from __future__ import annotations

import copy
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from envs.inertia import balanced, inertia_flaw
from envs.meshes import find_mesh
from envs.urdf import Joint, Link, Matrix, Urdf, origin_of
from envs.urdf_numbers import INERTIA, SHAPES, copy_numbers

# PyBullet requires a limit and reads this one as none: for joints whose file gives none.
UNLIMITED = {"lower": "0", "upper": "-1"}


def merge_fixed_joints(urdf: Urdf) -> str:
    """The text of ``urdf`` with everything that hangs on fixed joints merged into its carrier.

    Physics engines do this too, but not all of them well: PyBullet 3.2.7 puts a merged link's
    mass at the link's frame instead of at its centre of mass, and gives every frame without
    ``<inertial>`` a mass of 1 kg. Visual shapes are left out, since nothing here draws them.

    Raises:
        ValueError: If a link's mass or inertia is one that no body has, or a collision shape is
            not one of `SHAPES` or its mesh is missing.
    """
    try:
        if flaw := next(flaws(urdf), None):
            raise ValueError(flaw)
        robot = ET.Element("robot", name=urdf.path.stem)
        links = merged_links(urdf).values()
        robot.extend([_link(balanced(link), urdf.path) for link in links])
    except ValueError as error:
        raise ValueError(f"{urdf.path}: {error}") from None
    carrier = _carriers(urdf)
    for joint in urdf.joints.values():
        if joint.kind != "fixed":
            base = carrier[joint.parent]
            offset = np.linalg.inv(urdf.poses[base]) @ urdf.poses[joint.parent]
            robot.append(_joint(joint, base, offset @ joint.origin))
    ET.indent(robot)  # PyBullet reads lines of limited length
    return ET.tostring(robot, encoding="unicode")


def number_parts(text: str) -> tuple[str, dict[str, str]]:
    """Give links and joints short names that no engine reserves, whatever a URDF calls them.

    Args:
        text: URDF text, as `merge_fixed_joints` returns it.

    Returns:
        The text with the new names, and the old names of links and joints by the new ones.
    """
    robot = ET.fromstring(text)
    names = {}
    links = {}
    for k, link in enumerate(robot.iterfind("link")):
        name, short = link.get("name", ""), f"link_{k}"
        names[short], links[name] = name, short
        link.set("name", short)
    for k, joint in enumerate(robot.iterfind("joint")):
        names[f"joint_{k}"] = joint.get("name", "")
        joint.set("name", f"joint_{k}")
        for end in (*joint.iterfind("parent"), *joint.iterfind("child")):
            end.set("link", links[end.get("link", "")])
    return ET.tostring(robot, encoding="unicode"), names


def flaws(urdf: Urdf) -> Iterator[str]:
    """What no engine can simulate of the masses and inertias, each in a sentence."""
    negative = [link for link in urdf.links.values() if link.mass < 0]
    for link in negative:
        yield f"link {link.name!r}: mass {link.mass:g} kg must not be negative"
    if not negative:
        yield from filter(None, map(inertia_flaw, merged_links(urdf).values()))


def merged_links(urdf: Urdf) -> dict[str, Link]:
    """The links that move, each with all that is fixed to it; meshes are named as in the URDF."""
    carrier = _carriers(urdf)
    parts: dict[str, list[Link]] = {}
    for link in urdf.links.values():
        parts.setdefault(carrier[link.name], []).append(link)
    return {
        name: _merged(
            name, own, [np.linalg.inv(urdf.poses[name]) @ urdf.poses[part.name] for part in own]
        )
        for name, own in parts.items()
    }


def _carriers(urdf: Urdf) -> dict[str, str]:
    """Which link each link is part of."""
    carrier = {urdf.root: urdf.root}
    while len(carrier) < len(urdf.links):
        for joint in urdf.joints.values():
            if joint.parent in carrier:
                rigid = joint.kind == "fixed"
                carrier[joint.child] = carrier[joint.parent] if rigid else joint.child
    return carrier


def _merged(name: str, parts: Sequence[Link], offsets: Sequence[Matrix]) -> Link:
    mass = sum(part.mass for part in parts)
    centers = [
        offset[:3, :3] @ p.center + offset[:3, 3] for p, offset in zip(parts, offsets, strict=True)
    ]
    center = sum((part.mass * at for part, at in zip(parts, centers, strict=True)), np.zeros(3)) / (
        mass or 1.0
    )
    inertia = np.zeros((3, 3))
    collisions = []
    for part, offset, at in zip(parts, offsets, centers, strict=True):
        arm = at - center  # the parallel-axis theorem
        inertia += offset[:3, :3] @ part.inertia @ offset[:3, :3].T
        inertia += part.mass * (arm @ arm * np.eye(3) - np.outer(arm, arm))
        collisions += [_moved(original, offset, part.name) for original in part.collisions]
    contacts = [part.contact for part in parts if part.contact is not None]
    return Link(name, mass, center, inertia, tuple(collisions), next(iter(contacts), None))


def _moved(original: ET.Element, offset: Matrix, name: str) -> ET.Element:
    collision = ET.Element("collision", original.attrib)
    collision.append(_origin(offset @ origin_of(original, name)))
    collision.extend(original.findall("geometry"))
    return collision


def _link(link: Link, urdf: Path) -> ET.Element:
    element = ET.Element("link", name=link.name)
    inertial = ET.SubElement(element, "inertial")
    ET.SubElement(inertial, "origin", xyz=_text(link.center))
    ET.SubElement(inertial, "mass", value=repr(float(link.mass)))
    values = {key: repr(float(link.inertia[at])) for key, at in INERTIA.items()}
    ET.SubElement(inertial, "inertia", values)
    try:
        element.extend([_collision(collision, urdf) for collision in link.collisions])
    except ValueError as error:
        raise ValueError(f"link {link.name!r}: {error}") from None
    if link.contact is not None:
        element.append(copy.deepcopy(link.contact))
    return element


def _collision(original: ET.Element, urdf: Path) -> ET.Element:
    shapes = [shape for geometry in original.iterfind("geometry") for shape in geometry]
    if len(shapes) != 1 or shapes[0].tag not in SHAPES:
        given = ", ".join(f"<{shape.tag[:20]}>" for shape in shapes[:5]) or "nothing"
        raise ValueError(f"a <collision> has {given}, not one of {', '.join(SHAPES)}")
    (shape,) = shapes
    concave = {key: value for key, value in original.attrib.items() if key == "concave"}
    collision = ET.Element("collision", {key: value[:8] for key, value in concave.items()})
    collision.extend(original.findall("origin"))
    made = copy_numbers(shape, "")
    if shape.tag == "mesh":
        made.set("filename", str(find_mesh(shape.get("filename", ""), urdf)))
    ET.SubElement(collision, "geometry").append(made)
    return collision


def _joint(joint: Joint, base: str, origin: Matrix) -> ET.Element:
    element = ET.Element("joint", name=joint.name, type=joint.kind)
    element.append(_origin(origin))
    ET.SubElement(element, "parent", link=base)
    ET.SubElement(element, "child", link=joint.child)
    ET.SubElement(element, "axis", xyz=_text(joint.axis))
    limit = joint.element.find("limit")
    if limit is not None:
        element.append(copy_numbers(limit, joint.name))
    elif joint.kind != "continuous":
        ET.SubElement(element, "limit", UNLIMITED)
    return element


def _text(values: Matrix | Sequence[float]) -> str:
    return " ".join(repr(float(value)) for value in values)


def _origin(pose: Matrix) -> ET.Element:
    level = math.hypot(pose[0, 0], pose[1, 0])
    pitch = math.atan2(-pose[2, 0], level)
    if level > 1e-9:
        roll = math.atan2(pose[2, 1], pose[2, 2])
        yaw = math.atan2(pose[1, 0], pose[0, 0])
    else:  # straight up or down, roll and yaw are one turn
        roll, yaw = 0.0, math.atan2(-pose[0, 1], pose[1, 1])
    return ET.Element("origin", xyz=_text(pose[:3, 3]), rpy=_text([roll, pitch, yaw]))
