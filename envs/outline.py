"""How large a URDF's collision shapes are."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from envs.mesh_points import mesh_points
from envs.urdf import Link, Matrix, Urdf, origin_of

WITHIN = 0.01  # m that a wheel's middle may stand out of the body and still be behind it


def outline(urdf: Urdf, wheels: Iterable[str]) -> tuple[Matrix, Matrix] | None:
    """Lowest and highest corner of the box around the robot in its base frame, m, ``(3,)`` each.

    A wheel counts as a thin disc, since many robots roll on spheres that are wider than the
    wheels they stand for. A mesh counts if its file's path is absolute, as in the URDF that engines
    are given, and its kind is known to `envs.mesh_points`.

    Args:
        urdf: The robot.
        wheels: Its wheel joints.

    Returns:
        The corners, or None if no shape has a size that the URDF tells.
    """
    discs = {
        part.name
        for name in wheels
        if name in urdf.joints
        for part in rigid_parts(urdf, urdf.joints[name].child)
    }
    points: list[Matrix] = []
    for link in urdf.links.values():
        for element in link.collisions:
            placed = corners(link, element, urdf.poses[link.name])
            if placed is None:
                continue
            if link.name in discs:
                placed[:, 1] = (urdf.poses[link.name] @ origin_of(element, link.name))[1, 3]
            points.append(placed)
    if not points:
        return None
    everything = np.concatenate(points)
    return everything.min(axis=0), everything.max(axis=0)


def rigid_parts(urdf: Urdf, link: str) -> list[Link]:
    """A link and everything that fixed joints attach to it, as a tyre to a hub."""
    parts = [urdf.links[link]]
    for joint in urdf.joints.values():
        if joint.kind == "fixed" and joint.parent == link:
            parts += rigid_parts(urdf, joint.child)
    return parts


def lowest(urdf: Urdf, link: str, poses: Mapping[str, Matrix]) -> Matrix:
    """The middle of a link's underside, m, ``(3,)``: halfway along and across, at its lowest point.

    Args:
        urdf: The robot.
        link: The link; shapes of what is fixed to it count as its own. They are boxes, spheres,
            capsules or cylinders.
        poses: Pose of each link by its name, ``(4, 4)``.

    Raises:
        ValueError: If no shape has a size that the URDF tells.
    """
    boxes = [
        placed
        for part in rigid_parts(urdf, link)
        for element in part.collisions
        if (placed := corners(part, element, poses[part.name])) is not None
    ]
    if not boxes:
        raise ValueError(f"link {link!r} has no box, sphere, capsule or cylinder to stand on")
    points = np.concatenate(boxes)
    low, high = points.min(axis=0), points.max(axis=0)
    return np.asarray([0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), low[2]])


def standing_out(urdf: Urdf, soles: Iterable[str]) -> set[str]:
    """Those links among ``soles`` whose middle is not over or under the rest of the robot."""
    soles = set(soles)
    hull = [
        placed
        for link in urdf.links.values()
        if link.name not in soles
        for element in link.collisions
        if (placed := corners(link, element, urdf.poses[link.name])) is not None
    ]
    if not hull:
        return soles
    points = np.concatenate(hull)
    low, high = points.min(axis=0) - WITHIN, points.max(axis=0) + WITHIN
    middles = {name: urdf.poses[name][:2, 3] for name in soles}
    return {
        name
        for name, middle in middles.items()
        if not ((low[:2] <= middle) & (middle <= high[:2])).all()
    }


def wheel_radius(urdf: Urdf, joint: str) -> float | None:
    """Radius of the sphere or cylinder that a wheel joint turns, m; None if it is neither."""
    for part in rigid_parts(urdf, urdf.joints[joint].child):
        for element in part.collisions:
            for kind in ("sphere", "cylinder"):
                shape = element.find(f"geometry/{kind}")
                if shape is not None:
                    return float(shape.get("radius", "nan"))
    return None


def bottom(link: Link, element: ET.Element, pose: Matrix) -> float | None:
    """Height of a collision shape's lowest point, m; None if its size is unknown.

    Args:
        link: The link it belongs to.
        element: The shape.
        pose: Pose of the link, ``(4, 4)``.
    """
    placed = corners(link, element, pose)
    if placed is None:
        return None
    frame = pose @ origin_of(element, link.name)
    round_shape = next(iter(element.iterfind("geometry/*")))
    if (points := _mesh(element.find("geometry"))) is not None:
        return float((points @ frame[2, :3]).min() + frame[2, 3])
    if round_shape.tag == "box":
        return float(placed[:, 2].min())
    radius, length = (float(round_shape.get(key, "0")) for key in ("radius", "length"))
    along = abs(float(frame[2, 2]))  # of the axis, upwards
    across = math.sqrt(max(1.0 - along**2, 0.0)) if round_shape.tag == "cylinder" else 1.0
    return float(frame[2, 3]) - 0.5 * length * along - radius * across


def corners(link: Link, element: ET.Element, pose: Matrix) -> Matrix | None:
    """Corners of a collision shape's box, ``(8, 3)``; None if its size is not told."""
    geometry = element.find("geometry")
    middle: Matrix = np.zeros(3)
    half = _half_extents(link, geometry)
    if (points := _mesh(geometry)) is not None:
        low, high = points.min(axis=0), points.max(axis=0)
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
    if half is None:
        return None
    placed = pose @ origin_of(element, link.name)
    corners = np.asarray(list(itertools.product((-1.0, 1.0), repeat=3))) * half + middle
    return np.asarray(corners @ placed[:3, :3].T + placed[:3, 3])


def _mesh(geometry: ET.Element | None) -> Matrix | None:
    """Vertices of a mesh whose file is given by an absolute path, as engines are given it, m."""
    mesh = None if geometry is None else geometry.find("mesh")
    file = Path("" if mesh is None else mesh.get("filename", ""))
    if mesh is None or not file.is_absolute():
        return None
    points = mesh_points(file)
    scale = [float(word) for word in mesh.get("scale", "1").split()]
    return None if points is None else np.asarray(points * scale)


def _half_extents(link: Link, geometry: object) -> Matrix | None:
    find = getattr(geometry, "find", lambda kind: None)
    if (box := find("box")) is not None:
        return 0.5 * np.asarray([float(word) for word in box.get("size", "").split()])
    if (sphere := find("sphere")) is not None:
        return np.full(3, float(sphere.get("radius", "nan")))
    if (capsule := find("capsule")) is not None:
        radius = float(capsule.get("radius", "nan"))
        return np.asarray([radius, radius, 0.5 * float(capsule.get("length", "nan")) + radius])
    if (cylinder := find("cylinder")) is not None:
        radius = float(cylinder.get("radius", "nan"))
        return np.asarray([radius, radius, 0.5 * float(cylinder.get("length", "nan"))])
    return None
