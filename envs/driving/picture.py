"""The driving world from above, drawn with Pillow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from envs.driving.road import LANE_WIDTH, Road
from envs.driving.traffic import Traffic, User
from envs.terrain import Terrain

WIDTH, HEIGHT = 360, 560  # pixels
SCALE = 11.0  # pixels a metre
BEHIND = 0.78 * HEIGHT  # the robot's place from the top, pixels
SMOOTH = 2  # drawn larger by this factor, then reduced: smooth edges
RELIEF, STEEP = 4, 0.1  # pixels between lights and shadows on bumps; the slope that is lit most
GRASS, ASPHALT, LINE = (214, 226, 205), (86, 90, 97), (240, 240, 236)
EGO, PARKED, SLOW, WRONG_WAY, PERSON = (
    (38, 110, 196),
    (150, 154, 162),
    (231, 163, 46),
    (203, 52, 52),
    (150, 50, 160),
)


def paint(
    road: Road,
    traffic: Traffic,
    ego: User,
    pose: tuple[float, float, float],
    goal: float,
    terrain: Terrain | None = None,
) -> NDArray[np.uint8]:
    """Draw a robot's surroundings, its heading upwards.

    Args:
        road: Where it drives.
        traffic: Who else is there.
        ego: The robot's place and outline.
        pose: Its position (m) and yaw (rad) in the world.
        goal: Where along the road it is due, m.
        terrain: Bumps of the ground, lit from the left; None if it is level.

    Returns:
        RGB, shape ``(HEIGHT, WIDTH, 3)``.
    """
    image = Image.new("RGB", (WIDTH * SMOOTH, HEIGHT * SMOOTH), GRASS)
    draw = ImageDraw.Draw(image)
    x, y, yaw = pose
    cos, sin = math.cos(yaw), math.sin(yaw)

    def pixel(px: float, py: float) -> tuple[float, float]:
        dx, dy = px - x, py - y
        ahead, left = dx * cos + dy * sin, dy * cos - dx * sin
        return (SMOOTH * (WIDTH / 2 - left * SCALE), SMOOTH * (BEHIND - ahead * SCALE))

    def strip(d: float, start: float, end: float) -> list[tuple[float, float]]:
        steps = np.arange(start, end + 1e-6, 1.0)
        return [pixel(*road.pose(float(s), d)[:2]) for s in steps]

    near, far = max(ego.s - 16.0, 0.0), ego.s + 46.0
    left, right = strip(LANE_WIDTH, near, far), strip(-LANE_WIDTH, near, far)
    draw.polygon(left + right[::-1], fill=ASPHALT)
    for edge in (left, right):
        draw.line(edge, fill=LINE, width=2 * SMOOTH)
    for dash in range(int(near // 6), int(far // 6) + 1):
        draw.line(strip(0.0, dash * 6.0, dash * 6.0 + 2.5), fill=LINE, width=2 * SMOOTH)
    ends = [pixel(*road.pose(goal, d)[:2]) for d in (-LANE_WIDTH, LANE_WIDTH)]
    draw.line(ends, fill=(64, 160, 80), width=6 * SMOOTH)
    if terrain is not None:
        image.paste(*_relief(terrain, pose))

    def box(user: User, yaw_of: float, center: tuple[float, float], color: tuple[int, ...]) -> None:
        c, s = math.cos(yaw_of), math.sin(yaw_of)
        corners = [
            pixel(center[0] + a * c - b * s, center[1] + a * s + b * c)
            for a, b in (
                (user.half_length, user.half_width),
                (user.half_length, -user.half_width),
                (-user.half_length, -user.half_width),
                (-user.half_length, user.half_width),
            )
        ]
        draw.polygon(corners, fill=color, outline=(40, 40, 44))
        front = [0.55 * user.half_length, 0.8 * user.half_width]
        glass = [
            pixel(center[0] + a * c - b * s, center[1] + a * s + b * c)
            for a, b in ((front[0], front[1]), (front[0], -front[1]))
        ]
        draw.line(glass, fill=(225, 235, 245), width=3 * SMOOTH)

    for user in traffic.users:
        ux, uy, heading = road.pose(user.s, user.d)
        if user.pedestrian:
            px, py = pixel(ux, uy)
            radius = 5 * SMOOTH
            draw.ellipse((px - radius, py - radius, px + radius, py + radius), fill=PERSON)
        elif user in traffic.parked:
            box(user, heading, (ux, uy), PARKED)
        else:
            against = user in traffic.wrong_way
            turned = heading + math.pi if against else heading
            box(user, turned, (ux, uy), WRONG_WAY if against else SLOW)
    box(ego, yaw, (x, y), EGO)
    smaller = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    return np.asarray(smaller, dtype=np.uint8)


def _relief(
    terrain: Terrain, pose: tuple[float, float, float]
) -> tuple[Image.Image, tuple[int, int], Image.Image]:
    """Light and shadow on bumps: white and black, where, and how much of it."""
    x, y, yaw = pose
    cos, sin = math.cos(yaw), math.sin(yaw)
    step = RELIEF / SCALE
    ahead = (BEHIND / SCALE - step * np.arange(HEIGHT // RELIEF + 1))[:, None]
    left = (0.5 * WIDTH / SCALE - step * np.arange(WIDTH // RELIEF + 1))[None, :]
    heights = terrain.heights_at(x + ahead * cos - left * sin, y + ahead * sin + left * cos)
    slope = gaussian_filter(np.gradient(heights, step, axis=1), 1.0) / STEEP
    size = WIDTH * SMOOTH, HEIGHT * SMOOTH
    much = Image.fromarray(np.uint8(np.minimum(np.abs(slope), 0.5) * 255)).resize(size)
    light = Image.fromarray(np.where(slope > 0.0, np.uint8(255), np.uint8(0))).resize(size)
    return light.convert("RGB"), (0, 0), much
