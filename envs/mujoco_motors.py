"""Servos and wheel motors in MuJoCo: controllers of a joint's speed, with a largest torque."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from envs.mjcf import ROBOT
from envs.robot import Actuator, Robot

STIFFNESS = 4.0  # of speed controllers, in missing speeds made up in a step by a wheel in the air
SERVO_GAIN = 0.3  # of the way to its target that a servo wants to go in a physics step
NOTHING = 1e-9  # N·m: the engine wants a range


@dataclass
class _Turned:
    """A joint whose speed is controlled: a wheel's, or a servo's.

    Attributes:
        number: The engine's number of the actuator.
        actuator: The robot's.
        at: Where its position is.
        sign: -1 where the joint's own axis is opposite to the base's.
        gearing: How much faster it turns than the actuator's target says.
        driven: Whether it drives; else it only brakes.
        brakes: Whether it brakes; else it only drives.
        wanted: Speed about its own axis, rad/s; of a servo, its position, rad.
    """

    number: int
    actuator: Actuator
    at: int
    sign: float
    gearing: float
    driven: bool
    brakes: bool
    wanted: float = 0.0


class SpeedMotors:
    """All servos and wheel motors of a robot.

    Args:
        model: The model, as loaded.
        data: Its state.
        robot: The robot.
        positions: By joint, where its position is.
        velocities: By joint, where its velocity is.
        signs: By joint, -1 where its own axis is opposite to the base's.
        rate: Physics steps a second, Hz.

    Attributes:
        servo_speed: Factor on the largest speed of servos.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        robot: Robot,
        positions: Mapping[str, int],
        velocities: Mapping[str, int],
        signs: Mapping[str, float],
        rate: float,
    ) -> None:
        self.servo_speed = 1.0
        self._model, self._data, self._robot, self._rate = model, data, robot, rate
        self._turned: list[_Turned] = []
        mujoco.mj_forward(model, data)
        for actuator in robot.actuators:
            if actuator.kind == "pd":
                continue
            for joint in dict.fromkeys((*actuator.joints, *actuator.brake_joints)):
                number = int(model.actuator(f"{actuator.role}:{ROBOT}{joint}").id)
                self._stiffen(number, velocities[joint])
                self._turned.append(
                    _Turned(
                        number,
                        actuator,
                        positions[joint],
                        signs[joint],
                        robot.gearing(joint) if actuator.kind == "wheel_speed" else 1.0,
                        driven=joint in actuator.joints,
                        brakes=joint in actuator.brake_joints,
                    )
                )

    def _stiffen(self, number: int, velocity: int) -> None:
        """Make a speed controller as stiff as what it turns is heavy."""
        model = self._model
        unit, felt = np.zeros(model.nv), np.zeros(model.nv)
        unit[velocity] = 1.0
        mujoco.mj_mulM(model, self._data, felt, unit)
        gain = STIFFNESS * float(felt[velocity]) / model.opt.timestep
        model.actuator_gainprm[number, 0] = gain
        model.actuator_biasprm[number, 2] = -gain

    def aim(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """See `envs.simulator.Simulator.drive`."""
        for turned in self._turned:
            actuator = turned.actuator
            target = targets[actuator.role]
            braking = turned.brakes and target < speed
            if actuator.kind == "position":
                turned.wanted = turned.sign * target
            else:
                turned.wanted = turned.sign * turned.gearing * self._robot.joint_speed(target)
            limit = actuator.brake if braking else actuator.force * turned.driven
            limit = max(strength * limit, NOTHING)
            self._model.actuator_forcerange[turned.number] = -limit, limit

    def turn(self) -> None:
        """Set how fast wheels and servos turn in a physics step."""
        for turned in self._turned:
            wanted = turned.wanted
            if turned.actuator.kind == "position":
                limit = turned.actuator.rate * self.servo_speed
                way = SERVO_GAIN * (turned.wanted - self._data.qpos[turned.at]) * self._rate
                wanted = min(max(way, -limit), limit)
            self._data.ctrl[turned.number] = wanted
