"""The `Simulator` on PyBullet: loaded once, in-process, no graphics."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.fixed_joints import merge_fixed_joints
from envs.interface import unknown
from envs.pd_motors import PdMotors
from envs.quaternion import Quaternion, multiply, rotate
from envs.quiet import quiet
from envs.robot import Robot
from envs.simulator import BodyState, Shape
from envs.urdf import Urdf, read_urdf

with quiet():
    import pybullet

SOLVER_ITERATIONS = 20
GROUND_FRICTION = 1.0
WITHIN = 0.01  # m that a wheel's middle may stand out of the body and still be behind it
BODY_GROUP, WHEEL_GROUP, GROUND_GROUP, SCRIPTED_GROUP, FREE_GROUP = 1, 2, 4, 8, 16


class Bullet:
    """One PyBullet world."""

    def __init__(self) -> None:
        with quiet():
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
        self._group(self._ground, -1, GROUND_GROUP, BODY_GROUP | WHEEL_GROUP | FREE_GROUP)
        self._load_robot(robot)
        self._shapes = [self._add(shape) for shape in shapes]
        self._servo_speed = 1.0
        self._heights = [shape.half_extents[2] for shape in shapes]
        self._free = {body: k for k, body in enumerate(self._shapes) if shapes[k].mass > 0}
        self._offsets = [np.asarray(shape.center) for shape in shapes]
        self._loads = [
            pybullet.getDynamicsInfo(body, -1, physicsClientId=client)[:3] for body in self._shapes
        ]
        self._sole_forces = np.zeros(len(self._wheels))
        self._held: set[int] = set()
        self._start = pybullet.saveState(physicsClientId=client)

    def _load_robot(self, robot: Robot) -> None:
        client = self._client
        urdf = read_urdf(robot.urdf)
        named = {joint for a in robot.actuators for joint in (*a.joints, *a.brake_joints)}
        for name in sorted(named | set(robot.soles)):
            if name not in urdf.joints:
                raise ValueError(f"{robot.source}: " + unknown("joint", name, urdf.joints))
            if urdf.joints[name].kind == "fixed":
                raise ValueError(f"{robot.source}: joint {name!r} is fixed, so it cannot move")
        self._body: int = self._load_urdf(urdf, robot.height)
        self._robot = robot
        count = pybullet.getNumJoints(self._body, physicsClientId=client)
        infos = [pybullet.getJointInfo(self._body, i, physicsClientId=client) for i in range(count)]
        index = {info[1].decode(): i for i, info in enumerate(infos)}
        self._links = [-1, *range(count)]
        self._movable = [i for i, info in enumerate(infos) if info[2] != pybullet.JOINT_FIXED]
        self._names = {i: infos[i][1].decode() for i in self._movable}
        self._wheels = [index[name] for name in robot.soles]
        self._actuated = [[index[name] for name in a.joints] for a in robot.actuators]
        self._braked = [[index[name] for name in a.brake_joints] for a in robot.actuators]
        # A wheel's axis may point left or right, and its frame any way: what counts is which way
        # it rolls. So positive is about the base's own axes: forward for wheels, left for steering.
        self._signs = {i: urdf.sign(name) for i, name in self._names.items()}
        row = {joint: k for k, joint in enumerate(self._movable)}
        self._rows = [[row[i] for i in joints] for joints in self._actuated]
        self._row_signs = [[self._signs[i] for i in joints] for joints in self._actuated]
        self._motors = PdMotors(robot.actuators)
        self._pushed = [index[name] for name in self._motors.joints]
        self._push_signs = np.asarray([self._signs[joint] for joint in self._pushed])
        self._find_hull()
        for link in self._links:
            group = WHEEL_GROUP if link in self._wheels else BODY_GROUP
            other = SCRIPTED_GROUP if link in self._hull + self._bare_wheels else 0
            self._group(self._body, link, group, GROUND_GROUP | FREE_GROUP | other)
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
        # The engine turns a base to its principal axes of inertia; ours is the URDF's frame.
        turn: Quaternion = info[0][4]
        self._principal = None if turn == (0.0, 0.0, 0.0, 1.0) else turn

    def _load_urdf(self, urdf: Urdf, height: float) -> int:
        with contextlib.ExitStack() as stack:
            file = str(urdf.path)
            if any(joint.kind == "fixed" for joint in urdf.joints.values()):
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                file = str(Path(folder) / urdf.path.name)
                Path(file).write_text(merge_fixed_joints(urdf), encoding="utf-8")
            stack.enter_context(quiet())
            try:
                body: int = pybullet.loadURDF(
                    file,
                    [0, 0, height],
                    flags=pybullet.URDF_USE_IMPLICIT_CYLINDER | pybullet.URDF_USE_INERTIA_FROM_FILE,
                    physicsClientId=self._client,
                )
            except pybullet.error:
                raise ValueError(f"{urdf.path}: not a URDF that PyBullet can read") from None
        return body

    def _find_hull(self) -> None:
        """Which links are hit by what is around: the body, and wheels that stand out of it."""
        client, body = self._client, self._body
        shaped = [
            link
            for link in self._links
            if pybullet.getCollisionShapeData(body, link, physicsClientId=client)
        ]
        self._hull = [link for link in shaped if link not in self._wheels]
        boxes = [pybullet.getAABB(body, link, physicsClientId=client) for link in self._hull]
        low = np.min([box[0] for box in boxes] or [np.full(3, math.inf)], axis=0)
        high = np.max([box[1] for box in boxes] or [np.full(3, -math.inf)], axis=0)
        self._bare_wheels = []
        for wheel in self._wheels:
            center = np.mean(pybullet.getAABB(body, wheel, physicsClientId=client), axis=0)
            inside = (low - WITHIN <= center) & (center <= high + WITHIN)
            if not inside[:2].all():
                self._bare_wheels.append(wheel)

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
            shape.mass,
            geometry,
            basePosition=[0, 0, -100],
            baseInertialFramePosition=shape.center,
            physicsClientId=client,
        )
        if shape.mass > 0:
            others = BODY_GROUP | WHEEL_GROUP | GROUND_GROUP | SCRIPTED_GROUP
            self._group(body, -1, FREE_GROUP, others)
            self._dynamics(body, -1, linearDamping=0.0, angularDamping=0.0)
        else:
            self._group(body, -1, SCRIPTED_GROUP, BODY_GROUP | FREE_GROUP)
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
        # Contact points near enough to the new ones survive a reset, with the forces of the last
        # episode in them. Lifting the robot off the ground drops them, so that an episode does not
        # depend on the one before it.
        self._touched = False
        self._sole_forces[:] = 0.0
        self._held.clear()
        self._motors.rest()
        pybullet.restoreState(self._start, physicsClientId=client)
        away = (0.0, 0.0, 1000.0)
        upright = (0.0, 0.0, 0.0, 1.0)
        pybullet.resetBasePositionAndOrientation(self._body, away, upright, physicsClientId=client)
        pybullet.performCollisionDetection(physicsClientId=client)
        forward = (math.cos(yaw), math.sin(yaw))
        cx, cy, cz = self._center.tolist()
        center = (
            x + cx * forward[0] - cy * forward[1],
            y + cx * forward[1] + cy * forward[0],
            robot.height + cz,
        )
        turn = (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))
        if self._principal:
            turn = multiply(turn, self._principal)
        pybullet.resetBasePositionAndOrientation(self._body, center, turn, physicsClientId=client)
        velocity = [speed * forward[0], speed * forward[1], 0.0]
        pybullet.resetBaseVelocity(self._body, velocity, [0.0, 0.0, 0.0], physicsClientId=client)
        begin = robot.start(speed)
        for joint, name in self._names.items():
            at, rate = (self._signs[joint] * value for value in begin.get(name, (0.0, 0.0)))
            pybullet.resetJointState(self._body, joint, at, rate, physicsClientId=client)

    def place(self, shape: int, x: float, y: float, yaw: float, z: float | None = None) -> None:
        """See `Simulator.place`."""
        body, client = self._shapes[shape], self._client
        turn = (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))
        at = (x, y, self._heights[shape] if z is None else z)
        if body in self._free:
            at = (np.asarray(at) + rotate(turn, *self._offsets[shape].tolist())).tolist()
            still = [0.0, 0.0, 0.0]
            pybullet.resetBaseVelocity(body, still, still, physicsClientId=client)
        pybullet.resetBasePositionAndOrientation(body, at, turn, physicsClientId=client)

    def load_shape(self, shape: int, mass: float, friction: float) -> None:
        """See `Simulator.load_shape`."""
        old, _, inertia = self._loads[shape]
        scaled = [mass / old * value for value in inertia]
        self._dynamics(self._shapes[shape], -1, mass=mass, lateralFriction=friction)
        self._dynamics(self._shapes[shape], -1, localInertiaDiagonal=scaled)

    def shape_state(self, shape: int) -> BodyState:
        """See `Simulator.shape_state`."""
        body, client = self._shapes[shape], self._client
        position, turn = pybullet.getBasePositionAndOrientation(body, physicsClientId=client)
        linear, angular = pybullet.getBaseVelocity(body, physicsClientId=client)
        back = rotate(turn, *(-self._offsets[shape]).tolist())
        middle = tuple(p + d for p, d in zip(position, back, strict=True))
        return BodyState(middle, turn, linear, angular)

    def drive(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """See `Simulator.drive`."""
        if self._pushed:
            self._motors.aim(dict(targets), strength)
            return
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
                        maxVelocity=actuator.rate * self._servo_speed,
                        positionGain=0.3,
                        velocityGain=1.0,
                        physicsClientId=self._client,
                    )
                continue
            rate = self._robot.joint_speed(target)
            braking = bool(self._braked[k]) and target < speed
            for joint in self._braked[k]:
                force = actuator.brake * strength if braking else 0.0
                self._motor(joint, self._signs[joint] * rate, force)
            if not braking:
                for joint in self._actuated[k]:
                    self._motor(joint, self._signs[joint] * rate, actuator.force * strength)

    def advance(self, substeps: int) -> None:
        """See `Simulator.advance`."""
        step, client = pybullet.stepSimulation, self._client
        for _ in range(substeps):
            if self._pushed:
                self._push()
            step(physicsClientId=client)
            if self._free:
                continue
            # A glancing hit is over within a step or two: look after each.
            self._touched = self._touched or self._touches()

        if self._free:
            self._feel()

    def _push(self) -> None:
        """Torques hold for one step only."""
        body, client = self._body, self._client
        states = pybullet.getJointStates(body, self._pushed, physicsClientId=client)
        position = self._push_signs * np.asarray([state[0] for state in states])
        velocity = self._push_signs * np.asarray([state[1] for state in states])
        pybullet.setJointMotorControlArray(
            body,
            self._pushed,
            pybullet.TORQUE_CONTROL,
            forces=self._push_signs * self._motors.push(position, velocity),
            physicsClientId=client,
        )

    def _feel(self) -> None:
        """What touches the robot, by one request."""
        self._sole_forces[:] = 0.0
        self._held.clear()
        contacts = pybullet.getContactPoints(bodyA=self._body, physicsClientId=self._client)
        for contact in contacts:
            other, link, force = contact[2], contact[3], contact[9]
            if other in self._free:
                self._held.add(self._free[other])
            elif link in self._wheels:
                self._sole_forces[self._wheels.index(link)] += force
            else:
                self._touched = True

    def torques(self) -> NDArray[np.float64]:
        """See `Simulator.torques`."""
        return self._motors.torques

    def sole_forces(self) -> NDArray[np.float64]:
        """See `Simulator.sole_forces`."""
        return self._sole_forces

    def holds(self, shape: int) -> bool:
        """See `Simulator.holds`."""
        return shape in self._held

    def state(self) -> BodyState:
        """See `Simulator.state`."""
        position, quaternion = pybullet.getBasePositionAndOrientation(
            self._body, physicsClientId=self._client
        )
        linear, angular = pybullet.getBaseVelocity(self._body, physicsClientId=self._client)
        if self._principal:
            px, py, pz, pw = self._principal
            quaternion = multiply(quaternion, (-px, -py, -pz, pw))
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

    def touched(self) -> bool:
        """See `Simulator.touched`."""
        touched, self._touched = self._touched, False
        return touched

    def _touches(self) -> bool:
        contacts, client, body = pybullet.getContactPoints, self._client, self._body
        for link in self._hull:
            if contacts(bodyA=body, linkIndexA=link, physicsClientId=client):
                return True
        return any(
            contact[2] != self._ground
            for link in self._bare_wheels
            for contact in contacts(bodyA=body, linkIndexA=link, physicsClientId=client)
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

    def scale_servo_speed(self, factor: float) -> None:
        """See `Simulator.scale_servo_speed`."""
        self._servo_speed = factor

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
