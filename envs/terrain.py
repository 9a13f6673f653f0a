"""Ground that is not flat: smooth bumps, drawn for an episode, and spots that stay level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.special import erf

HIGHEST = 0.1  # m that bumps rise at most; the lowest beam of a shipped car passes over them
DIRECTIONS = 16  # of the waves of each length, so many that heights are normal to the eye


@dataclass(frozen=True)
class Plot:
    """Where a task's ground can be rough; all around it is level.

    Attributes:
        low: Its corner with the least x and y, m.
        shape: Points along x and y whose heights are told.
        spacing: Between them, m.
        wavelengths: Of bumps, m.
    """

    low: tuple[float, float]
    shape: tuple[int, int]
    spacing: float
    wavelengths: tuple[float, ...]

    @property
    def sides(self) -> tuple[float, float]:
        """Lengths along x and y, m."""
        return self.spacing * (self.shape[0] - 1), self.spacing * (self.shape[1] - 1)

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle, m."""
        return self.low[0] + 0.5 * self.sides[0], self.low[1] + 0.5 * self.sides[1]

    @cached_property
    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The points' x and y, m."""
        x = self.low[0] + self.spacing * np.arange(self.shape[0], dtype=np.float64)
        y = self.low[1] + self.spacing * np.arange(self.shape[1], dtype=np.float64)
        return x, y


@dataclass(frozen=True)
class Spot:
    """A disc that stays level; the bumps around it have their full height from twice its radius.

    Attributes:
        x: Of its middle, m.
        y: m.
        radius: m.
    """

    x: float
    y: float
    radius: float


@dataclass(frozen=True, eq=False)
class Terrain:
    """The ground of an episode.

    Attributes:
        plot: Where it is rough.
        heights: Of the plot's points, m, ``shape``; none is farther from 0 than `roughness`.
        roughness: m; around the plot the ground is as low as the lowest bump could be.
    """

    plot: Plot
    heights: NDArray[np.float64]
    roughness: float

    def height(self, x: float, y: float) -> float:
        """Of the ground at a place, m: on the triangle that the engines make of three points."""
        plot = self.plot
        across, along = (x - plot.low[0]) / plot.spacing, (y - plot.low[1]) / plot.spacing
        rows, columns = plot.shape
        if not (0.0 <= across <= rows - 1 and 0.0 <= along <= columns - 1):
            return -self.roughness
        i, j = min(int(across), rows - 2), min(int(along), columns - 2)
        (a, b), (c, d) = self.heights[i : i + 2, j : j + 2].tolist()
        u, v = across - i, along - j
        # Squares are cut from their corner with the least x and y to the one with the greatest.
        if u > v:
            return float(a + u * (c - a) + v * (d - c))
        return float(a + v * (b - a) + u * (d - b))

    def heights_at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the ground at many places, m: bilinear, for pictures; engines have `height`."""
        places = np.stack([x - self.plot.low[0], y - self.plot.low[1]]) / self.plot.spacing
        heights: NDArray[np.float64] = map_coordinates(
            self.heights, places, order=1, cval=-self.roughness
        )
        return heights


def draw_terrain(
    plot: Plot, roughness: float, spots: Sequence[Spot], rng: np.random.Generator
) -> Terrain | None:
    """Draw the ground of an episode.

    Waves of each length run in all directions; the longer they are the higher, in proportion, as
    on roads (ISO 8608, waviness 2), so that none is steeper than another. Heights away from
    `spots` are spread evenly from ``-roughness`` to ``roughness``, as those of Rudin 2021.

    Args:
        plot: Where it is rough.
        roughness: How far bumps rise and hollows sink, m.
        spots: What stays level.
        rng: The episode's; a child of it is used, so that bumps change nothing else about one.

    Returns:
        None if there is no roughness, which is the plane itself.
    """
    if roughness <= 0.0:
        return None
    rng = rng.spawn(1)[0]
    steps = np.pi / DIRECTIONS * np.arange(DIRECTIONS)
    x, y = plot.axes
    along, across = [], []  # a wave is a product of one of x and one of y, which is quick to sum
    total = math.hypot(*plot.wavelengths) * math.sqrt(0.5 * DIRECTIONS)
    for wavelength in plot.wavelengths:
        angles = steps + rng.uniform(0.0, np.pi / DIRECTIONS)
        phases = rng.uniform(0.0, 2.0 * np.pi, DIRECTIONS)
        number = 2.0 * np.pi / wavelength
        one = np.multiply.outer(number * np.cos(angles), x) + phases[:, None]
        other = np.multiply.outer(number * np.sin(angles), y)
        share = wavelength / total
        along += [share * np.cos(one), -share * np.sin(one)]
        across += [np.cos(other), np.sin(other)]
    waves = np.concatenate(along).T @ np.concatenate(across)  # of variance 1
    heights = roughness * erf(waves * math.sqrt(0.5))
    for spot in spots:
        distance = np.hypot(x[:, None] - spot.x, y[None, :] - spot.y)
        out = np.clip(distance / spot.radius - 1.0, 0.0, 1.0)
        heights *= out * out * (3.0 - 2.0 * out)
    return Terrain(plot, heights, roughness)
