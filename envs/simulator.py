"""What a task asks of a physics engine: one robot on a plane among things that move by script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.loaded import Loaded
from envs.robot import Robot
from envs.terrain import Plot, Terrain

ITERATIONS = 20  # at which what skids goes a sixth farther than with 200; with 10, nearly half
# Beyond these a state is a solver's failure: three times the speed of sound, and 95,000 turns a
# minute, which no motor of a robot reaches.
IMPOSSIBLE_SPEED = 1_000.0  # m/s
IMPOSSIBLE_RATE = 10_000.0  # rad/s


@dataclass(frozen=True)
class BodyState:
    """Where a robot's base frame is and how it moves, in world axes.

    Attributes:
        position: m, of the URDF's base frame.
        quaternion: Orientation as x, y, z, w.
        linear_velocity: m/s, of the centre of mass of the base link.
        angular_velocity: rad/s.
    """

    position: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]
    linear_velocity: tuple[float, float, float]
    angular_velocity: tuple[float, float, float]


@dataclass(frozen=True)
class Shape:
    """A thing in the world besides the robot.

    Attributes:
        kind: ``box`` (half extents) or ``cylinder`` (radius, ignored, half height).
        half_extents: m along x, y, z.
        mass: kg; 0 for what moves by script alone and is moved by nothing.
        center: Of mass, from the middle of the shape, m.
        furniture: Whether a robot may touch it, so that `Simulator.touched` does not tell of it.
    """

    kind: str
    half_extents: tuple[float, float, float]
    mass: float = 0.0
    center: tuple[float, float, float] = (0.0, 0.0, 0.0)
    furniture: bool = False


class Simulator(Protocol):
    """A world with one robot and a fixed set of shapes; seldom loaded, often reset."""

    def load(
        self,
        robot: Robot,
        shapes: Sequence[Shape],
        physics_rate: float,
        plot: Plot | None = None,
        iterations: int = ITERATIONS,
    ) -> None:
        """Build the world, in place of one that there was.

        Args:
            robot: Who.
            shapes: What there is besides.
            physics_rate: Hz.
            plot: Where `lay` will make the ground rough; what it does not is as without it.
            iterations: Of the engine's solver in a physics step; an engine whose solver knows when
                it is done has no use for it.
        """

    def renew(self) -> None:
        """Forget what no `reset` can make the engine forget.

        What `vary`, `misread` and `lay` set may be forgotten too, and is to be set again.
        """

    def lay(self, terrain: Terrain | None) -> None:
        """Give the ground its form before a `reset`: on the plot of `load`, or None for a plane."""

    def reset(self, x: float, y: float, yaw: float, speed: float) -> None:
        """Stand the robot at a pose (m, rad), rolling forward at ``speed`` m/s, with no history."""

    def place(self, shape: int, x: float, y: float, yaw: float, z: float | None = None) -> None:
        """Put a shape somewhere, at rest. Takes effect at the next `advance`.

        Args:
            shape: Which one.
            x: m, of its middle.
            y: m.
            yaw: rad.
            z: m; default: standing on the ground beneath its middle.
        """

    def put_away(self, shape: int) -> None:
        """Take a shape that has a mass out of the world until it is placed."""

    def load_shape(self, shape: int, mass: float, friction: float) -> None:
        """Give a shape that has a mass another one (kg), inertia included, and its friction."""

    def shape_state(self, shape: int) -> BodyState:
        """Where the middle of a shape is and how its centre of mass moves."""

    def drive(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """Set actuator targets by role (rad, m/s).

        Args:
            targets: One for each of the robot's actuators.
            strength: Factor on the actuators' torque limits.
            speed: Present forward speed, m/s, which decides between driving and braking.
        """

    def misread(self, errors: NDArray[np.float64]) -> None:
        """Let zeros be wrong: targets and readings are so much more than positions, rad.

        Args:
            errors: Of each actuator, ``(actuators,)``; none of one that is told speeds.
        """

    def advance(self, substeps: int) -> None:
        """Integrate ``substeps`` physics steps."""

    def engine_step(self) -> None:
        """Let the bare engine take one step, of which `advance` takes many."""

    def state(self) -> BodyState:
        """The base's state."""

    def diverged(self) -> bool:
        """Whether the state stopped being finite or physically possible since the last reset.

        The state is looked at when this is called: once a control step is often enough, since
        engines do not recover from numbers that are not finite.
        """

    def joints(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Per actuator, the mean position (rad) and mean velocity (rad/s) of its joints."""

    def torques(self) -> NDArray[np.float64]:
        """Torque of each joint of the ``pd`` actuators, N·m, about the base's axes."""

    def touched(self) -> bool:
        """Whether the robot's body touched anything without mass since this was last asked.

        Furniture does not count, nor does the ground under soles and under what else the robot
        stands on, see `envs.supports`.

        Where nothing in the world has a mass, every physics step is looked at, else the last one.
        """

    def sole_forces(self) -> NDArray[np.float64]:
        """What the ground bears of each sole, N, at the end of the last `advance`."""

    def holds(self, shape: int) -> bool:
        """Whether the robot touched a shape that has a mass at the end of the last `advance`."""

    def cast(
        self, origin: tuple[float, float, float], ends: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Fraction of the way from ``origin`` to each end, ``(n, 3)`` m, that is free of shapes."""

    def vary(self, parameter: str, value: float) -> None:
        """Give a physical parameter a value; what a factor multiplies is what was loaded.

        Args:
            parameter: One of `envs.parameters.PARAMETERS` that is physical.
            value: In its unit.
        """

    def down(self) -> tuple[float, float, float]:
        """Which way things fall, a unit vector in world axes."""

    def push(self, lateral: float) -> None:
        """Add ``lateral`` m/s to the base's velocity, to its left."""

    def loaded(self) -> Loaded:
        """What the engine made of the robot's file, as the engine says."""

    def close(self) -> None:
        """Free the world."""
