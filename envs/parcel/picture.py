"""The robot and its parcel from the side, drawn with Pillow from the shapes in its URDF."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull

from envs.outline import corners
from envs.parcel.humanoid import Humanoid
from envs.quaternion import Quaternion, rotate
from envs.simulator import Shape
from envs.terrain import Terrain

WIDTH, HEIGHT = 480, 400  # pixels
SMOOTH = 2  # drawn larger by this factor, then reduced: smooth edges
SKY, GROUND, STRIPE, STAND = (232, 238, 243), (196, 198, 190), (180, 182, 174), (92, 160, 92)
NEAR_SIDE, FAR_SIDE, TRUNK, BOX = (54, 110, 176), (138, 170, 204), (80, 130, 186), (176, 124, 70)
ROUND = 24  # points that a circle is drawn with
VIEW = math.radians(25.0)  # the camera looks from the right, a little from the front


@dataclass(frozen=True)
class Scene:
    """What is drawn.

    Attributes:
        position: Of the robot's base, m.
        turn: Of the robot's base.
        angles: Positions of its joints about the base's axes, by actuator, rad.
        parcel: Corners of the parcel in the world, m, ``(8, 3)``.
        stand: Points whose convex hulls it is made of, in the world, m, ``(n, 3)`` each.
        terrain: Bumps of the ground; None if it is level.
    """

    position: tuple[float, float, float]
    turn: Quaternion
    angles: NDArray[np.float64]
    parcel: NDArray[np.float64]
    stand: tuple[NDArray[np.float64], ...]
    terrain: Terrain | None = None


def paint(robot: Humanoid, scene: Scene) -> NDArray[np.uint8]:
    """Draw a scene.

    Args:
        robot: Who is in it.
        scene: Where everything is.

    Returns:
        RGB, shape ``(HEIGHT, WIDTH, 3)``.
    """
    image = Image.new("RGB", (WIDTH * SMOOTH, HEIGHT * SMOOTH), SKY)
    draw = ImageDraw.Draw(image)
    scale = SMOOTH * 0.42 * HEIGHT / robot.height
    x, y, _ = scene.position
    floor = SMOOTH * HEIGHT * 0.9

    def pixels(points: NDArray[np.float64]) -> NDArray[np.float64]:
        """From the world to the picture; the camera goes along with the robot."""
        ahead = points[:, 0] - x
        aside = points[:, 1] - y
        across = ahead * math.cos(VIEW) - aside * math.sin(VIEW)
        depth = ahead * math.sin(VIEW) + aside * math.cos(VIEW)
        level = floor - scale * (points[:, 2] - 0.25 * -depth)
        return np.stack([SMOOTH * WIDTH * 0.45 + scale * across, level], axis=1)

    draw.rectangle((0, SMOOTH * HEIGHT * 0.72, SMOOTH * WIDTH, SMOOTH * HEIGHT), fill=GROUND)
    for points, width in _ground(scene):
        line = [tuple(point) for point in pixels(points).tolist()]
        draw.line(line, fill=STRIPE, width=width * SMOOTH)
    things = [
        *_bodies(robot, scene),
        (scene.parcel, BOX),
        *((box, STAND) for box in scene.stand),
    ]
    # What is farther from the camera, on the left, first.
    for points, colour in sorted(things, key=lambda thing: -float(thing[0][:, 1].mean())):
        flat = pixels(points)
        outline = flat[ConvexHull(flat).vertices]
        polygon = [tuple(point) for point in outline.tolist()]
        draw.polygon(polygon, fill=colour, outline=tuple(c // 2 for c in colour))
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def _ground(scene: Scene) -> Iterator[tuple[NDArray[np.float64], int]]:
    """Lines on it and their widths: one each metre; where it is not level, some ahead, too."""
    x, y, _ = scene.position
    metres = math.floor(x) + np.arange(-8, 9)
    aside = y + np.linspace(-0.6, 0.6, 2 if scene.terrain is None else 13)
    for metre in metres:
        yield _on_ground(scene.terrain, np.full(len(aside), float(metre)), aside), 2
    if scene.terrain is not None:
        ahead = np.arange(metres[0], metres[-1], 0.05)
        for side in aside[::3]:
            yield _on_ground(scene.terrain, ahead, np.full(len(ahead), side)), 1


def _on_ground(
    terrain: Terrain | None, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    z = np.zeros(len(x)) if terrain is None else terrain.heights_at(x, y)
    return np.stack([x, y, z], axis=1)


def _bodies(
    robot: Humanoid, scene: Scene
) -> Iterator[tuple[NDArray[np.float64], tuple[int, int, int]]]:
    """Corners of every shape in the world, and its colour."""
    angles = {
        joint: robot.model.sign(joint) * float(angle)
        for actuator, angle in zip(robot.actuators, scene.angles, strict=True)
        for joint in actuator.joints
    }
    poses = robot.model.posed(angles)
    for name, link in robot.model.links.items():
        colour = FAR_SIDE if name.startswith("left") else NEAR_SIDE
        colour = TRUNK if name == robot.model.root else colour
        for element in link.collisions:
            placed = corners(link, element, poses[name])
            if placed is not None:
                world = [rotate(scene.turn, *point) for point in placed.tolist()]
                yield np.asarray(world) + np.asarray(scene.position), colour


def box(
    shape: Shape, position: tuple[float, float, float], turn: Quaternion
) -> NDArray[np.float64]:
    """Corners of a box, m, ``(8, 3)``."""
    corners = np.asarray(list(itertools.product((-1.0, 1.0), repeat=3))) * shape.half_extents
    return np.asarray([rotate(turn, *corner) for corner in corners.tolist()]) + position


def upright(shape: Shape, position: tuple[float, float, float]) -> NDArray[np.float64]:
    """Points around an upright cylinder's ends, m, ``(2 ROUND, 3)``."""
    radius, _, half = shape.half_extents
    angles = np.linspace(0.0, 2.0 * math.pi, ROUND, endpoint=False)
    rim = np.stack([radius * np.cos(angles), radius * np.sin(angles), np.full(ROUND, half)], axis=1)
    return np.concatenate([rim, rim * (1.0, 1.0, -1.0)]) + position
