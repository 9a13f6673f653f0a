"""How a reference gait answers to a tilting trunk: by ankles, by hips, and by where it steps.

The three ways of keeping upright that walking machines have had since Raibert (Legged Robots That
Balance, 1986), for every robot alike: gains have no unit, and all that is measured is what a robot
carries with it, an inertial unit and its joints. What they cannot do a policy learns to add.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.parcel.gait import Gait
from envs.parcel.humanoid import SIDES, Humanoid
from envs.parcel.leg import PITCHES

LARGEST = 0.6  # rad by which a joint's target is changed at most
SIDEWAYS = 3.0  # times as much as it is to go aside a robot is told: the gait makes no side steps
EARLY = 2.0  # a foot in the air counts as free from a sixth of its way to five sixths


@dataclass(frozen=True)
class Reflex:
    """An angle that answers a tilt.

    Attributes:
        tilt: Per rad of the trunk's tilt, rad.
        rate: Per rate of the trunk's tilt, in rad per sqrt(leg length / g), rad.
        lean: Per rate at which the standing leg tips over its foot, in the same unit, rad.
    """

    tilt: float
    rate: float
    lean: float = 0.0

    def angle(self, tilt: float, rate: float, lean: float) -> float:
        """The answer, rad."""
        return self.tilt * tilt + self.rate * rate + self.lean * lean


@dataclass(frozen=True)
class Reflexes:
    """The answers in one plane, sagittal or frontal.

    Attributes:
        step: How far a leg in the air is put to where the trunk falls.
        hip: How a standing leg's hip rights the trunk.
        ankle: How a standing foot pushes against the fall.
        back: Share of that step which the leg takes back while it stands, so that the trunk passes
            over the foot.
        upright: Tilt that counts as none, rad: who carries in front leans back.
        integral: Per clock, sqrt(leg length / g), share of being faster than told, as the standing
            leg measures it, that counts from then on: what always pulls a robot one way is found
            out and made up for.
        most: The largest speed, either way, that is made up for so, in leg lengths a clock: more
            would go on pushing when the robot is told to halt.
    """

    step: Reflex
    hip: Reflex
    ankle: Reflex
    back: float = 1.0
    upright: float = 0.0
    integral: float = 0.0
    most: float = 0.05


# Found by experiments/parcel_reflexes.py, as are the numbers of `Walk`.
SAGITTAL = Reflexes(
    Reflex(0.317, 0.08, 0.388),
    hip=Reflex(2.079, 0.502),
    ankle=Reflex(1.191, 0.587),
    back=-0.315,
    upright=-0.068,
    integral=0.028,
    most=0.055,
)
FRONTAL = Reflexes(
    Reflex(1.685, 0.176, 0.469),
    hip=Reflex(1.517, 0.423),
    ankle=Reflex(1.765, 1.775),
    back=1.17,
    integral=0.029,
    most=0.051,
)


class Balance:
    """Changes of a gait's targets that keep a robot upright.

    Args:
        robot: The robot.
        gait: Its gait.
        sagittal: Answers to falling forward or back.
        frontal: Answers to falling aside; a robot without the joints for it does without.
        strength: Share of the answers that is given, of those that lead it aside too.
    """

    def __init__(
        self,
        robot: Humanoid,
        gait: Gait,
        sagittal: Reflexes = SAGITTAL,
        frontal: Reflexes = FRONTAL,
        strength: float = 1.0,
    ) -> None:
        self._gait, self._planes, self._strength = gait, (sagittal, frontal), strength
        column = {actuator.role: k for k, actuator in enumerate(robot.actuators)}
        self._count = len(robot.actuators)
        self._columns = [
            [
                (column.get(f"{side}_hip_{plane}"), column.get(f"{side}_ankle_{plane}"))
                for plane in ("pitch", "roll")
            ]
            for side in SIDES
        ]
        self._pitches = [[column[f"{side}_{role}"] for role in PITCHES] for side in SIDES]
        # A sole that goes forward is a leg that turns backward about the axis to the left.
        self._turns = [-leg.slopes(np.zeros(3))[0] / leg.length for leg in robot.legs]
        self.begin()

    def begin(self) -> None:
        """Forget where the feet were put and what pulls the robot one way."""
        self._offsets = [[0.0, 0.0], [0.0, 0.0]]  # rad that each leg is turned now, by plane
        self._landed = [[0.0, 0.0], [0.0, 0.0]]  # and was when its foot came down
        self._astray = [0.0, 0.0]  # too fast all the time, in leg lengths a clock, by plane
        self._phase: float | None = None

    def changes(
        self,
        gravity: tuple[float, float, float],
        rates: tuple[float, float, float],
        velocities: NDArray[np.float64],
        phase: float,
        vigour: float,
        speed: float = 0.0,
        aside: float = 0.0,
    ) -> NDArray[np.float64]:
        """What is added to the targets of all actuators, rad, ``(actuators,)``.

        Args:
            gravity: Its direction in the trunk's frame.
            rates: Angular velocity in the trunk's frame, rad/s.
            velocities: Of the actuators, rad/s, ``(actuators,)``.
            phase: Of the gait.
            vigour: From 0, standing, to 1, walking.
            speed: Commanded, m/s.
            aside: Commanded speed to the left, m/s.
        """
        phases = self._gait.phases(phase)
        free = [vigour * self._free(own) for own in phases]
        speeds = self.odometry(rates, velocities, phase, vigour)
        changes = [0.0] * self._count
        tilts, turns = (gravity[0], -gravity[1]), (rates[1], rates[0])
        clock = self._gait.clock
        share = vigour * clock / self._gait.leg
        told = share * speed, -share * aside
        wanted = told[0], SIDEWAYS * told[1]
        passed = self._passed(phase)
        for plane, (reflexes, tilt, turn, gone) in enumerate(
            zip(self._planes, tilts, turns, speeds, strict=True)
        ):
            level = -tilt  # of a sole on a leg that goes with the trunk
            tilt -= reflexes.upright
            rate = clock * turn
            astray = self._astray[plane] + reflexes.integral * passed * (gone - told[plane])
            self._astray[plane] = min(max(astray, -reflexes.most), reflexes.most)
            lean = gone - wanted[plane] + self._astray[plane]
            step = reflexes.step.angle(tilt, rate, lean)
            hip = reflexes.hip.angle(tilt, rate, lean)
            ankle = reflexes.ankle.angle(tilt, rate, lean)
            for side, (columns, air) in enumerate(zip(self._columns, free, strict=True)):
                offset = vigour * self._put(plane, side, phases[side], air, step)
                at_hip, at_ankle = columns[plane]
                if at_hip is not None:
                    changes[at_hip] += (1.0 - air) * hip - offset
                if at_ankle is not None:  # in the air it keeps the sole level
                    changes[at_ankle] += (1.0 - air) * ankle + offset + air * level
        return self._strength * np.asarray([min(max(c, -LARGEST), LARGEST) for c in changes])

    def odometry(
        self,
        rates: tuple[float, float, float],
        velocities: NDArray[np.float64],
        phase: float,
        vigour: float,
    ) -> tuple[float, float]:
        """Speed in leg lengths a clock, by how the standing legs turn over their feet.

        Args:
            rates: Angular velocity in the trunk's frame, rad/s.
            velocities: Of the actuators, rad/s, ``(actuators,)``.
            phase: Of the gait.
            vigour: From 0, standing, to 1, walking.

        Returns:
            Forward, and to the right.
        """
        free = [vigour * self._free(own) for own in self._gait.phases(phase)]
        clock = self._gait.clock
        forward = clock * (rates[1] + self._leg_rate(0, free, velocities))
        return forward, clock * (rates[0] + self._leg_rate(1, free, velocities))

    def _passed(self, phase: float) -> float:
        """Clocks since the last call, by the phase; none while the robot stands."""
        before = phase if self._phase is None else self._phase
        self._phase = phase
        return (phase - before) % 1.0 * self._gait.walk.period

    def _put(self, plane: int, side: int, phase: float, air: float, step: float) -> float:
        """How far a leg is turned to where its foot is put or was put, rad."""
        stance = self._gait.walk.stance
        if phase < stance:
            passed = self._planes[plane].back * phase / stance
            offset = (1.0 - passed) * self._landed[plane][side]
        else:
            offset = self._offsets[plane][side]
            offset += air * (step - offset)
            self._landed[plane][side] = offset
        self._offsets[plane][side] = offset
        return offset

    def _free(self, phase: float) -> float:
        """From 0, a foot on the ground, to 1, in the air, at a foot's own phase."""
        stance = self._gait.walk.stance
        if phase < stance:
            return 0.0
        return min(1.0, EARLY * math.sin(math.pi * (phase - stance) / (1.0 - stance)))

    def _leg_rate(
        self, plane: int, free: Sequence[float], velocities: NDArray[np.float64]
    ) -> float:
        """How fast the standing legs turn against the trunk, rad/s, about the plane's axis."""
        total = weight = 0.0
        for side, air in enumerate(free):
            if plane == 0:
                rate = float(self._turns[side] @ velocities[self._pitches[side]])
            else:
                hip = self._columns[side][plane][0]
                rate = 0.0 if hip is None else float(velocities[hip])
            total += (1.0 - air) * rate
            weight += 1.0 - air
        return total / weight
