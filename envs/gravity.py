"""Gravity as it is felt on ground that may be a slope."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

STANDARD = 9.81  # m/s²


@dataclass(frozen=True)
class Gravity:
    """Which way things fall, in axes of the ground: to lean gravity is to lean the ground.

    Attributes:
        gravity: Factor on its size.
        slope_x: How much the ground rises along x, degrees.
        slope_y: Along y.
    """

    gravity: float = 1.0
    slope_x: float = 0.0
    slope_y: float = 0.0

    @cached_property
    def down(self) -> tuple[float, float, float]:
        """A unit vector."""
        x, y = math.tan(math.radians(self.slope_x)), math.tan(math.radians(self.slope_y))
        norm = math.sqrt(x * x + y * y + 1.0)
        return -x / norm, -y / norm, -1.0 / norm

    @property
    def acceleration(self) -> tuple[float, float, float]:
        """Of free fall, m/s²."""
        size = self.gravity * STANDARD
        x, y, z = self.down
        return size * x, size * y, size * z
