"""A world in MuJoCo's own format, made from the same URDF and shapes that PyBullet loads."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from envs.outline import standing_out
from envs.robot import Robot
from envs.simulator import Shape
from envs.supports import assemble
from envs.terrain import HIGHEST, Plot
from envs.urdf import Joint, Link, Matrix, Urdf, origin_of

GROUND_FRICTION = 1.0
GROUNDS = "ground", "field"  # a plane and, where it may be rough, heights over it
AWAY, THICK = -100.0, 1.0  # m: where a field waits, and how deep it is under the lowest height
LINK_FRICTION = 0.5  # of a link whose URDF tells none, as PyBullet assumes
MESHES = ".stl", ".obj"
ROBOT = "robot/"  # before the names of the robot's parts, or one might be called as the world's
SCRIPTED = 3  # the geometry group of what moves by script, which beams see
NO_LIMITS = {"lower": "0", "upper": "-1"}  # what PyBullet takes a limit for that is not given
NARROW = 1e-6  # rad or m
KINDS = {"revolute": "hinge", "continuous": "hinge", "prismatic": "slide"}


@dataclass(frozen=True)
class Pair:
    """Two geometries that may touch.

    Attributes:
        one: A geometry of the robot, or a shape.
        other: A shape, or one of `GROUNDS`.
        friction: Of one surface on the other: the product of theirs.
        link: The robot's link that ``one`` belongs to; empty if it is a shape.
    """

    one: str
    other: str
    friction: float
    link: str = ""


@dataclass(frozen=True)
class World:
    """A described world.

    Attributes:
        text: MJCF.
        urdf: The robot, with its fixed joints merged.
        pairs: What may touch; the model's pairs are named by their places here.
        geometries: Names of each link's geometries.
        supports: Links that the robot stands on besides its soles.
    """

    text: str
    urdf: Urdf
    pairs: tuple[Pair, ...]
    geometries: dict[str, list[str]]
    supports: tuple[str, ...]


def describe_world(
    robot: Robot, shapes: Sequence[Shape], step: float, plot: Plot | None = None
) -> World:
    """Describe a robot on a plane among shapes.

    Args:
        robot: The robot.
        shapes: The shapes: those without mass are moved by script.
        step: Of the engine, s.
        plot: Where a field of heights is, far below until it is wanted.

    Raises:
        ValueError: If the robot has a shape that the engine does not read, or its URDF cannot be
            read.
    """
    assembled = assemble(robot)
    urdf = assembled.urdf
    root = ET.Element("mujoco", model=robot.name)
    ET.SubElement(root, "compiler", angle="radian", autolimits="true", inertiafromgeom="false")
    option = ET.SubElement(
        root,
        "option",
        timestep=repr(step),
        integrator="implicitfast",
        cone="pyramidal",  # as PyBullet has it
    )
    # Else the engine would reset a world that diverged, without a word.
    ET.SubElement(option, "flag", autoreset="disable")
    body = ET.SubElement(root, "worldbody")
    _geom(body, {"name": GROUNDS[0], "type": "plane", "size": "0 0 1"})
    grounds: tuple[str, ...] = GROUNDS[:1]
    if plot is not None:
        grounds = GROUNDS
        _add_field(root, body, plot)
    geometries: dict[str, list[str]] = {}
    assets = ET.SubElement(root, "asset")
    _add_link(body, urdf, urdf.root, None, robot, geometries, assets)
    for k, shape in enumerate(shapes):
        _add_shape(body, k, shape)
    soles = {urdf.joints[name].child for name in robot.soles}
    pairs = tuple(_pairs(urdf, soles, assembled.supports, shapes, geometries, grounds))
    contact = ET.SubElement(root, "contact")
    for k, pair in enumerate(pairs):
        told = {"name": str(k), "geom1": pair.one, "geom2": pair.other, "condim": "3"}
        friction = f"{pair.friction!r} {pair.friction!r} 0.0 0.0 0.0"
        ET.SubElement(contact, "pair", told | {"friction": friction})
    actuator = ET.SubElement(root, "actuator")
    for entry in robot.actuators:
        if entry.kind != "pd":
            for joint in dict.fromkeys((*entry.joints, *entry.brake_joints)):
                name = f"{entry.role}:{ROBOT}{joint}"
                ET.SubElement(
                    actuator, "velocity", name=name, joint=ROBOT + joint, forcerange="-1 1"
                )
    text = ET.tostring(root, encoding="unicode")
    return World(text, urdf, pairs, geometries, assembled.supports)


def _geom(body: ET.Element, told: dict[str, str]) -> None:
    """Add a geometry. Contacts are by named pairs only, each with its own friction."""
    ET.SubElement(body, "geom", told | {"contype": "0", "conaffinity": "0"})


def _add_field(root: ET.Element, body: ET.Element, plot: Plot) -> None:
    half = [0.5 * side for side in plot.sides]
    told = {"nrow": str(plot.shape[1]), "ncol": str(plot.shape[0])}
    told["size"] = _text((*half, 2.0 * HIGHEST, THICK))
    ET.SubElement(ET.SubElement(root, "asset"), "hfield", {"name": GROUNDS[1]} | told)
    at = _text((*plot.middle, AWAY))
    _geom(body, {"name": GROUNDS[1], "type": "hfield", "hfield": GROUNDS[1], "pos": at})


def _add_link(
    parent: ET.Element,
    urdf: Urdf,
    name: str,
    joint: Joint | None,
    robot: Robot,
    geometries: dict[str, list[str]],
    assets: ET.Element,
) -> None:
    link = urdf.links[name]
    pose = np.eye(4) if joint is None else joint.origin
    body = ET.SubElement(parent, "body", {"name": ROBOT + name} | _placed(pose))
    if joint is None:
        ET.SubElement(body, "freejoint", name="base")
    elif joint.kind != "fixed":
        _add_joint(body, joint, robot)
    inertia = link.inertia
    entries = (inertia[k] for k in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))
    if joint is None or joint.kind != "fixed":  # a support has no mass
        told = {"pos": _text(link.center), "mass": repr(link.mass), "fullinertia": _text(entries)}
        ET.SubElement(body, "inertial", told)
    geometries[name] = []
    for k, element in enumerate(link.collisions):
        title = f"{ROBOT}{name}:{k}"
        geometries[name].append(title)
        if (mesh := element.find("geometry/mesh")) is not None:
            _add_mesh(assets, title, mesh, robot)
        _geom(body, {"name": title} | _geometry(link, element, title, robot))
    for other in urdf.joints.values():
        if other.parent == name:
            _add_link(body, urdf, other.child, other, robot, geometries, assets)


def _add_joint(body: ET.Element, joint: Joint, robot: Robot) -> None:
    told = {"name": ROBOT + joint.name, "type": KINDS[joint.kind], "axis": _text(joint.axis)}
    armature = [a.armature for a in robot.actuators if joint.name in a.joints]
    if armature and armature[0]:
        told["armature"] = repr(armature[0])
    limit = joint.element.find("limit")
    if joint.kind != "continuous" and limit is not None:
        low, high = (float(limit.get(key, none)) for key, none in NO_LIMITS.items())
        if low == high:  # a joint that cannot move; the engine wants a range
            low, high = low - NARROW, high + NARROW
        if low < high:
            told["range"] = f"{low!r} {high!r}"
    ET.SubElement(body, "joint", told)


def _add_mesh(assets: ET.Element, title: str, mesh: ET.Element, robot: Robot) -> None:
    file = mesh.get("filename", "")
    if Path(file).suffix.lower() not in MESHES:
        raise ValueError(
            f"{robot.source}: MuJoCo reads meshes of the kinds {', '.join(MESHES)}, not "
            f"{Path(file).name!r}; convert it, or state the robot's [[shapes]]"
        )
    scale = [float(word) for word in mesh.get("scale", "1").split()]
    scale = scale * 3 if len(scale) == 1 else scale
    ET.SubElement(assets, "mesh", name=title, file=file, scale=_text(scale))


def _geometry(link: Link, element: ET.Element, title: str, robot: Robot) -> dict[str, str]:
    geometry = element.find("geometry")
    shape = None if geometry is None else next(iter(geometry), None)
    kind = "nothing" if shape is None else shape.tag
    placed = _placed(origin_of(element, link.name))
    if shape is not None and kind == "box":
        half = [0.5 * float(word) for word in shape.get("size", "").split()]
        return {"type": "box", "size": _text(half), **placed}
    if shape is not None and kind == "sphere":
        return {"type": "sphere", "size": shape.get("radius", ""), **placed}
    if shape is not None and kind in ("capsule", "cylinder"):
        half_length = 0.5 * float(shape.get("length", "nan"))
        return {"type": kind, "size": f"{shape.get('radius', '')} {half_length!r}", **placed}
    if kind == "mesh":  # of which both engines use the convex hull
        return {"type": "mesh", "mesh": title, **placed}
    raise ValueError(
        f"{robot.source}: link {link.name!r} has a {kind} for a collision shape, which this engine "
        "is not given; state its [[shapes]]"
    )


def _add_shape(parent: ET.Element, number: int, shape: Shape) -> None:
    name, scripted = f"shape:{number}", shape.mass == 0
    told = {"name": name, "pos": "0 0 -100"}
    body = ET.SubElement(parent, "body", told | ({"mocap": "true"} if scripted else {}))
    if not scripted:
        ET.SubElement(body, "freejoint", name=name)
        x, y, z = (2.0 * half for half in shape.half_extents)
        squares = (y * y + z * z, x * x + z * z, x * x + y * y)
        inertia = [shape.mass / 12.0 * value for value in squares]
        ET.SubElement(
            body,
            "inertial",
            pos=_text(shape.center),
            mass=repr(shape.mass),
            diaginertia=_text(inertia),
        )
    size = shape.half_extents
    if shape.kind != "box":
        size = (shape.half_extents[0], shape.half_extents[2], 0.0)
    group = str(SCRIPTED if scripted else 0)
    _geom(body, {"name": name, "type": shape.kind, "size": _text(size), "group": group})


def _pairs(
    urdf: Urdf,
    soles: set[str],
    supports: Sequence[str],
    shapes: Sequence[Shape],
    geometries: dict[str, list[str]],
    grounds: Sequence[str],
) -> list[Pair]:
    hull = {link for link, names in geometries.items() if names and link not in soles}
    hull |= standing_out(urdf, {*soles, *supports}) - {*supports}
    pairs = []
    for link, names in geometries.items():
        own = _friction(urdf.links[link])
        for name in names:
            pairs += [Pair(name, ground, own * GROUND_FRICTION, link) for ground in grounds]
            for k, shape in enumerate(shapes):
                if shape.mass > 0 or link in hull:
                    pairs.append(Pair(name, f"shape:{k}", own * LINK_FRICTION, link))
    free = [k for k, shape in enumerate(shapes) if shape.mass > 0]
    for k in free:
        one = f"shape:{k}"
        pairs += [Pair(one, ground, LINK_FRICTION * GROUND_FRICTION) for ground in grounds]
        pairs += [
            Pair(one, f"shape:{other}", LINK_FRICTION**2)
            for other, shape in enumerate(shapes)
            if shape.mass == 0
        ]
    return pairs


def _friction(link: Link) -> float:
    told = None if link.contact is None else link.contact.find("lateral_friction")
    return LINK_FRICTION if told is None else float(told.get("value", LINK_FRICTION))


def _placed(pose: Matrix) -> dict[str, str]:
    return {"pos": _text(pose[:3, 3]), "quat": _text(_quaternion(pose[:3, :3]))}


def _quaternion(turn: Matrix) -> tuple[float, float, float, float]:
    """A rotation matrix as w, x, y, z (Shepperd 1978)."""
    trace = float(np.trace(turn))
    squares = [trace, *np.diag(turn).tolist()]
    k = int(np.argmax(squares))
    largest = math.sqrt(1.0 + 2.0 * squares[k] - trace)
    q = [0.0] * 4
    q[k] = 0.5 * largest
    scale = 0.5 / largest
    if k == 0:
        q[1:] = [
            scale * (turn[2, 1] - turn[1, 2]),
            scale * (turn[0, 2] - turn[2, 0]),
            scale * (turn[1, 0] - turn[0, 1]),
        ]
    else:
        i, j, m = k - 1, k % 3, (k + 1) % 3
        q[0] = scale * (turn[m, j] - turn[j, m])
        q[1 + j] = scale * (turn[j, i] + turn[i, j])
        q[1 + m] = scale * (turn[m, i] + turn[i, m])
    return (q[0], q[1], q[2], q[3])


def _text(values: object) -> str:
    return " ".join(repr(float(value)) for value in values)  # type: ignore[attr-defined]
