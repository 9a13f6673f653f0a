"""Where a parcel is set down: a round plate on a post, small enough to fit between arms.

The robot walks up from any side until its parcel is above the plate and goes down on its knees; the
plate keeps the parcel, the forearms pass on either side of it. Everything in it can be bumped into.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envs.parcel.humanoid import Cradle
from envs.simulator import Shape, Simulator

PLATE, POST = 0.25, 0.06  # radii in cradle widths
SPARE = 0.3  # radii of the plate that its middle is ahead of a parcel's: room for a trunk
THICKNESS = 0.08  # of the plate, in cradle lengths


@dataclass(frozen=True)
class Stand:
    """A stand that fits a robot's arms.

    Attributes:
        cradle: Of the robot.
        tallest: Height of the highest stand, m; lower ones reach into the ground.
    """

    cradle: Cradle
    tallest: float

    @property
    def radius(self) -> float:
        """Of the plate, m."""
        return PLATE * self.cradle.width

    @property
    def reach(self) -> float:
        """How far ahead of a robot that sets down a parcel its middle is to be, m."""
        return self.cradle.forward + SPARE * self.radius

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """The plate and the post; touching them is no fall."""
        post, half = POST * self.cradle.width, 0.5 * THICKNESS * self.cradle.length
        return (
            Shape("cylinder", (self.radius, self.radius, half), furniture=True),
            Shape("cylinder", (post, post, 0.5 * self.tallest), furniture=True),
        )

    def poses(self, x: float, y: float, top: float) -> Iterator[tuple[float, float, float]]:
        """Where the middles of `shapes` are, m.

        Args:
            x: Of the point where a parcel is due, m.
            y: m.
            top: Height of the plate's upper side, m.
        """
        plate, post = self.shapes
        yield x, y, top - plate.half_extents[2]
        yield x, y, top - 2.0 * plate.half_extents[2] - post.half_extents[2]

    def place(self, simulator: Simulator, first: int, x: float, y: float, top: float) -> None:
        """Put it somewhere; its shapes are the world's from ``first`` on. See `poses`."""
        for k, (px, py, z) in enumerate(self.poses(x, y, top)):
            simulator.place(first + k, px, py, 0.0, z)
