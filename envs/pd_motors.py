"""Motors that are torques: a spring and a damper at every joint, computed here.

An engine's own position motors are constraints whose gains mean something else in every engine and
at every time step. A torque means the same in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.joint_inertia import joint_inertia
from envs.robot import Actuator, Robot

GAINS = ("stiffness", "damping")  # parameters that are factors on what motors have
FADING = 0.2  # fraction of its largest speed over which a motor loses its torque


class PdMotors:
    """All ``pd`` actuators of a robot.

    Args:
        actuators: The robot's; those of another kind are left out.
        signs: By joint, -1 where its own axis is opposite to the base's. Default: nowhere.
        step: Physics step, s, at whose end springs and dampers act (backward Euler), so that they
            are steady however long it is. Default: they act at its beginning.
        inertias: By joint, what `envs.joint_inertia.joint_inertia` says, kg·m²; needed for a step.

    Attributes:
        joints: Names of the joints, in the order of `push`.
    """

    def __init__(
        self,
        actuators: Sequence[Actuator],
        signs: Mapping[str, float] | None = None,
        step: float = 0.0,
        inertias: Mapping[str, float] | None = None,
    ) -> None:
        pairs = [(a, joint) for a in actuators if a.kind == "pd" for joint in a.joints]
        self.joints = tuple(joint for _, joint in pairs)
        self._roles = [actuator.role for actuator, _ in pairs]
        self._signs = [(signs or {}).get(joint, 1.0) for joint in self.joints]
        self._axes: NDArray[np.float64] = np.asarray(self._signs)
        self._motors = [
            (a.stiffness, a.damping, a.force, a.rate, FADING * a.rate) for a, _ in pairs
        ]
        self._factors = dict.fromkeys(GAINS, 1.0)
        self._step = step
        self._inertias = [(inertias or {}).get(joint, 1.0) for joint in self.joints]
        self._gains = self._tuned()
        self.aim({actuator.role: actuator.neutral for actuator, _ in pairs}, 1.0)
        self.rest()

    @property
    def limits(self) -> list[tuple[float, float]]:
        """Largest torque, N·m, and speed, rad/s, of each."""
        return [(force, rate) for _, _, force, rate, _ in self._motors]

    @property
    def torques(self) -> NDArray[np.float64]:
        """What they last pushed with, N·m about the base's axes, ``(joints,)``."""
        return np.asarray(self._torques) * self._axes

    def rest(self) -> None:
        """Forget the last torques."""
        self._torques = [0.0] * len(self.joints)

    def aim(self, targets: Mapping[str, float], strength: float) -> None:
        """Set targets by role, rad, and the factor on torque limits; both hold until the next."""
        self._aims = [
            (sign * targets[role], spring, damper, strength * force, rate, fading)
            for sign, role, (spring, damper), (_, _, force, rate, fading) in zip(
                self._signs, self._roles, self._gains, self._motors, strict=True
            )
        ]

    def vary(self, parameter: str, value: float) -> None:
        """Set a factor on the gains, one of `GAINS`, from the next targets on."""
        self._factors[parameter] = value
        self._gains = self._tuned()

    def _tuned(self) -> list[tuple[float, float]]:
        """Stiffness and damping of each, eased so that they act at the end of a step."""
        stiff, damped = self._factors["stiffness"], self._factors["damping"]
        step, gains = self._step, []
        for (stiffness, damping, *_), inertia in zip(self._motors, self._inertias, strict=True):
            spring, damper = stiff * stiffness, damped * damping
            damper += step * spring
            eased = 1.0 + step * damper / inertia
            gains.append((spring / eased, damper / eased))
        return gains

    def push(self, readings: Sequence[Sequence[float]]) -> list[float]:
        """Torques of this moment, N·m about the joints' own axes.

        Args:
            readings: Of each joint, its position (rad) and velocity (rad/s) about its own axis;
                what follows them is not read.
        """
        torques = []
        # For some ten joints, plain numbers take a third of the time of NumPy's arrays.
        for reading, (target, stiffness, damping, limit, rate, fading) in zip(
            readings, self._aims, strict=True
        ):
            velocity = reading[1]
            wanted = stiffness * (target - reading[0]) - damping * velocity
            if wanted * velocity > 0.0:
                # Near its largest speed a motor has no torque left to go faster, only to brake.
                left = (rate - abs(velocity)) / fading
                if left < 1.0:
                    limit = limit * left if left > 0.0 else 0.0
            if wanted > limit:
                wanted = limit
            elif wanted < -limit:
                wanted = -limit
            torques.append(wanted)
        self._torques = torques
        return torques


def pd_motors(robot: Robot, signs: Mapping[str, float], step: float) -> PdMotors:
    """The ``pd`` actuators of a robot.

    Beside wheel motors, springs and dampers turn light parts at the low rate of a driving world,
    where torques that hold for a step would shake them.

    Args:
        robot: The robot.
        signs: See `PdMotors`.
        step: Physics step, s.
    """
    kinds = {actuator.kind for actuator in robot.actuators}
    if kinds == {"pd"}:
        return PdMotors(robot.actuators, signs)
    inertias = {
        joint: actuator.armature + joint_inertia(robot.model, joint)
        for actuator in robot.actuators
        if actuator.kind == "pd"
        for joint in actuator.joints
    }
    return PdMotors(robot.actuators, signs, step, inertias)
