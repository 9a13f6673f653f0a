"""The `Simulator` on MuJoCo: another engine with the same robots, the nearest thing to reality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.loaded import Loaded
from envs.mjcf import GROUNDS, LINK_FRICTION, ROBOT, SCRIPTED, World, describe_world
from envs.mujoco_ground import Ground
from envs.mujoco_loaded import loaded
from envs.mujoco_motors import SpeedMotors
from envs.mujoco_physics import Physics
from envs.pd_motors import pd_motors
from envs.quaternion import rotate
from envs.robot import Robot
from envs.simulator import IMPOSSIBLE_RATE, IMPOSSIBLE_SPEED, ITERATIONS, BodyState, Shape
from envs.terrain import Plot, Terrain
from envs.zeros import Zeros

FINEST = 0.001  # s: the largest step of the engine; a physics step is made of as many as it takes
AWAY = 100_000.0  # m above, from where nothing falls down in a minute
FREE = [IMPOSSIBLE_SPEED] * 3 + [IMPOSSIBLE_RATE] * 3
WARNINGS = mujoco.mjtWarning
BAD = [int(WARNINGS.mjWARN_BADQPOS), int(WARNINGS.mjWARN_BADQVEL), int(WARNINGS.mjWARN_BADQACC)]


def _ignore(message: str) -> None:
    """Warnings are counted, see `Mujoco.diverged`; the engine would print them and keep a log."""


class Mujoco:
    """One MuJoCo world; see `envs.simulator.Simulator`."""

    def load(
        self,
        robot: Robot,
        shapes: Sequence[Shape],
        physics_rate: float,
        plot: Plot | None = None,
        iterations: int = ITERATIONS,
    ) -> None:
        """See `Simulator.load`.

        Raises:
            ValueError: If the URDF cannot be read, or has a shape that MuJoCo does not know.
        """
        del iterations
        if mujoco.get_mju_user_warning() is None:
            mujoco.set_mju_user_warning(_ignore)
        self._robot, self._shapes = robot, tuple(shapes)
        self._steps = math.ceil(1.0 / (physics_rate * FINEST))
        world = describe_world(robot, shapes, 1.0 / (physics_rate * self._steps), plot)
        self._world = world
        try:
            self.model = mujoco.MjModel.from_xml_string(world.text)
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"{robot.urdf}: MuJoCo cannot load it: {reason}") from None
        self.data = mujoco.MjData(self.model)
        self._scratch = mujoco.MjData(self.model)
        self._ground = Ground(self.model)
        model, urdf = self.model, world.urdf
        # The engine puts them in an order of its own.
        self._pairs = [world.pairs[int(model.pair(k).name)] for k in range(model.npair)]
        named = [name for name, joint in urdf.joints.items() if joint.kind != "fixed"]
        self._signs = {name: urdf.sign(name) for name in named}
        self._positions = {name: int(model.joint(ROBOT + name).qposadr[0]) for name in named}
        self._velocities = {name: int(model.joint(ROBOT + name).dofadr[0]) for name in named}
        self._root = int(model.body(ROBOT + urdf.root).id)
        self._center = tuple(model.body_ipos[self._root].tolist())
        self._read_means(robot)
        self._motors = pd_motors(robot, self._signs, 1.0 / physics_rate)
        self._pushed = [
            (self._positions[name], self._velocities[name]) for name in self._motors.joints
        ]
        self._turned = SpeedMotors(
            model, self.data, robot, self._positions, self._velocities, self._signs, physics_rate
        )
        self._prepare_contacts(world)
        self._free = {k: f"shape:{k}" for k, shape in enumerate(shapes) if shape.mass > 0}
        self._mass, self._inertia = model.body_mass.copy(), model.body_inertia.copy()
        self._impossible = np.full(model.nv, IMPOSSIBLE_RATE)
        for start in model.jnt_dofadr[model.jnt_type == mujoco.mjtJoint.mjJNT_FREE]:
            self._impossible[start : start + 6] = FREE
        links = [urdf.root, *(joint.child for joint in urdf.joints.values())]
        self._zeros = Zeros(robot)
        soles = [k for k, pair in enumerate(self._pairs) if pair.link in self._sole_links]
        self._physics = Physics(
            model,
            self._scratch,
            self._motors,
            links=[int(model.body(ROBOT + name).id) for name in links],
            turned=[rate for _, rate in self._pushed],
            frictions=[pair.friction for pair in self._pairs],
            soles=soles,
            grounded=[k for k in soles if self._pairs[k].other in GROUNDS],
        )
        self._touched = self._moved = self._diverged = False
        self._sole_forces = np.zeros(len(robot.soles))
        self._held: set[int] = set()
        self._beams = np.zeros(6, dtype=np.uint8)
        self._beams[SCRIPTED] = 1

    def _read_means(self, robot: Robot) -> None:
        """Where each actuator's joints are in the state, and the matrix that makes their mean."""
        names = sorted({name for actuator in robot.actuators for name in actuator.joints})
        self._where = [self._positions[name] for name in names]
        self._whose = [self._velocities[name] for name in names]
        self._mean = np.zeros((len(robot.actuators), len(names)))
        for k, actuator in enumerate(robot.actuators):
            for name in actuator.joints:
                gearing = robot.gearing(name) if actuator.kind == "wheel_speed" else 1.0
                share = self._signs[name] / len(actuator.joints) / gearing
                self._mean[k, names.index(name)] = share

    def _prepare_contacts(self, world: World) -> None:
        """Find out what each geometry is: a numbered sole, a support, another link, or a shape."""
        model, supports, geometries = self.model, world.supports, world.geometries
        links = {name: link for link, names in geometries.items() for name in names}
        children = [world.urdf.joints[name].child for name in self._robot.soles]
        self._sole_of = {
            int(model.geom(name).id): children.index(link)
            for name, link in links.items()
            if link in children
        }
        self._own = {int(model.geom(name).id) for name in links}
        self._shape_of = {int(model.geom(f"shape:{k}").id): k for k in range(len(self._shapes))}
        self._supports = {int(model.geom(name).id) for s in supports for name in geometries[s]}
        self._sole_links = {*children, *supports}

    def renew(self) -> None:
        """See `Simulator.renew`: here a reset forgets everything."""

    def lay(self, terrain: Terrain | None) -> None:
        """See `Simulator.lay`."""
        self._ground.lay(terrain)

    def reset(self, x: float, y: float, yaw: float, speed: float) -> None:
        """See `Simulator.reset`."""
        data, robot = self.data, self._robot
        mujoco.mj_resetData(self.model, data)
        self._motors.rest()
        self._touched = self._diverged = False
        self._sole_forces[:] = 0.0
        self._held.clear()
        data.qpos[:3] = x, y, robot.height
        data.qpos[3:7] = math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)
        data.qvel[:3] = speed * math.cos(yaw), speed * math.sin(yaw), 0.0
        for name, (at, rate) in robot.start(speed).items():
            data.qpos[self._positions[name]] = self._signs[name] * at
            data.qvel[self._velocities[name]] = self._signs[name] * rate
        mujoco.mj_forward(self.model, data)

    def lift(self) -> None:
        """Let the robot fall freely from where it touches nothing."""
        self.data.qpos[2] += 1000.0
        mujoco.mj_forward(self.model, self.data)

    def place(self, shape: int, x: float, y: float, yaw: float, z: float | None = None) -> None:
        """See `Simulator.place`."""
        if z is None:
            z = self._shapes[shape].half_extents[2] + self._ground.height(x, y)
        turn = (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))
        body = self.model.body(f"shape:{shape}")
        self._moved = True
        if shape not in self._free:
            self.data.mocap_pos[body.mocapid[0]] = x, y, z
            self.data.mocap_quat[body.mocapid[0]] = turn
            return
        joint = self.model.joint(f"shape:{shape}")
        at, rate = int(joint.qposadr[0]), int(joint.dofadr[0])
        self.data.qpos[at : at + 7] = (x, y, z, *turn)
        self.data.qvel[rate : rate + 6] = 0.0
        self._impossible[rate : rate + 6] = FREE

    def put_away(self, shape: int) -> None:
        """See `Simulator.put_away`: high up, where it falls for a minute and meets nothing."""
        self.place(shape, 10.0 * (1 + shape), 0.0, 0.0, AWAY)
        rate = int(self.model.joint(f"shape:{shape}").dofadr[0])
        self._impossible[rate : rate + 6] = math.inf  # however long it falls

    def load_shape(self, shape: int, mass: float, friction: float) -> None:
        """See `Simulator.load_shape`."""
        body = int(self.model.body(f"shape:{shape}").id)
        self.model.body_mass[body] = mass
        self.model.body_inertia[body] = mass / self._mass[body] * self._inertia[body]
        mujoco.mj_setConst(self.model, self._scratch)
        for k, pair in enumerate(self._pairs):
            if f"shape:{shape}" in (pair.one, pair.other):
                self._physics.roughen(k, friction / LINK_FRICTION)

    def shape_state(self, shape: int) -> BodyState:
        """See `Simulator.shape_state`."""
        joint = self.model.joint(f"shape:{shape}")
        at, rate = int(joint.qposadr[0]), int(joint.dofadr[0])
        center = self.model.body_ipos[self.model.body(f"shape:{shape}").id]
        return self._state(at, rate, tuple(center.tolist()))

    def drive(self, targets: Mapping[str, float], strength: float, speed: float) -> None:
        """See `Simulator.drive`."""
        targets = self._zeros.understood(targets)
        if self._pushed:
            self._motors.aim(targets, strength)
        self._turned.aim(targets, strength, speed)

    def engine_step(self) -> None:
        """See `Simulator.engine_step`: as many of MuJoCo's as make a physics step."""
        mujoco.mj_step(self.model, self.data, self._steps)

    def advance(self, substeps: int) -> None:
        """See `Simulator.advance`."""
        for _ in range(substeps):
            if self._pushed:
                self._push()
            if self._physics.wrench.acts:
                self._pull()
            self._turned.turn()
            self.engine_step()
            if not self._free:
                self._feel()
        if self._free:
            self._feel()
        self.data.xfrc_applied[self._root] = 0.0
        self._find_out()

    def diverged(self) -> bool:
        """See `Simulator.diverged`."""
        # The engine counts since the reset which numbers were bad.
        if self.data.warning.number[BAD].any():
            self._diverged = True
        if not (np.abs(self.data.qvel) < self._impossible).all():
            self._diverged = True
        return self._diverged

    def _find_out(self) -> None:
        """Where everything is now; the engine itself knows where it was a step ago."""
        mujoco.mj_kinematics(self.model, self.data)
        self._moved = False

    def _push(self) -> None:
        """Torques of the springs and dampers, which hold for a physics step."""
        data = self.data
        readings = [(data.qpos[at], data.qvel[rate]) for at, rate in self._pushed]
        for (_, rate), torque in zip(self._pushed, self._motors.push(readings), strict=True):
            data.qfrc_applied[rate] = torque

    def _pull(self) -> None:
        """Let the wrench act in the next physics step."""
        w, a, b, c = self.data.qpos[3:7].tolist()
        self.data.xfrc_applied[self._root] = np.ravel(self._physics.wrench.seen((a, b, c, w)))

    def _feel(self) -> None:
        """What touches the robot now."""
        self._sole_forces[:] = 0.0
        self._held.clear()
        force = np.zeros(6)
        for k in range(self.data.ncon):
            one, other = self.data.contact[k].geom.tolist()
            if one not in self._own:
                one, other = other, one
            if one not in self._own or self.data.contact[k].dist > 0.0:
                continue
            shape = self._shape_of.get(other)
            if shape is not None and shape in self._free:
                self._held.add(shape)
            elif shape is not None and self._shapes[shape].furniture:
                continue
            elif other in self._ground.numbers and one in self._sole_of:
                mujoco.mj_contactForce(self.model, self.data, k, force)
                self._sole_forces[self._sole_of[one]] += force[0]
            elif not (other in self._ground.numbers and one in self._supports):
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

    def touched(self) -> bool:
        """See `Simulator.touched`."""
        touched, self._touched = self._touched, False
        return touched

    def state(self) -> BodyState:
        """See `Simulator.state`."""
        return self._state(0, 0, self._center)

    def _state(self, at: int, rate: int, center: tuple[float, ...]) -> BodyState:
        """Of a body with a free joint whose centre of mass is at ``center`` in its frame."""
        x, y, z, w, a, b, c = self.data.qpos[at : at + 7].tolist()
        turn = (a, b, c, w)
        angular = rotate(turn, *self.data.qvel[rate + 3 : rate + 6].tolist())
        arm = rotate(turn, *center)
        linear = self.data.qvel[rate : rate + 3] + np.cross(angular, arm)
        vx, vy, vz = linear.tolist()
        return BodyState((x, y, z), turn, (vx, vy, vz), angular)

    def joints(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See `Simulator.joints`."""
        position, velocity = self.data.qpos[self._where], self.data.qvel[self._whose]
        return self._zeros.read(self._mean @ position), self._mean @ velocity

    def misread(self, errors: NDArray[np.float64]) -> None:
        """See `Simulator.misread`."""
        self._zeros.set(errors)

    def cast(
        self, origin: tuple[float, float, float], ends: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """See `Simulator.cast`."""
        if self._moved:
            self._find_out()
        count = len(ends)
        start = np.asarray(origin, dtype=np.float64)
        ways = np.ascontiguousarray(ends - start)
        distance = np.full(count, -1.0)
        hit = np.full(count, -1, dtype=np.int32)
        mujoco.mj_multiRay(
            self.model,
            self.data,
            start,
            ways.ravel(),
            self._beams,
            1,
            -1,
            hit,
            distance,
            None,
            count,
            1e10,
        )
        return np.where((distance < 0.0) | (distance > 1.0), 1.0, distance)

    def vary(self, parameter: str, value: float) -> None:
        """See `Simulator.vary`."""
        if parameter == "servo_speed":
            self._turned.servo_speed = value
        else:
            self._physics.vary(parameter, value)

    def down(self) -> tuple[float, float, float]:
        """See `Simulator.down`."""
        return self._physics.gravity.down

    def push(self, lateral: float) -> None:
        """See `Simulator.push`."""
        w, a, b, c = self.data.qpos[3:7].tolist()
        self.data.qvel[:3] += rotate((a, b, c, w), 0.0, lateral, 0.0)

    def loaded(self) -> Loaded:
        """See `Simulator.loaded`."""
        return loaded(self.model, self._world)

    def close(self) -> None:
        """See `Simulator.close`: nothing is held."""
