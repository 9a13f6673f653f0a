"""Parcel: carry it to the stand where it is due, and set it down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from envs.mirror import Rule
from envs.parcel.balance import Balance
from envs.parcel.delivery import PRACTICE, SUITES, draw_delivery, parcel_shapes
from envs.parcel.features import FAR, deployable, privileged
from envs.parcel.gait import Gait
from envs.parcel.humanoid import ARM, ROLES, WORDS, Humanoid
from envs.parcel.mirror import counterpart, is_symmetric
from envs.parcel.navigation import pilot_of
from envs.parcel.picture import Scene, box, paint, upright
from envs.parcel.reward import Reward
from envs.parcel.stand import Stand
from envs.quaternion import rotate, tilt, yaw
from envs.robot import Robot, Targets, known_as
from envs.simulator import Simulator
from envs.task import Outcome
from envs.terrain import Plot, Spot, draw_terrain

HERE = 0.01  # m, the shortest way to a stand
FALLEN = 0.6  # of the nominal height, at which a robot is down
LEANING = math.radians(50.0)
LEVEL = math.radians(15.0)  # of a parcel that is carried, to the world's up
SLIPPED = 0.8  # of the cradle's length that a parcel may be from where it was laid
NEAR, STILL, HELD = 0.5, 0.15, 0.5  # m, m/s and s of standing at the stand
BELOW = 0.03  # leg lengths that arms go below the stand's plate
REST, FREE = 0.01, 0.02  # m that a parcel on the plate may be off it, and leg lengths off the arms
POSED = ("base/gravity", "joint")  # with limbs' deflections, what a robot reads of how it stands
START, ABOUT = 0.5, 0.5  # leg lengths that are level around its start, and past its reach there
CYCLES = 0.5  # of the gait, over which speeds are smoothed, those rewarded and those sensed


class Parcel:
    """One world's delivery.

    Args:
        robot: Who carries; a `Humanoid`.
        reward: What is rewarded.

    Attributes:
        reflexes: Share of the answers to a fall, as they were found, that the reference gives.
        smoothing: Share of a new action in what is done, so that noise is slow enough to matter.
        far: Leg lengths, beyond which a stand is seen to be that far.

    Raises:
        ValueError: If the robot is no humanoid, or its legs cannot make the steps.
    """

    name = world = "parcel"
    body: type[Robot] = Humanoid
    roles: tuple[str, ...] = ROLES
    suites = tuple(name for name in SUITES if name != PRACTICE)
    training_suite = PRACTICE
    curve_suite = "mixed"
    control_rate = 40.0
    physics_rate = 240.0
    solver_iterations = 10  # parcels lie as still as with 200, and as many are set down
    time_limit = max(suite.seconds for suite in SUITES.values())
    reflexes = 1.0
    smoothing = 0.15
    halted = False
    far = FAR
    # Steps, and waves from a foot's length to a few strides.
    plot = Plot((-4.0, -8.0), (121, 161), 0.1, (0.5, 1.0, 2.0))

    def __init__(self, robot: Robot, reward: Reward | None = None) -> None:
        self.robot = robot = known_as(robot, Humanoid)
        self.reward = reward or Reward()
        self.gait = Gait(robot)
        self.balance = Balance(robot, self.gait, strength=self.reflexes)
        self._carry = robot.height + robot.cradle.up  # of a parcel's underside, m
        self.stand = Stand(robot.cradle, self._carry)
        parcels = parcel_shapes(robot.cradle)
        self._first_of_stand = len(parcels)
        self.shapes = (*parcels, *self.stand.shapes)
        self._roles = [actuator.role for actuator in robot.actuators]
        self._neutral = np.asarray([a.neutral for a in robot.actuators])
        self._force = np.asarray([a.force for a in robot.actuators])
        self.mirror: Rule | None = counterpart if is_symmetric(robot) else None
        self._arms = [k for k, role in enumerate(self._roles) if role.split("_", 1)[1] in ARM]
        self._mass = sum(link.mass for link in robot.model.links.values())
        self._weight = 9.81 * self._mass
        self._dt = 1.0 / self.control_rate
        arms = [self._roles[k] for k in self._arms]
        lacking = {word for word, row in zip(WORDS, robot.limbs, strict=True) if not row.any()}
        own = deployable(arms, lacking, self.far)
        self.features = (*own, *privileged())
        self._noise = np.asarray([f.scale if f.sensor else 0.0 for f in own])
        posed = [f.name.split("/")[-1] == "deflection" or f.name.startswith(POSED) for f in own]
        self._posed = self._noise * posed
        self.forward = 0.0

    def on(self, robot: Robot) -> Parcel:
        """See `envs.task.Task.on`."""
        return type(self)(robot, self.reward)

    def begin(
        self,
        simulator: Simulator,
        suite: str,
        rng: np.random.Generator,
        values: Mapping[str, float],
    ) -> None:
        """Draw a delivery of ``suite``; stand the robot with the parcel on its arms."""
        drawn = draw_delivery(suite, rng)
        self.delivery = delivery = replace(
            drawn,
            mass=values["parcel_mass"] * drawn.mass,
            friction=values["parcel_friction"] * drawn.friction,
        )
        robot, cradle = self.robot, self.robot.cradle
        ahead, aside = math.cos(delivery.direction), math.sin(delivery.direction)
        self.goal = delivery.distance * ahead, delivery.distance * aside
        errors = rng.spawn(1)[0]
        self.terrain = draw_terrain(self.plot, values["roughness"], self._level(), rng)
        simulator.lay(self.terrain)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        for k, shape in enumerate(self.shapes[: self._first_of_stand]):
            if k == delivery.parcel:
                up = robot.height + cradle.up + shape.half_extents[2]
                simulator.place(k, cradle.forward, 0.0, 0.0, up)
                simulator.load_shape(k, delivery.mass * self._mass, delivery.friction)
            else:
                simulator.put_away(k)
        self._clearance = delivery.clearance * self.gait.leg
        self._depth = min(self._clearance + BELOW * self.gait.leg, self.gait.deepest)
        self.top = self._carry - self._clearance
        self.stand.place(simulator, self._first_of_stand, *self.goal, self.top)
        self.pilot = pilot_of(self.gait, self.stand.reach, self.stand.radius, delivery.phase)
        self.balance.begin()
        self._action = np.zeros(len(self._roles))
        self._change = self._sunk = 0.0
        self.elapsed = self.stood = self.rested = self.effort = self.way = 0.0
        self.carried = self.halted = False
        self._feet = [0.5, 0.5]
        self._drift = [0.0, 0.0, 0.0]
        self._stance = self._odometry = [0.0, 0.0]
        self._errors = self._posed * errors.uniform(-1.0, 1.0, len(self._posed))
        self._measure(simulator)
        self._above = self._fit()
        self.way_to_go = max(self.distance - self.stand.reach, HERE)

    def _level(self) -> tuple[Spot, Spot]:
        """Where the ground is not rough: under who starts, and under who sets down a parcel."""
        leg = self.gait.leg
        return (
            Spot(0.0, 0.0, START * leg),
            Spot(*self.goal, self.stand.reach + ABOUT * leg),
        )

    def rest(self) -> Targets:
        """The nominal posture."""
        return dict(zip(self._roles, self._neutral.tolist(), strict=True))

    def act(self, simulator: Simulator, action: NDArray[np.floating]) -> Targets:
        """The reference gait, its balance and, on top, the action; see `envs.task.Task.act`."""
        change = self.smoothing * (action - self._action)
        self._change = _mean_square(change)
        self._action = self._action + change
        pilot = self.pilot
        pilot.halted = self.halted
        before = pilot.lowered
        pilot.steer(*self.ahead, self._dt)
        self._sunk = pilot.lowered - before
        targets = self.gait.targets(
            pilot.phase, pilot.speed, pilot.turn, pilot.vigour, pilot.lowered * self._depth
        )
        targets += self.balance.changes(
            self._gravity,
            self._rates,
            self._joints[1],
            pilot.phase,
            pilot.vigour,
            pilot.speed,
            pilot.aside,
        )
        targets += self.robot.reach * self._action
        return dict(zip(self._roles, targets.tolist(), strict=True))

    def _measure(self, simulator: Simulator) -> None:
        state = simulator.state()
        self._joints = simulator.joints()
        torques = simulator.torques()
        self._power = np.abs(torques * self._joints[1])
        self._torques = torques / self._force
        turn = state.quaternion
        back = (-turn[0], -turn[1], -turn[2], turn[3])
        self.position = x, y, z = state.position
        self.height = z if self.terrain is None else z - self.terrain.height(x, y)
        self.pose = (x, y, yaw(turn))
        self.turn = turn
        self.tilt = tilt(turn)
        dx, dy = self.goal[0] - x, self.goal[1] - y
        cos, sin = math.cos(self.pose[2]), math.sin(self.pose[2])
        self.ahead = (dx * cos + dy * sin, dy * cos - dx * sin)
        self.distance = math.hypot(dx, dy)
        vx, vy, vz = state.linear_velocity
        self.forward = vx * cos + vy * sin
        self._velocity = (self.forward, vy * cos - vx * sin, vz)
        self._gravity = rotate(back, *simulator.down())
        self._rates = rotate(back, *state.angular_velocity)
        self._yaw_rate = state.angular_velocity[2]
        parcel = simulator.shape_state(self.delivery.parcel)
        cradle, half = self.robot.cradle, self.shapes[self.delivery.parcel].half_extents
        away = (parcel.position[0] - x, parcel.position[1] - y, parcel.position[2] - z)
        px, py, pz = rotate(back, *away)
        self.parcel = (px - cradle.forward, py, pz - cradle.up - half[2])
        self.parcel_pose = (parcel.position, parcel.quaternion)
        self.parcel_tilt = tilt(parcel.quaternion)
        ux, uy, _ = rotate(back, *rotate(parcel.quaternion, 0.0, 0.0, 1.0))
        self._parcel_up = (ux, uy)

    def dropped(self) -> bool:
        """Whether the parcel has left the arms."""
        return max(abs(value) for value in self.parcel) > SLIPPED * self.robot.cradle.length

    def outcome(self, simulator: Simulator) -> Outcome:
        """Judge the step that was just simulated."""
        before = self.pose
        self._measure(simulator)
        self.elapsed += self._dt
        self.way += math.hypot(self.pose[0] - before[0], self.pose[1] - before[1])
        now = (*self._velocity[:2], self._yaw_rate)
        share = min(self._dt / (CYCLES * self.gait.period), 1.0)
        self._drift = _nearer(self._drift, now, share)
        forward, right = self.balance.odometry(
            self._rates, self._joints[1], self.pilot.phase, self.pilot.vigour
        )
        self._stance = [forward, -right]
        self._odometry = _nearer(self._odometry, self._stance, share)
        self.effort += self._dt * float(np.add.reduce(self._power))
        self._feet = [force / self._weight for force in simulator.sole_forces().tolist()]
        fell = (
            simulator.touched() or self.height < FALLEN * self.robot.height or self.tilt > LEANING
        )
        dropped = self.dropped()
        failed = fell or dropped
        slow = math.hypot(*self._velocity[:2]) < STILL
        there = self.distance < NEAR and self.parcel_tilt < LEVEL and slow
        self.stood = self.stood + self._dt if there and not failed else 0.0
        arrived = not self.carried and self.stood >= HELD - 1e-9
        self.carried = self.carried or arrived
        self.rested = self.rested + self._dt if self._rests() and not failed else 0.0
        delivered = self.rested >= HELD - 1e-9
        late = self.elapsed >= self.delivery.seconds - 1e-9
        value = self._judge() + self.reward.kneeling * self._sunk
        if arrived:
            value += self.reward.carried
        if failed:
            value += self.reward.failure
        elif delivered:
            value += self.reward.delivered
        info: dict[str, float | bool] = {}
        if failed or delivered or late:
            info = self._metrics(is_success=delivered, fell=fell, dropped=dropped and not fell)
        # Time cannot be seen, so that running out of it must not count as an end.
        return Outcome(value, failed or delivered, info, truncated=late)

    def fail(self) -> Outcome:
        """See `envs.task.Task.fail`."""
        return Outcome(self.reward.failure, True, self._metrics())

    def _metrics(
        self, *, is_success: bool = False, fell: bool = False, dropped: bool = False
    ) -> dict[str, float | bool]:
        """The metrics at an episode's end."""
        left = self.distance - self.stand.reach
        return {
            "is_success": is_success,
            "carried": self.carried,
            "fell": fell,
            "dropped": dropped,
            "progress": min(max(1.0 - left / self.way_to_go, 0.0), 1.0),
            "distance_carried": max(self.way_to_go - left, 0.0),
            "cost_of_transport": self.effort / (self._weight * max(self.way, 0.1)),
        }

    def _rests(self) -> bool:
        """Whether the parcel lies on the stand, upright, and no longer on the arms."""
        half = self.shapes[self.delivery.parcel].half_extents[2]
        on_plate = abs(self.parcel_pose[0][2] - self.top - half) < REST
        return on_plate and self.parcel_tilt < LEVEL and self.parcel[2] > FREE * self.gait.leg

    def _judge(self) -> float:
        """Reward of one step, but for its end."""
        weights, pilot = self.reward, self.pilot
        before, self._above = self._above, self._fit()
        value = weights.time + weights.fitting * (self._above - before)
        told = pilot.speed, pilot.aside, pilot.turn
        far = max(self.distance, 1e-6)
        bearing = self.ahead[0] / far, self.ahead[1] / far
        value += self._dt * weights.moving(told, self._drift, bearing)
        slid = math.hypot(*self.parcel[:2]) / self.robot.cradle.length
        value += weights.steady(self.tilt, self.parcel_tilt, slid)
        matches = [
            (force > 0.05) == (pilot.vigour < 0.5 or phase < self.gait.walk.stance)
            for force, phase in zip(self._feet, self.gait.phases(pilot.phase), strict=True)
        ]
        value += weights.contact * sum(matches) / len(matches)
        value += weights.change * self._change
        return value + weights.effort * _mean_square(self._torques)

    def _fit(self) -> float:
        """How well the parcel is above the plate's middle, from 0 to 1."""
        missed = math.hypot(self.ahead[0] - self.stand.reach, self.ahead[1])
        return math.exp(-((missed / self.stand.radius) ** 2))

    def observe(
        self,
        simulator: Simulator,
        values: dict[str, float],
        rng: np.random.Generator,
        out: NDArray[np.float32],
    ) -> None:
        """Fill ``out`` with all features; see `envs.task.Task.observe`."""
        position, velocity = self._joints
        pilot = self.pilot
        angle = 2.0 * math.pi * pilot.phase
        robot, leg, clock = self.robot, self.gait.leg, self.gait.clock
        pace, seen = leg / clock, min(1.0, self.far * leg / max(self.distance, HERE))
        own = (  # one tuple: NumPy takes much longer to put small arrays together
            *self._gravity,
            *(clock * rate for rate in self._rates),
            *self._stance,
            *self._odometry,
            *(robot.limbs @ (position - self._neutral)).tolist(),
            *(clock * (robot.limbs @ velocity)).tolist(),
            *(robot.command_matrix @ self._action).tolist(),
            *self._torques[self._arms].tolist(),
            *(math.sin(angle), math.cos(angle), pilot.vigour, pilot.lowered),
            *(pilot.speed / pace, pilot.turn * clock, pilot.aside / pace),
            *(seen * way / leg for way in self.ahead),
            (self.ahead[0] - pilot.reach) / pilot.radius,
            self.ahead[1] / pilot.radius,
            self._clearance / leg,
            clock * self.control_rate,
        )
        n = len(own)
        out[:n] = own
        if values["observation_bias"] > 0.0:
            out[:n] += values["observation_bias"] * self._errors
        if values["observation_noise"] > 0.0:
            out[:n] += rng.normal(0.0, values["observation_noise"], n) * self._noise
        delivery = self.delivery
        out[n:] = [
            *(speed / pace for speed in self._velocity),
            *(self._drift[0] / pace, self._drift[1] / pace, self._drift[2] * clock),
            *(self.height / leg, leg),
            *(way / leg for way in self.parcel),
            *self._parcel_up,
            delivery.mass,
            delivery.friction,
            *self._feet,
            values["friction"],
            values["mass"],
            values["motor_strength"],
            values["action_delay"],
        ]

    def picture(self) -> NDArray[np.uint8]:
        """The robot from its side, ``(height, width, 3)``."""
        parcel = box(self.shapes[self.delivery.parcel], *self.parcel_pose)
        poses = self.stand.poses(*self.goal, self.top)
        stand = tuple(map(upright, self.stand.shapes, poses))
        angles = self._joints[0]
        scene = Scene(self.position, self.turn, angles, parcel, stand, self.terrain)
        return paint(self.robot, scene)


def _nearer(old: Sequence[float], new: Sequence[float], share: float) -> list[float]:
    """``old``, a share of the way to ``new``."""
    return [was + (now - was) * share for was, now in zip(old, new, strict=True)]


def _mean_square(values: NDArray[np.float64]) -> float:
    return float(np.add.reduce(values**2)) / len(values)
