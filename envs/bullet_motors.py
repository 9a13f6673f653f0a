"""What turns a robot's joints in PyBullet: the engine's own motors, or torques computed by us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.bullet_robot import BulletRobot
from envs.pd_motors import GAINS, pd_motors
from envs.quiet import quiet

with quiet():
    import pybullet


MOTORS = ("stiffness", "damping", "joint_damping", "joint_friction", "servo_speed")


class Motors(Protocol):
    """All of a robot's."""

    @property
    def torques(self) -> NDArray[np.float64]:
        """See `Simulator.torques`."""

    def aim(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """See `Simulator.drive`."""

    def push(self) -> None:
        """Do what has to be done before each physics step."""

    def rest(self) -> None:
        """Forget the last episode."""

    def vary(self, parameter: str, value: float) -> None:
        """See `Simulator.vary`; of `MOTORS`, what a kind does not have is left alone."""


class ConstraintMotors:
    """Servos and wheel motors as the engine's velocity constraints, with a largest torque.

    Args:
        loaded: The robot.
    """

    def __init__(self, loaded: BulletRobot) -> None:
        self._servo_speed = 1.0
        self._loaded, actuators = loaded, loaded.robot.actuators
        self._driven = [[loaded.index[name] for name in a.joints] for a in actuators]
        self._braked = [[loaded.index[name] for name in a.brake_joints] for a in actuators]
        # Wheels that do not brake keep following their target while others brake.
        self._driven_only = [
            [joint for joint in driven if joint not in braked]
            for driven, braked in zip(self._driven, self._braked, strict=True)
        ]
        wheels = {name for a in actuators for name in (*a.joints, *a.brake_joints)}
        self._gearing = {loaded.index[name]: loaded.robot.gearing(name) for name in wheels}

    def aim(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """See `Simulator.drive`."""
        robot, signs = self._loaded.robot, self._loaded.signs
        for k, actuator in enumerate(robot.actuators):
            target = targets[actuator.role]
            if actuator.kind == "pd":
                continue
            if actuator.kind == "position":
                for joint in self._driven[k]:
                    pybullet.setJointMotorControl2(
                        self._loaded.body,
                        joint,
                        pybullet.POSITION_CONTROL,
                        targetPosition=signs[joint] * target,
                        force=actuator.force * strength,
                        maxVelocity=actuator.rate * self._servo_speed,
                        positionGain=0.3,
                        velocityGain=1.0,
                        physicsClientId=self._loaded.client,
                    )
                continue
            rate = robot.joint_speed(target)
            braking = bool(self._braked[k]) and target < speed
            for joint in self._braked[k]:
                self._turn(joint, rate, actuator.brake * strength if braking else 0.0)
            for joint in self._driven_only[k] if braking else self._driven[k]:
                self._turn(joint, rate, actuator.force * strength)

    @property
    def torques(self) -> NDArray[np.float64]:
        """None: the engine tells only of its own."""
        return np.zeros(0)

    def _turn(self, joint: int, rate: float, force: float) -> None:
        pybullet.setJointMotorControl2(
            self._loaded.body,
            joint,
            pybullet.VELOCITY_CONTROL,
            targetVelocity=self._loaded.signs[joint] * self._gearing[joint] * rate,
            force=force,
            physicsClientId=self._loaded.client,
        )

    def push(self) -> None:
        """The engine does."""

    def rest(self) -> None:
        """The engine's state is restored with the world's."""

    def vary(self, parameter: str, value: float) -> None:
        """See `Motors.vary`."""
        if parameter == "servo_speed":
            self._servo_speed = value


class TorqueMotors:
    """Springs and dampers, see `envs.pd_motors`.

    Args:
        loaded: The robot.
        step: Physics step, s.
    """

    def __init__(self, loaded: BulletRobot, step: float) -> None:
        signs = {name: loaded.signs[joint] for joint, name in loaded.joints.items()}
        self._loaded, self._motors = loaded, pd_motors(loaded.robot, signs, step)
        self._joints = [loaded.index[name] for name in self._motors.joints]

    @property
    def torques(self) -> NDArray[np.float64]:
        """See `Simulator.torques`."""
        return self._motors.torques

    def aim(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """See `Simulator.drive`."""
        del speed  # a spring does not care
        self._motors.aim(targets, strength)

    def push(self) -> None:
        """Torques hold for one step only."""
        body, client = self._loaded.body, self._loaded.client
        states = pybullet.getJointStates(body, self._joints, physicsClientId=client)
        pybullet.setJointMotorControlArray(
            body,
            self._joints,
            pybullet.TORQUE_CONTROL,
            forces=self._motors.push(states),
            physicsClientId=client,
        )

    def rest(self) -> None:
        """Forget the last torques."""
        self._motors.rest()

    def vary(self, parameter: str, value: float) -> None:
        """See `Motors.vary`."""
        if parameter in GAINS:
            self._motors.vary(parameter, value)
            return
        body, client = self._loaded.body, self._loaded.client
        for joint, (force, rate) in zip(self._joints, self._motors.limits, strict=True):
            if parameter == "joint_damping":
                pybullet.changeDynamics(
                    body, joint, jointDamping=value * force / rate, physicsClientId=client
                )
            elif parameter == "joint_friction":  # a motor that wants to stand still
                pybullet.setJointMotorControl2(
                    body,
                    joint,
                    pybullet.VELOCITY_CONTROL,
                    force=value * force,
                    physicsClientId=client,
                )


class MixedMotors(TorqueMotors):
    """Springs and dampers beside servos and wheel motors.

    Args:
        loaded: The robot.
        step: Physics step, s.
    """

    def __init__(self, loaded: BulletRobot, step: float) -> None:
        super().__init__(loaded, step)
        self._others = ConstraintMotors(loaded)

    def aim(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """See `Simulator.drive`."""
        super().aim(targets, strength, speed)
        self._others.aim(targets, strength, speed)

    def vary(self, parameter: str, value: float) -> None:
        """See `Motors.vary`."""
        super().vary(parameter, value)
        self._others.vary(parameter, value)


def motors(loaded: BulletRobot, step: float) -> Motors:
    """The kind that the robot's actuators are."""
    pushed = {actuator.kind == "pd" for actuator in loaded.robot.actuators}
    if pushed == {True, False}:
        return MixedMotors(loaded, step)
    return TorqueMotors(loaded, step) if pushed == {True} else ConstraintMotors(loaded)
