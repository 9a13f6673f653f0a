"""The `Simulator` on PyBullet: loaded once, in-process, no graphics."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pybullet
from numpy.typing import NDArray

from envs.robot import Robot
from envs.simulator import BodyState, Shape

SOLVER_ITERATIONS = 20
GROUND_FRICTION = 1.0
BODY_GROUP, WHEEL_GROUP, GROUND_GROUP, SCRIPTED_GROUP = 1, 2, 4, 8


class Bullet:
    """One PyBullet world."""

    def __init__(self) -> None:
        with _silence():
            self._client: int = pybullet.connect(pybullet.DIRECT)

    def load(self, robot: Robot, shapes: Sequence[Shape], physics_rate: float) -> None:
        """See `Simulator.load`.

        Raises:
            ValueError: If the URDF does not parse or lacks a joint that the robot names.
        """
        client = self._client
        pybullet.setGravity(0, 0, -9.81, physicsClientId=client)
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=1.0 / physics_rate,
            numSolverIterations=SOLVER_ITERATIONS,
            enableConeFriction=0,  # converges in fewer iterations for skidding wheels
            deterministicOverlappingPairs=1,
            physicsClientId=client,
        )
        plane = pybullet.createCollisionShape(pybullet.GEOM_PLANE, physicsClientId=client)
        self._ground = pybullet.createMultiBody(0, plane, physicsClientId=client)
        self._dynamics(self._ground, -1, lateralFriction=GROUND_FRICTION)
        self._group(self._ground, -1, GROUND_GROUP, BODY_GROUP | WHEEL_GROUP)
        self._load_robot(robot)
        self._shapes = [self._add(shape) for shape in shapes]
        self._heights = [shape.half_extents[2] for shape in shapes]
        self._start = pybullet.saveState(physicsClientId=client)

    def _load_robot(self, robot: Robot) -> None:
        client = self._client
        try:
            with _silence():
                self._body: int = pybullet.loadURDF(
                    str(robot.urdf),
                    [0, 0, robot.height],
                    flags=pybullet.URDF_MERGE_FIXED_LINKS | pybullet.URDF_USE_INERTIA_FROM_FILE,
                    physicsClientId=client,
                )
        except pybullet.error:
            raise ValueError(f"{robot.urdf}: not a URDF that PyBullet can read") from None
        self._robot = robot
        count = pybullet.getNumJoints(self._body, physicsClientId=client)
        infos = [pybullet.getJointInfo(self._body, i, physicsClientId=client) for i in range(count)]
        index = {info[1].decode(): i for i, info in enumerate(infos)}
        named = {joint for a in robot.actuators for joint in (*a.joints, *a.brake_joints)}
        for joint in sorted(named | set(robot.wheels)):
            if joint not in index:
                raise ValueError(f"{robot.source}: no joint {joint!r} in {robot.urdf.name}")
        self._links = [-1, *range(count)]
        self._movable = [i for i, info in enumerate(infos) if info[2] != pybullet.JOINT_FIXED]
        self._wheels = [index[name] for name in robot.wheels]
        self._actuated = [[index[name] for name in a.joints] for a in robot.actuators]
        self._braked = [[index[name] for name in a.brake_joints] for a in robot.actuators]
        # A wheel's axis may point left or right: what counts is which way it rolls.
        self._signs = {i: math.copysign(1.0, sum(infos[i][13])) for i in self._movable}
        row = {joint: k for k, joint in enumerate(self._movable)}
        self._rows = [[row[i] for i in joints] for joints in self._actuated]
        self._row_signs = [[self._signs[i] for i in joints] for joints in self._actuated]
        for link in self._links:
            wheel = link in self._wheels
            group, other = (WHEEL_GROUP, 0) if wheel else (BODY_GROUP, SCRIPTED_GROUP)
            self._group(self._body, link, group, GROUND_GROUP | other)
            self._dynamics(
                self._body, link, linearDamping=0.0, angularDamping=0.0, jointDamping=0.0
            )
            # A body that falls asleep ignores its motors.
            self._dynamics(self._body, link, activationState=4)
        for joint in self._movable:
            self._motor(joint, 0.0, 0.0)
        info = [
            pybullet.getDynamicsInfo(self._body, i, physicsClientId=client) for i in self._links
        ]
        self._mass = [float(entry[0]) for entry in info]
        self._inertia = [tuple(map(float, entry[2])) for entry in info]
        self._friction = [float(entry[1]) for entry in info]
        self._center = np.asarray(info[0][3])

    def _add(self, shape: Shape) -> int:
        client, half = self._client, shape.half_extents
        if shape.kind == "box":
            geometry = pybullet.createCollisionShape(
                pybullet.GEOM_BOX, halfExtents=half, physicsClientId=client
            )
        else:
            geometry = pybullet.createCollisionShape(
                pybullet.GEOM_CYLINDER, radius=half[0], height=2 * half[2], physicsClientId=client
            )
        body: int = pybullet.createMultiBody(
            0, geometry, basePosition=[0, 0, -100], physicsClientId=client
        )
        self._group(body, -1, SCRIPTED_GROUP, BODY_GROUP)
        return body

    def _group(self, body: int, link: int, group: int, mask: int) -> None:
        pybullet.setCollisionFilterGroupMask(body, link, group, mask, physicsClientId=self._client)

    def _dynamics(self, body: int, link: int, **values: object) -> None:
        pybullet.changeDynamics(body, link, physicsClientId=self._client, **values)

    def _motor(self, joint: int, velocity: float, force: float) -> None:
        pybullet.setJointMotorControl2(
            self._body,
            joint,
            pybullet.VELOCITY_CONTROL,
            targetVelocity=velocity,
            force=force,
            physicsClientId=self._client,
        )

    def reset(self, x: float, y: float, yaw: float, speed: float) -> None:
        """See `Simulator.reset`."""
        client, robot = self._client, self._robot
        # Contact caches survive a reset of poses; restoring the state of loading drops them, so
        # that an episode does not depend on the one before it.
        pybullet.restoreState(self._start, physicsClientId=client)
        forward = (math.cos(yaw), math.sin(yaw))
        cx, cy, cz = self._center.tolist()
        center = (
            x + cx * forward[0] - cy * forward[1],
            y + cx * forward[1] + cy * forward[0],
            robot.height + cz,
        )
        turn = [0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)]
        pybullet.resetBasePositionAndOrientation(self._body, center, turn, physicsClientId=client)
        velocity = [speed * forward[0], speed * forward[1], 0.0]
        pybullet.resetBaseVelocity(self._body, velocity, [0.0, 0.0, 0.0], physicsClientId=client)
        for joint in self._movable:
            rolls = joint in self._wheels
            rate = self._signs[joint] * speed / robot.wheel_radius if rolls else 0.0
            pybullet.resetJointState(self._body, joint, 0.0, rate, physicsClientId=client)

    def place(self, shape: int, x: float, y: float, yaw: float) -> None:
        """See `Simulator.place`."""
        pybullet.resetBasePositionAndOrientation(
            self._shapes[shape],
            (x, y, self._heights[shape]),
            (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)),
            physicsClientId=self._client,
        )

    def drive(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """See `Simulator.drive`."""
        radius = self._robot.wheel_radius
        for k, actuator in enumerate(self._robot.actuators):
            target = targets[actuator.role]
            if actuator.kind == "position":
                for joint in self._actuated[k]:
                    pybullet.setJointMotorControl2(
                        self._body,
                        joint,
                        pybullet.POSITION_CONTROL,
                        targetPosition=self._signs[joint] * target,
                        force=actuator.force * strength,
                        maxVelocity=actuator.rate,
                        positionGain=0.3,
                        velocityGain=1.0,
                        physicsClientId=self._client,
                    )
                continue
            braking = bool(self._braked[k]) and target < speed
            for joint in self._braked[k]:
                force = actuator.brake * strength if braking else 0.0
                self._motor(joint, self._signs[joint] * target / radius, force)
            if not braking:
                for joint in self._actuated[k]:
                    rate = self._signs[joint] * target / radius
                    self._motor(joint, rate, actuator.force * strength)

    def advance(self, substeps: int) -> None:
        """See `Simulator.advance`."""
        step, client = pybullet.stepSimulation, self._client
        for _ in range(substeps):
            step(physicsClientId=client)

    def state(self) -> BodyState:
        """See `Simulator.state`."""
        position, quaternion = pybullet.getBasePositionAndOrientation(
            self._body, physicsClientId=self._client
        )
        linear, angular = pybullet.getBaseVelocity(self._body, physicsClientId=self._client)
        ox, oy, oz = rotate(quaternion, *(-self._center).tolist())
        origin = (position[0] + ox, position[1] + oy, position[2] + oz)
        return BodyState(origin, quaternion, linear, angular)

    def joints(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See `Simulator.joints`."""
        states = pybullet.getJointStates(self._body, self._movable, physicsClientId=self._client)
        position = np.empty(len(self._rows))
        velocity = np.empty(len(self._rows))
        for k, (rows, signs) in enumerate(zip(self._rows, self._row_signs, strict=True)):
            pairs = list(zip(rows, signs, strict=True))
            position[k] = sum(sign * states[row][0] for row, sign in pairs) / len(pairs)
            velocity[k] = sum(sign * states[row][1] for row, sign in pairs) / len(pairs)
        return position, velocity

    def touching(self) -> bool:
        """See `Simulator.touching`."""
        client = self._client
        return bool(
            pybullet.getContactPoints(bodyA=self._body, linkIndexA=-1, physicsClientId=client)
        )

    def cast(
        self, origin: tuple[float, float, float], ends: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """See `Simulator.cast`."""
        hits = pybullet.rayTestBatch(
            np.broadcast_to(origin, ends.shape),
            ends,
            numThreads=1,
            collisionFilterMask=SCRIPTED_GROUP,
            physicsClientId=self._client,
        )
        return np.asarray([hit[2] for hit in hits])

    def scale_mass(self, factor: float) -> None:
        """See `Simulator.scale_mass`."""
        for link, mass, inertia in zip(self._links, self._mass, self._inertia, strict=True):
            scaled = [factor * value for value in inertia]
            self._dynamics(self._body, link, mass=factor * mass)
            self._dynamics(self._body, link, localInertiaDiagonal=scaled)

    def scale_friction(self, factor: float) -> None:
        """See `Simulator.scale_friction`."""
        for link in self._wheels:
            value = self._friction[1 + link] * factor
            self._dynamics(self._body, link, lateralFriction=value)

    def push(self, lateral: float) -> None:
        """See `Simulator.push`."""
        state = self.state()
        left = rotate(state.quaternion, 0.0, lateral, 0.0)
        velocity = [v + d for v, d in zip(state.linear_velocity, left, strict=True)]
        pybullet.resetBaseVelocity(
            self._body, velocity, list(state.angular_velocity), physicsClientId=self._client
        )

    def close(self) -> None:
        """See `Simulator.close`."""
        if self._client >= 0:
            pybullet.disconnect(physicsClientId=self._client)
            self._client = -1


def rotate(
    quaternion: tuple[float, float, float, float], x: float, y: float, z: float
) -> tuple[float, float, float]:
    """Rotate the vector ``(x, y, z)`` by a quaternion x, y, z, w."""
    qx, qy, qz, qw = quaternion
    tx, ty, tz = 2 * (qy * z - qz * y), 2 * (qz * x - qx * z), 2 * (qx * y - qy * x)
    return (
        x + qw * tx + qy * tz - qz * ty,
        y + qw * ty + qz * tx - qx * tz,
        z + qw * tz + qx * ty - qy * tx,
    )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the engine's C++ prints (parser warnings) out of the user's terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        os.dup2(null, 2)
        yield
    finally:
        for target, fd in zip((1, 2), saved, strict=True):
            os.dup2(fd, target)
            os.close(fd)
        os.close(null)
