"""The reference gait: what legs of any build do to walk, from their own measures.

The same rule for every humanoid, so that one that learns from scratch has the same help as one that
is taught. A policy adds to it what keeps the robot upright.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.parcel.humanoid import ASIDE, SIDES, Humanoid
from envs.parcel.leg import PITCHES, Leg

GRAVITY = 9.81
PHASES, STRIDES = 64, 9  # entries of the table between which a gait is interpolated
LIMBER = 0.04  # rad that hips must yaw to be turned by
DEEPEST, DEPTHS = 0.2, 9  # leg lengths to go down on the knees, and entries of that table


@dataclass(frozen=True)
class Walk:
    """How to walk, in numbers without unit, so that they hold for legs of any length (Froude).

    Attributes:
        period: Of a cycle of two steps, in units of sqrt(leg length / g).
        stance: Fraction of the cycle that a foot is on the ground; above one half, both are at
            times.
        lift: Height of a swinging foot, in leg lengths.
        sway: Turn of the hips to the side that puts the weight on the standing foot, rad.
        speed: Largest forward speed, in units of sqrt(leg length × g).
        turn: Largest yaw rate, in rad per sqrt(leg length / g).
    """

    period: float = 2.202
    stance: float = 0.52
    lift: float = 0.119
    sway: float = -0.002
    speed: float = 0.191
    turn: float = 0.18


class Gait:
    """A robot's reference gait.

    Args:
        robot: The robot.
        walk: How it walks.

    Attributes:
        leg: Length of a leg, m.
        clock: The time that goes with it, sqrt(leg / g), s.
        period: Of a cycle, s.
        speed: Largest forward speed, m/s.
        turn: Largest yaw rate, rad/s: less where the actuators of the hips' yaw reach less than the
            fastest turn takes, 0 where they hardly reach anywhere or are not there.
        deepest: How far it can go down on its knees, m.

    Raises:
        ValueError: If its legs cannot make the steps, with what stops them.
    """

    def __init__(self, robot: Humanoid, walk: Walk | None = None) -> None:
        self.walk = walk = walk or Walk()
        roles = [actuator.role for actuator in robot.actuators]
        reach = {a.role: 0.5 * (a.high - a.low) for a in robot.actuators}
        self.leg = length = float(np.mean([leg.length for leg in robot.legs]))
        self.clock = clock = math.sqrt(length / GRAVITY)
        self.period = walk.period * clock
        self.speed = walk.speed * math.sqrt(length * GRAVITY)
        swing = 0.5 * walk.turn * walk.period * walk.stance  # rad, of the hips in the fastest turn
        hips = min(reach.get(f"{side}_hip_yaw", 0.0) for side in SIDES)
        self.turn = min(hips / swing, 1.0) * walk.turn / clock if hips > LIMBER else 0.0
        column = {role: k for k, role in enumerate(roles)}
        self._neutral = [actuator.neutral for actuator in robot.actuators]
        self._pitches = [[column[f"{side}_{role}"] for role in PITCHES] for side in SIDES]
        self._aside = [[column.get(f"{side}_{role}") for role in ASIDE] for side in SIDES]
        self._beside = [float(leg.sole[1]) for leg in robot.legs]
        # Steps as far as the fastest walk needs; backward as far as turning on the spot does.
        self._longest = self.speed * walk.stance * self.period
        strides = np.linspace(-self._longest, self._longest, STRIDES)
        lift = walk.lift * length
        # Plain numbers: for three joints they take less time than NumPy's arrays.
        self._tables = [self._table(leg, strides, lift).tolist() for leg in robot.legs]
        self.deepest = DEEPEST * length
        self._depths = np.linspace(0.0, self.deepest, DEPTHS)
        self._bends = [np.stack([leg.reach(0.0, d) for d in self._depths]) for leg in robot.legs]

    def _table(self, leg: Leg, strides: NDArray[np.float64], lift: float) -> NDArray[np.float64]:
        """Changes of a leg's pitch joints, rad, ``(STRIDES, PHASES, 3)``."""
        table = np.zeros((len(strides), PHASES, 3))
        for i, stride in enumerate(strides.tolist()):
            changes = np.zeros(3)
            for k in range(PHASES):
                phase = k / PHASES
                changes = leg.reach(stride * self.along(phase), lift * self.above(phase), changes)
                table[i, k] = changes
        return table

    def along(self, phase: float) -> float:
        """Where a foot is between the ends of its step, from 0.5 (front) to -0.5, at a phase.

        On the ground it moves evenly to the back, as the ground under the robot does; in the air it
        returns, and meets the ground at the ground's speed.
        """
        stance = self.walk.stance
        phase %= 1.0
        if phase < stance:
            return 0.5 - phase / stance
        x = (phase - stance) / (1.0 - stance)
        ends = -(1.0 - stance) / stance  # slope at lift-off and at touch-down
        # The cubic from -0.5 to 0.5 with these slopes.
        return -0.5 + ends * x + (3.0 - 3.0 * ends) * x**2 + (2.0 * ends - 2.0) * x**3

    def above(self, phase: float) -> float:
        """Height of a foot, from 0 (on the ground) to 1, at a phase."""
        x = (phase % 1.0 - self.walk.stance) / (1.0 - self.walk.stance)
        return 0.5 - 0.5 * math.cos(2.0 * math.pi * x) if x > 0.0 else 0.0

    def phases(self, phase: float) -> tuple[float, float]:
        """Phases of the left and the right foot, each in [0, 1), at a phase of the gait."""
        return phase % 1.0, (phase + 0.5) % 1.0

    def targets(
        self, phase: float, speed: float, turn: float, vigour: float, depth: float = 0.0
    ) -> NDArray[np.float64]:
        """Targets of all actuators, rad, ``(actuators,)``.

        Args:
            phase: Of the left foot; 0 is its touch-down.
            speed: Wanted forward speed, m/s; what is faster than `speed` is walked at that.
            turn: Wanted yaw rate, rad/s.
            vigour: From 0, standing in the nominal posture, to 1, walking.
            depth: How far to go down on the knees, m.
        """
        walk, targets = self.walk, list(self._neutral)
        standing = walk.stance * self.period  # s that a foot is on the ground
        angle = turn * standing
        feet = self.phases(phase)
        # While the left foot alone stands, the hips go left, and so the feet right.
        sway = -walk.sway * math.sin(2.0 * math.pi * (phase - 0.5 * (walk.stance - 0.5)))
        for side, own in enumerate(feet):
            # In a turn the outer foot has farther to go.
            stride = (speed - turn * self._beside[side]) * standing
            for column, change in zip(
                self._pitches[side], self._step(side, own, stride), strict=True
            ):
                targets[column] += vigour * change
            if depth > 0.0:
                for column, change in zip(
                    self._pitches[side], self._bend(side, depth), strict=True
                ):
                    targets[column] += change
            amounts = angle * self.along(own), sway, -sway
            for aside, amount in zip(self._aside[side], amounts, strict=True):
                if aside is not None:
                    targets[aside] += vigour * amount
        return np.asarray(targets)

    def _bend(self, side: int, depth: float) -> list[float]:
        """Changes of the pitch joints that lower the hips, interpolated in the table."""
        bends = self._bends[side]
        return [float(np.interp(depth, self._depths, bends[:, k])) for k in range(3)]

    def _step(self, side: int, phase: float, stride: float) -> list[float]:
        """Changes of the pitch joints, interpolated in the table."""
        row = (STRIDES - 1) * 0.5 * (1.0 + min(max(stride / self._longest, -1.0), 1.0))
        low = min(int(row), STRIDES - 2)
        column = phase * PHASES
        left = int(column) % PHASES
        right = (left + 1) % PHASES
        across, along = row - low, column - int(column)
        shorter, longer = self._tables[side][low : low + 2]
        return [
            (1.0 - across) * ((1.0 - along) * a + along * b)
            + across * ((1.0 - along) * c + along * d)
            for a, b, c, d in zip(
                shorter[left], shorter[right], longer[left], longer[right], strict=True
            )
        ]
