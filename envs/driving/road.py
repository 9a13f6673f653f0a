"""A two-lane road as a centreline of arcs, and the coordinates along it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LANE_WIDTH = 3.6  # m, a usual urban lane
SPACING = 0.5  # m between the points that represent the centreline
EASING = 8  # points on either side over which curvature is averaged
RUN_OFF = 60.0  # m of straight road beyond the last bend, for what drives or looks past the end


class Road:
    """Points of a centreline; ``s`` runs along it, ``d`` to its left, both in metres.

    Args:
        bends: Pairs of length (m) and curvature (1/m, left positive).
    """

    def __init__(self, bends: Sequence[tuple[float, float]]) -> None:
        points = [max(1, round(length / SPACING)) for length, _ in bends]
        ends = (points[0] + EASING, *points[1:], round(RUN_OFF / SPACING) + EASING)
        curvature = np.repeat([*(k for _, k in bends), 0.0], ends)
        # A driver turns the wheel over some metres: bends begin and end gradually.
        window = np.ones(2 * EASING) / (2 * EASING)
        curvature = np.convolve(curvature, window, mode="same")[EASING:-EASING]
        heading, x, y = np.zeros((3, len(curvature) + 1))
        np.cumsum(curvature * SPACING, out=heading[1:])
        middle = 0.5 * (heading[1:] + heading[:-1])
        np.cumsum(np.cos(middle) * SPACING, out=x[1:])
        np.cumsum(np.sin(middle) * SPACING, out=y[1:])
        self.length = SPACING * len(curvature)
        # Lists, since single points are read and lists are faster than arrays at that.
        self._x, self._y, self._heading = x.tolist(), y.tolist(), heading.tolist()
        self._last = len(curvature) - 1

    def pose(self, s: float, d: float) -> tuple[float, float, float]:
        """World position (m) and heading (rad) at ``s``, ``d`` metres left of the centreline."""
        i = min(max(int(s / SPACING), 0), self._last)
        heading = self._heading[i]
        along = s - i * SPACING
        cos, sin = math.cos(heading), math.sin(heading)
        return self._x[i] + along * cos - d * sin, self._y[i] + along * sin + d * cos, heading

    def project(self, x: float, y: float, near: float) -> tuple[float, float, float]:
        """``s``, ``d`` and road heading of a world point, searched from ``near`` (m along)."""
        i = min(max(int(near / SPACING), 0), self._last)
        while True:
            heading = self._heading[i]
            dx, dy = x - self._x[i], y - self._y[i]
            along = dx * math.cos(heading) + dy * math.sin(heading)
            if along > SPACING and i < self._last:
                i += 1
            elif along < 0.0 and i > 0:
                i -= 1
                if along > -SPACING:  # inside the wedge between two segments of a bend
                    break
            else:
                break
        heading = self._heading[i]
        dx, dy = x - self._x[i], y - self._y[i]
        along = dx * math.cos(heading) + dy * math.sin(heading)
        return i * SPACING + along, dy * math.cos(heading) - dx * math.sin(heading), heading
