"""The robot's body in a PyBullet world: its links, what they may touch, how they lie and move."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.fixed_joints import number_parts
from envs.loaded import Loaded, LoadedJoint, LoadedLink
from envs.quaternion import Quaternion, multiply, rotate
from envs.quiet import quiet
from envs.robot import Robot
from envs.simulator import IMPOSSIBLE_RATE, IMPOSSIBLE_SPEED, BodyState
from envs.supports import assemble
from envs.wrench import Wrench

with quiet():
    import pybullet

WITHIN = 0.01  # m that a wheel's middle may stand out of the body and still be behind it
BODY_GROUP, WHEEL_GROUP, GROUND_GROUP, SCRIPTED_GROUP, FREE_GROUP = 1, 2, 4, 8, 16
FASTEST = 10.0 * IMPOSSIBLE_RATE  # m/s and rad/s that all speeds are cut at, by default 100
AWAY, CENTER = (0.0, 0.0, 1000.0), (0.0, 0.0, 0.0)


class BulletRobot:
    """A robot that was loaded into a world.

    Args:
        client: The world.
        robot: Who.

    Attributes:
        body: The engine's number for it.
        links: Of its links, the base's first.
        soles: Links it stands on: those of the robot's soles, in their order, then its supports.
        hull: Links that bump into things; of the soles only those that stand out of the body.
        joints: Names of the joints that move, by the engine's number.
        index: The other way round, for all joints.
        wrench: What pulls and turns its base from outside.
        signs: By number, 1 or -1: about the base's own axes, positive rolls forward or steers left.

    Raises:
        ValueError: If the URDF does not parse or lacks a joint that the robot names.
    """

    def __init__(self, client: int, robot: Robot) -> None:
        self.client, self.robot = client, robot
        urdf = robot.model
        assembled = assemble(robot)
        self.body, names = _load(client, robot, assembled.text)
        count = pybullet.getNumJoints(self.body, physicsClientId=client)
        infos = [pybullet.getJointInfo(self.body, i, physicsClientId=client) for i in range(count)]
        own = [names[info[1].decode()] for info in infos]
        self.index = {name: i for i, name in enumerate(own)}
        self.links = [-1, *range(count)]
        moving = [i for i, info in enumerate(infos) if info[2] != pybullet.JOINT_FIXED]
        self.joints = {i: own[i] for i in moving}
        self._moving = moving
        of_link = {names[info[12].decode()]: i for i, info in enumerate(infos)}
        of_link[assembled.urdf.root] = -1
        self._supports = [of_link[name] for name in assembled.supports]
        self.soles = [*(self.index[name] for name in robot.soles), *self._supports]
        # A wheel's axis may point left or right, and its frame any way: what counts is which way
        # it rolls. So positive is about the base's own axes: forward for wheels, left for steering.
        self.signs = {i: urdf.sign(name) for i, name in self.joints.items()}
        self._read, self._mean = self._reader()
        self.hull, self._bare_soles = self._find_hull()
        self._set_up()
        info = [pybullet.getDynamicsInfo(self.body, i, physicsClientId=client) for i in self.links]
        self._kinds = {name: joint.kind for name, joint in assembled.urdf.joints.items()}
        self._infos, self._info, self._of_link = infos, info, of_link
        self._mass = [float(entry[0]) for entry in info]
        self.wrench = Wrench(sum(self._mass))
        self._inertia = [tuple(map(float, entry[2])) for entry in info]
        self._armature = self._rotors(infos)
        self._weights = {"mass": 1.0, "armature": 1.0}
        if np.any(self._armature):
            self.weigh("armature", 1.0)
        self._friction = [float(entry[1]) for entry in info]
        self._center = np.asarray(info[0][3])
        # The engine turns a base to its principal axes of inertia; ours is the URDF's frame.
        turn: Quaternion = info[0][4]
        self._principal = None if turn == (0.0, 0.0, 0.0, 1.0) else turn

    def _reader(self) -> tuple[list[int], NDArray[np.float64]]:
        """Joints to read, and the matrix that makes each actuator's mean of them."""
        groups = [[self.index[name] for name in a.joints] for a in self.robot.actuators]
        read = sorted({joint for group in groups for joint in group})
        mean = np.zeros((len(groups), len(read)))
        for k, group in enumerate(groups):
            kind = self.robot.actuators[k].kind
            for joint in group:
                gearing = self.robot.gearing(self.joints[joint]) if kind == "wheel_speed" else 1.0
                mean[k, read.index(joint)] = self.signs[joint] / len(group) / gearing
        return read, mean

    def _find_hull(self) -> tuple[list[int], list[int]]:
        """Which links are hit by what is around: the body, and wheels that stand out of it."""
        client, body = self.client, self.body
        shaped = [
            link
            for link in self.links
            if pybullet.getCollisionShapeData(body, link, physicsClientId=client)
        ]
        hull = [link for link in shaped if link not in self.soles]
        boxes = [pybullet.getAABB(body, link, physicsClientId=client) for link in hull]
        low = np.min([box[0] for box in boxes] or [np.full(3, math.inf)], axis=0)
        high = np.max([box[1] for box in boxes] or [np.full(3, -math.inf)], axis=0)
        bare = list(self._supports)  # what a robot stands on may bump into things all the same
        for wheel in self.soles[: len(self.robot.soles)]:
            center = np.mean(pybullet.getAABB(body, wheel, physicsClientId=client), axis=0)
            inside = (low - WITHIN <= center) & (center <= high + WITHIN)
            if not inside[:2].all():
                bare.append(wheel)
        return hull, bare

    def _set_up(self) -> None:
        """Say what may touch it, and take away what the engine adds of its own."""
        for link in self.links:
            group = WHEEL_GROUP if link in self.soles else BODY_GROUP
            other = SCRIPTED_GROUP if link in self.hull + self._bare_soles else 0
            mask = GROUND_GROUP | FREE_GROUP | other
            pybullet.setCollisionFilterGroupMask(
                self.body, link, group, mask, physicsClientId=self.client
            )
            self._change(link, linearDamping=0.0, angularDamping=0.0, jointDamping=0.0)
            # A body that falls asleep ignores its motors.
            self._change(link, activationState=4)
        self._change(-1, maxJointVelocity=FASTEST)
        for joint in self.joints:
            pybullet.setJointMotorControl2(
                self.body, joint, pybullet.VELOCITY_CONTROL, force=0.0, physicsClientId=self.client
            )

    def _change(self, link: int, **values: object) -> None:
        pybullet.changeDynamics(self.body, link, physicsClientId=self.client, **values)

    def _rotors(self, joints: Sequence[Any]) -> list[list[float]]:
        """What rotors add to each link's inertia about its principal axes, kg·m².

        The engine knows no armature. To the joint it is as if its link were harder to turn; so it
        is to the joints before it, which a rotor would not burden.
        """
        added = [[0.0, 0.0, 0.0] for _ in self.links]
        for actuator in self.robot.actuators:
            for name in actuator.joints:
                joint = self.index[name]
                axis = np.square(joints[joint][13])  # which is about the link's principal axes
                # So much about the principal axes makes the armature about the joint's own.
                share = axis * axis.sum() / np.square(axis).sum()
                added[1 + joint] = (actuator.armature * share).tolist()
        return added

    def lift(self) -> None:
        """Take it off the ground, out of everything's way."""
        upright = (0.0, 0.0, 0.0, 1.0)
        pybullet.resetBasePositionAndOrientation(
            self.body, AWAY, upright, physicsClientId=self.client
        )

    def stand(self, x: float, y: float, yaw: float, speed: float) -> None:
        """See `Simulator.reset`."""
        client, robot = self.client, self.robot
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
        pybullet.resetBasePositionAndOrientation(self.body, center, turn, physicsClientId=client)
        velocity = [speed * forward[0], speed * forward[1], 0.0]
        pybullet.resetBaseVelocity(self.body, velocity, [0.0, 0.0, 0.0], physicsClientId=client)
        begin = robot.start(speed)
        for joint, name in self.joints.items():
            at, rate = (self.signs[joint] * value for value in begin.get(name, (0.0, 0.0)))
            pybullet.resetJointState(self.body, joint, at, rate, physicsClientId=client)

    def state(self) -> BodyState:
        """See `Simulator.state`."""
        position, quaternion = pybullet.getBasePositionAndOrientation(
            self.body, physicsClientId=self.client
        )
        linear, angular = pybullet.getBaseVelocity(self.body, physicsClientId=self.client)
        if self._principal:
            px, py, pz, pw = self._principal
            quaternion = multiply(quaternion, (-px, -py, -pz, pw))
        ox, oy, oz = rotate(quaternion, *(-self._center).tolist())
        origin = (position[0] + ox, position[1] + oy, position[2] + oz)
        return BodyState(origin, quaternion, linear, angular)

    def possible(self) -> bool:
        """Whether its base and its joints move as a robot's can."""
        velocity = pybullet.getBaseVelocity(self.body, physicsClientId=self.client)
        if not possible(*velocity):
            return False
        states = pybullet.getJointStates(self.body, self._moving, physicsClientId=self.client)
        return math.hypot(*[state[1] for state in states]) < IMPOSSIBLE_RATE  # false for NaN

    def means(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See `Simulator.joints`."""
        states = pybullet.getJointStates(self.body, self._read, physicsClientId=self.client)
        position = np.asarray([state[0] for state in states])
        velocity = np.asarray([state[1] for state in states])
        return self._mean @ position, self._mean @ velocity

    def touches(self, ground: Collection[int]) -> bool:
        """Whether it has a contact with anything but the ground's with its soles."""
        contacts, client, body = pybullet.getContactPoints, self.client, self.body
        for link in self.hull:
            if contacts(bodyA=body, linkIndexA=link, physicsClientId=client):
                return True
        return any(
            contact[2] not in ground
            for link in self._bare_soles
            for contact in contacts(bodyA=body, linkIndexA=link, physicsClientId=client)
        )

    def loaded(self) -> Loaded:
        """See `Simulator.loaded`; what rotors add to inertias is left out."""
        links = {}
        for name, link in self._of_link.items():
            mass, _, inertia, center, turn = self._info[1 + link][:5]
            axes = np.asarray([rotate(turn, *axis) for axis in np.eye(3).tolist()]).T
            shapes = pybullet.getCollisionShapeData(self.body, link, physicsClientId=self.client)
            links[name] = LoadedLink(
                mass, np.asarray(center), axes @ np.diag(inertia) @ axes.T, len(shapes)
            )
        joints = {}
        for number, name in self.joints.items():
            info = self._infos[number]
            low, high = -math.inf, math.inf
            if info[8] <= info[9] and self._kinds[name] != "continuous":  # whose are not enforced
                low, high = info[8:10]
            axis = rotate(self._info[1 + number][4], *info[13])  # given along the principal axes
            joints[name] = LoadedJoint(np.asarray(axis), low, high)
        names = {link: name for name, link in self._of_link.items()}
        bumps = frozenset(names[link] for link in (*self.hull, *self._bare_soles))
        return Loaded(links, joints, bumps)

    def weigh(self, parameter: str, factor: float) -> None:
        """Set masses with their inertias, or what rotors add, by a factor on what was loaded."""
        self._weights[parameter] = factor
        mass, armature = self._weights["mass"], self._weights["armature"]
        for link, own, inertia, rotor in zip(
            self.links, self._mass, self._inertia, self._armature, strict=True
        ):
            scaled = [mass * i + armature * added for i, added in zip(inertia, rotor, strict=True)]
            self._change(link, mass=mass * own, localInertiaDiagonal=scaled)

    def scale_friction(self, factor: float) -> None:
        """Set the friction of all soles by a factor on what was loaded."""
        for link in self.soles:
            self._change(link, lateralFriction=self._friction[1 + link] * factor)

    def change_soles(self, name: str, value: float) -> None:
        """Give all soles a property of the engine's."""
        for link in self.soles:
            self._change(link, **{name: value})

    def pull(self) -> None:
        """Let the wrench act during the next physics step."""
        px, py, pz, pw = self._principal or (0.0, 0.0, 0.0, 1.0)
        force, torque = self.wrench.seen((-px, -py, -pz, pw))
        frame, client = pybullet.LINK_FRAME, self.client
        pybullet.applyExternalForce(self.body, -1, force, CENTER, frame, physicsClientId=client)
        pybullet.applyExternalTorque(self.body, -1, torque, frame, physicsClientId=client)

    def push(self, lateral: float) -> None:
        """See `Simulator.push`."""
        state = self.state()
        left = rotate(state.quaternion, 0.0, lateral, 0.0)
        velocity = [v + d for v, d in zip(state.linear_velocity, left, strict=True)]
        pybullet.resetBaseVelocity(
            self.body, velocity, list(state.angular_velocity), physicsClientId=self.client
        )


def possible(linear: Sequence[float], angular: Sequence[float]) -> bool:
    """Whether a body can have a velocity (m/s) and an angular velocity (rad/s)."""
    return math.hypot(*linear) < IMPOSSIBLE_SPEED and math.hypot(*angular) < IMPOSSIBLE_RATE


def _load(client: int, robot: Robot, text: str) -> tuple[int, dict[str, str]]:
    """Load a robot from a URDF whose fixed joints are merged, which saves links to compute.

    Returns:
        The engine's number for it, and the names of parts by those that the engine was given.
    """
    text, names = number_parts(text)
    with tempfile.TemporaryDirectory() as folder, quiet():
        file = Path(folder) / "robot.urdf"
        file.write_text(text, encoding="utf-8")
        try:
            body: int = pybullet.loadURDF(
                str(file),
                [0, 0, robot.height],
                flags=pybullet.URDF_USE_IMPLICIT_CYLINDER | pybullet.URDF_USE_INERTIA_FROM_FILE,
                physicsClientId=client,
            )
        except pybullet.error:
            raise ValueError(
                f"{robot.urdf}: PyBullet does not load it and gives no reason"
            ) from None
    return body, names
