"""Where a parcel is set down: a board that juts out of a column, narrow enough to fit between arms.

The robot walks up until its parcel is above the board and goes down on its knees; the board keeps
the parcel, the forearms pass on either side of it. Everything in it can be bumped into.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from envs.parcel.humanoid import Cradle
from envs.simulator import Shape, Simulator

# In cradle lengths along, in cradle widths across.
TIP, END = -0.3, 0.9  # of the board, from the middle of where a parcel is set down
BOARD_WIDTH, THICKNESS = 0.5, 0.08
COLUMN_DEPTH, COLUMN_WIDTH = 0.4, 0.8


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
    def shapes(self) -> tuple[Shape, Shape]:
        """The board and the column; touching them is no fall."""
        length, width = self.cradle.length, self.cradle.width
        board = (0.5 * (END - TIP) * length, 0.5 * BOARD_WIDTH * width, 0.5 * THICKNESS * length)
        column = (0.5 * COLUMN_DEPTH * length, 0.5 * COLUMN_WIDTH * width, 0.5 * self.tallest)
        return Shape("box", board, furniture=True), Shape("box", column, furniture=True)

    def poses(
        self, x: float, y: float, yaw: float, top: float
    ) -> Iterator[tuple[float, float, float, float]]:
        """Where the middles of `shapes` are: x, y, yaw and z, in m and rad.

        Args:
            x: Of the point where a parcel is due, m.
            y: m.
            yaw: Of the way that leads to it, rad.
            top: Height of the board, m.
        """
        length = self.cradle.length
        board, column = self.shapes
        for along, z in (
            (0.5 * (TIP + END) * length, top - board.half_extents[2]),
            (END * length + column.half_extents[0], top - column.half_extents[2]),
        ):
            yield x + along * math.cos(yaw), y + along * math.sin(yaw), yaw, z

    def place(
        self, simulator: Simulator, first: int, x: float, y: float, yaw: float, top: float
    ) -> None:
        """Put it somewhere; its shapes are the world's from ``first`` on. See `poses`."""
        for k, pose in enumerate(self.poses(x, y, yaw, top)):
            px, py, turn, z = pose
            simulator.place(first + k, px, py, turn, z)
