"""The `Simulator` on PyBullet: in-process, no graphics."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from envs.bullet_ground import Ground
from envs.bullet_motors import MOTORS, motors
from envs.bullet_robot import (
    BODY_GROUP,
    FASTEST,
    FREE_GROUP,
    GROUND_GROUP,
    SCRIPTED_GROUP,
    WHEEL_GROUP,
    BulletRobot,
    possible,
)
from envs.gravity import Gravity
from envs.loaded import Loaded
from envs.quaternion import rotate
from envs.quiet import quiet
from envs.robot import Robot
from envs.simulator import ITERATIONS, BodyState, Shape
from envs.terrain import Plot, Terrain
from envs.wrench import WRENCH
from envs.zeros import Zeros

with quiet():
    import pybullet

AWAY = (0.0, 0.0, -100.0)  # m, where shapes are at first
GRAVITY = "gravity", "slope_x", "slope_y"
WITH_FREE = BODY_GROUP | WHEEL_GROUP | GROUND_GROUP | SCRIPTED_GROUP


class Bullet:
    """One PyBullet world."""

    def __init__(self) -> None:
        with quiet():
            self._client: int = pybullet.connect(pybullet.DIRECT)
        # Else a world that is dropped without `close` would keep its memory.
        self._disconnect = weakref.finalize(self, pybullet.disconnect, self._client)
        self._loaded: tuple[Robot, Sequence[Shape], float, Plot | None, int] | None = None
        self._gravity = Gravity()
        self._start = -1

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled: the copy would move this world."""
        raise TypeError("a world of PyBullet cannot be copied or pickled: make a new environment")

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
            ValueError: If the URDF does not parse or lacks a joint that the robot names.
        """
        client = self._client
        if self._loaded is not None:
            pybullet.removeState(self._start, physicsClientId=client)
            pybullet.resetSimulation(physicsClientId=client)
        self._loaded = robot, shapes, physics_rate, plot, iterations
        self._gravity = Gravity()
        pybullet.setGravity(*self._gravity.acceleration, physicsClientId=client)
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=1.0 / physics_rate,
            numSolverIterations=iterations,
            enableConeFriction=0,  # converges in fewer iterations for skidding wheels
            deterministicOverlappingPairs=1,
            physicsClientId=client,
        )
        self._ground = Ground(client, plot)
        self._robot = BulletRobot(client, robot)
        self._motors = motors(self._robot, 1.0 / physics_rate)
        self._vary = self._ways()
        self._zeros = Zeros(robot)
        self._shapes = [self._add(shape) for shape in shapes]
        self._heights = [shape.half_extents[2] for shape in shapes]
        self._free = {body: k for k, body in enumerate(self._shapes) if shapes[k].mass > 0}
        self._away = set(self._free)
        self._furniture = {
            body for body, shape in zip(self._shapes, shapes, strict=True) if shape.furniture
        }
        self._offsets = [np.asarray(shape.center) for shape in shapes]
        self._loads = [
            pybullet.getDynamicsInfo(body, -1, physicsClientId=client)[:3] for body in self._shapes
        ]
        self._sole_of = {link: k for k, link in enumerate(self._robot.soles)}
        self._sole_forces = np.zeros(len(robot.soles))
        self._held: set[int] = set()
        self._felt = self._diverged = False
        self._start = pybullet.saveState(physicsClientId=client)

    def renew(self) -> None:
        """See `Simulator.renew`.

        A free body and a link of several shapes have a list of contacts for each shape. The engine
        solves those lists in an order that tells what met what ever since it was loaded, and that
        no reset makes it forget.
        """
        if self._free and self._loaded is not None:
            self.load(*self._loaded)

    def lay(self, terrain: Terrain | None) -> None:
        """See `Simulator.lay`."""
        self._ground.lay(terrain)

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
            basePosition=AWAY,
            baseInertialFramePosition=shape.center,
            # Costs the engine less; but what is so may not change once the start is saved.
            useMaximalCoordinates=shape.mass == 0,
            physicsClientId=client,
        )
        if shape.mass > 0:
            self._group(body, -1, 0, 0)
            self._dynamics(body, -1, linearDamping=0.0, angularDamping=0.0)
            self._dynamics(body, -1, maxJointVelocity=FASTEST)
        else:
            self._group(body, -1, SCRIPTED_GROUP, BODY_GROUP | FREE_GROUP)
        return body

    def _group(self, body: int, link: int, group: int, mask: int) -> None:
        pybullet.setCollisionFilterGroupMask(body, link, group, mask, physicsClientId=self._client)

    def _dynamics(self, body: int, link: int, **values: object) -> None:
        pybullet.changeDynamics(body, link, physicsClientId=self._client, **values)

    def reset(self, x: float, y: float, yaw: float, speed: float) -> None:
        """See `Simulator.reset`."""
        client = self._client
        # Contact points near enough to the new ones survive a reset, with the forces of the last
        # episode in them. Lifting the robot off the ground drops them, so that an episode does not
        # depend on the one before it.
        self._touched = self._diverged = False
        self._sole_forces[:] = 0.0
        self._held.clear()
        self._felt = True
        self._motors.rest()
        pybullet.restoreState(self._start, physicsClientId=client)
        self._ground.settle()
        self._robot.lift()
        pybullet.performCollisionDetection(physicsClientId=client)
        self._robot.stand(x, y, yaw, speed)

    def lift(self) -> None:
        """Let the robot fall freely from where it touches nothing."""
        self._robot.lift()

    def place(self, shape: int, x: float, y: float, yaw: float, z: float | None = None) -> None:
        """See `Simulator.place`."""
        body, client = self._shapes[shape], self._client
        if z is None:
            z = self._heights[shape] + self._ground.height(x, y)
        turn = (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))
        at = (x, y, z)
        if body in self._free:
            if body in self._away:
                self._away.remove(body)
                self._group(body, -1, FREE_GROUP, WITH_FREE)
            at = (np.asarray(at) + rotate(turn, *self._offsets[shape].tolist())).tolist()
            still = [0.0, 0.0, 0.0]
            pybullet.resetBaseVelocity(body, still, still, physicsClientId=client)
        pybullet.resetBasePositionAndOrientation(body, at, turn, physicsClientId=client)

    def put_away(self, shape: int) -> None:
        """See `Simulator.put_away`: it falls and meets nothing, which costs the engine least."""
        if (body := self._shapes[shape]) not in self._away:
            self._away.add(body)
            self._group(body, -1, 0, 0)  # a group or a mask alone would be enough to meet

    def load_shape(self, shape: int, mass: float, friction: float) -> None:
        """See `Simulator.load_shape`."""
        old, _, inertia = self._loads[shape]
        scaled = [mass / old * value for value in inertia]
        self._dynamics(
            self._shapes[shape],
            -1,
            mass=mass,
            lateralFriction=friction,
            localInertiaDiagonal=scaled,
        )

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
        self._motors.aim(self._zeros.understood(targets), strength, speed)

    def misread(self, errors: NDArray[np.float64]) -> None:
        """See `Simulator.misread`."""
        self._zeros.set(errors)

    def engine_step(self) -> None:
        """See `Simulator.engine_step`."""
        pybullet.stepSimulation(physicsClientId=self._client)

    def advance(self, substeps: int) -> None:
        """See `Simulator.advance`."""
        step, push, robot = self.engine_step, self._motors.push, self._robot
        for _ in range(substeps):
            push()
            if robot.wrench.acts:
                robot.pull()
            step()
            # A glancing hit is over within a step or two: look after each.
            if not (self._free or self._touched):
                self._touched = self._robot.touches(self._ground.bodies)
        self._felt = not self._free

    def diverged(self) -> bool:
        """See `Simulator.diverged`."""
        if not self._robot.possible():
            self._diverged = True
        for body in self._free:
            if body not in self._away:
                velocity = pybullet.getBaseVelocity(body, physicsClientId=self._client)
                self._diverged = self._diverged or not possible(*velocity)
        return self._diverged

    def _feel(self) -> None:
        """What touches the robot now, by one request."""
        if self._felt:
            return
        self._felt = True
        self._held.clear()
        soles, forces = self._sole_of, [0.0] * len(self._sole_of)
        contacts = pybullet.getContactPoints(bodyA=self._robot.body, physicsClientId=self._client)
        for contact in contacts:
            other, link, force = contact[2], contact[3], contact[9]
            if other in self._free:
                self._held.add(self._free[other])
            elif other in self._furniture:
                continue
            elif link in soles:
                forces[soles[link]] += force
            else:
                self._touched = True
        self._sole_forces[:] = forces[: len(self._sole_forces)]  # supports come last

    def torques(self) -> NDArray[np.float64]:
        """See `Simulator.torques`."""
        return self._motors.torques

    def sole_forces(self) -> NDArray[np.float64]:
        """See `Simulator.sole_forces`."""
        self._feel()
        return self._sole_forces

    def holds(self, shape: int) -> bool:
        """See `Simulator.holds`."""
        self._feel()
        return shape in self._held

    def state(self) -> BodyState:
        """See `Simulator.state`."""
        return self._robot.state()

    def joints(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See `Simulator.joints`."""
        position, velocity = self._robot.means()
        return self._zeros.read(position), velocity

    def touched(self) -> bool:
        """See `Simulator.touched`."""
        self._feel()
        touched, self._touched = self._touched, False
        return touched

    def cast(
        self, origin: tuple[float, float, float], ends: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """See `Simulator.cast`."""
        hits = pybullet.rayTestBatch(
            np.full(ends.shape, origin),
            ends,
            numThreads=1,
            collisionFilterMask=SCRIPTED_GROUP,
            physicsClientId=self._client,
        )
        return np.asarray([hit[2] for hit in hits])

    def _ways(self) -> dict[str, Callable[[float], None]]:
        """What a value of a physical parameter is given to.

        Methods of this world are not among them: it would keep itself, and so the engine's memory.
        """
        robot, turned = self._robot, self._motors.vary
        return {
            "friction": robot.scale_friction,
            "rolling_friction": partial(robot.change_soles, "rollingFriction"),
            "restitution": partial(robot.change_soles, "restitution"),
            **{name: partial(robot.wrench.set, name) for name in WRENCH},
            **{name: partial(robot.weigh, name) for name in ("mass", "armature")},
            **{name: partial(turned, name) for name in MOTORS},
        }

    def vary(self, parameter: str, value: float) -> None:
        """See `Simulator.vary`."""
        if parameter == "spinning_friction":
            self._spin(value)
        elif parameter in GRAVITY:
            self._fall(parameter, value)
        else:
            self._vary[parameter](value)

    def _spin(self, friction: float) -> None:
        """The engine knows friction against spinning only where it limits friction by cones."""
        self._robot.change_soles("spinningFriction", friction)
        pybullet.setPhysicsEngineParameter(
            enableConeFriction=int(friction > 0.0), physicsClientId=self._client
        )

    def _fall(self, parameter: str, value: float) -> None:
        self._gravity = replace(self._gravity, **{parameter: value})
        pybullet.setGravity(*self._gravity.acceleration, physicsClientId=self._client)

    def down(self) -> tuple[float, float, float]:
        """See `Simulator.down`."""
        return self._gravity.down

    def push(self, lateral: float) -> None:
        """See `Simulator.push`."""
        self._robot.push(lateral)

    def loaded(self) -> Loaded:
        """See `Simulator.loaded`."""
        return self._robot.loaded()

    def close(self) -> None:
        """See `Simulator.close`."""
        self._disconnect()
        self._client = -1
