"""Orientations as quaternions x, y, z, w."""

from __future__ import annotations

import math

Quaternion = tuple[float, float, float, float]


def multiply(first: Quaternion, second: Quaternion) -> Quaternion:
    """The turn by ``second``, then by ``first``; quaternions as x, y, z, w."""
    ax, ay, az, aw = first
    bx, by, bz, bw = second
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotate(
    quaternion: tuple[float, float, float, float], x: float, y: float, z: float
) -> tuple[float, float, float]:
    """Rotate the vector ``(x, y, z)`` by a quaternion x, y, z, w."""
    qx, qy, qz, qw = quaternion
    tx, ty, tz = 2 * (qy * z - qz * y), 2 * (qz * x - qx * z), 2 * (qx * y - qy * x)
    return (
        x + qw * tx + qy * tz - qz * ty,
        y + qw * ty + qz * tx - qx * tz,
        z + qw * tz + qx * ty - qy * tx,
    )


def yaw(quaternion: Quaternion) -> float:
    """Heading, rad, left positive from the world's x axis."""
    x, y, z, w = quaternion
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def tilt(quaternion: Quaternion) -> float:
    """Angle between the body's up axis and the world's, rad."""
    x, y, _, _ = quaternion
    return math.acos(min(max(1.0 - 2.0 * (x * x + y * y), -1.0), 1.0))
