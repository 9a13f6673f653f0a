"""Legs, gait and motors of humanoids: kinematics against itself, physics against closed forms."""

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.networks import Normalizer
from envs import find_robot, make_environment, robots
from envs.bullet import Bullet
from envs.environment import Environment
from envs.inspection.humanoid import stand
from envs.parcel.delivery import SUITES, draw_delivery
from envs.parcel.gait import Gait
from envs.parcel.leg import PITCHES
from envs.parcel.task import Parcel
from envs.pd_motors import PdMotors
from envs.randomization import Term

NAMES = sorted(robots("parcel"))


@lru_cache
def gait_of(name):
    return Gait(find_robot(name))


@pytest.mark.parametrize("name", NAMES)
@given(forward=st.floats(-0.15, 0.15), up=st.floats(0.0, 0.1))
def test_a_leg_reaches_where_it_is_told_with_a_level_sole(name, forward, up):
    leg = find_robot(name).legs[0]
    changes = leg.reach(forward * leg.length, up * leg.length)
    moved = leg.after(changes)
    np.testing.assert_allclose(moved, [forward * leg.length, up * leg.length, 0.0], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_leg_says_that_it_is_too_short(name):
    leg = find_robot(name).legs[0]
    with pytest.raises(ValueError, match=r"to move the sole|cannot move its sole"):
        leg.reach(0.0, -0.3 * leg.length)


@pytest.mark.parametrize("name", NAMES)
def test_both_legs_are_alike(name):
    left, right = find_robot(name).legs
    np.testing.assert_allclose(left.sole * [1.0, -1.0, 1.0], right.sole, atol=1e-9)
    assert left.length == pytest.approx(right.length)


@pytest.mark.parametrize("name", NAMES)
@given(phase=st.floats(0.0, 0.999), share=st.floats(0.1, 1.0))
def test_a_standing_foot_goes_with_the_ground(name, phase, share):
    """While a foot stands, its sole is level on the ground and moves back as fast as it walks."""
    robot = find_robot(name)
    gait, leg = gait_of(name), robot.legs[0]
    speed = share * gait.speed
    roles = [actuator.role for actuator in robot.actuators]
    own = [roles.index(f"left_{role}") for role in PITCHES]
    neutral = np.asarray([actuator.neutral for actuator in robot.actuators])

    def sole(at):
        return leg.after((gait.targets(at, speed, 0.0, 1.0) - neutral)[own])

    tiny = 0.01
    if phase + tiny < gait.walk.stance:
        before, after = sole(phase), sole(phase + tiny)
        assert abs(before[1]) < 0.003 * leg.length
        assert abs(before[2]) < 0.01
        measured = (before[0] - after[0]) / (tiny * gait.period)
        assert measured == pytest.approx(speed, rel=0.1, abs=0.02 * gait.speed)
    elif phase > gait.walk.stance:
        assert sole(phase)[1] > -0.003 * leg.length


def test_one_foot_at_least_is_on_the_ground():
    gait = gait_of("porter")
    for phase in np.linspace(0.0, 1.0, 101):
        assert min(gait.above(own) for own in gait.phases(float(phase))) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_standing_is_the_nominal_posture(name):
    robot = find_robot(name)
    neutral = [actuator.neutral for actuator in robot.actuators]
    np.testing.assert_allclose(gait_of(name).targets(0.3, 0.0, 0.0, 0.0), neutral)


@pytest.mark.parametrize("name", NAMES)
@given(share=st.floats(0.0, 1.0))
def test_who_kneels_lowers_the_hips_over_level_soles(name, share):
    robot, gait = find_robot(name), gait_of(name)
    roles = [actuator.role for actuator in robot.actuators]
    neutral = np.asarray([actuator.neutral for actuator in robot.actuators])
    depth = share * gait.deepest
    changes = gait.targets(0.0, 0.0, 0.0, 0.0, depth) - neutral
    for side, leg in zip(("left", "right"), robot.legs, strict=True):
        own = [roles.index(f"{side}_{role}") for role in PITCHES]
        np.testing.assert_allclose(leg.after(changes[own]), [0.0, depth, 0.0], atol=0.004)


@pytest.mark.parametrize("student", NAMES)
@given(seed=st.integers(0, 1000))
def test_a_teachers_action_moves_the_students_soles_about_as_far_in_leg_lengths(student, seed):
    """Whichever way its knees bend; what a knee lifts a sole by is little."""
    teacher, other = find_robot("porter"), find_robot(student)
    actions = np.random.default_rng(seed).uniform(-1.0, 1.0, (1, len(teacher.actuators)))
    mapped = other.from_command(teacher.to_command(actions, actions), actions)
    asked, done = (
        robot.command_matrix @ action[0] for robot, action in ((teacher, actions), (other, mapped))
    )
    forward, pitches = [0, 9], [2, 11]
    np.testing.assert_allclose(done[forward], asked[forward], atol=0.03)
    np.testing.assert_allclose(done[pitches], asked[pitches], atol=1e-9)
    shared = {a.role for a in teacher.actuators} & {a.role for a in other.actuators}
    for role in shared:
        turned = [
            [0.5 * (a.high - a.low) * x for a, x in zip(robot.actuators, moved, strict=True)][
                [a.role for a in robot.actuators].index(role)
            ]
            for robot, moved in ((teacher, actions[0]), (other, mapped[0]))
        ]
        assert turned[0] == pytest.approx(turned[1])


def test_an_action_of_the_same_body_stays_itself():
    robot = find_robot("courier")
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (5, len(robot.actuators)))
    back = robot.from_command(robot.to_command(actions, actions), actions)
    np.testing.assert_allclose(back, actions, atol=1e-9)


def test_a_motor_is_a_spring_and_a_damper_up_to_its_torque():
    robot = find_robot("porter")
    motors = PdMotors(robot.actuators)
    neutral = {actuator.role: actuator.neutral for actuator in robot.actuators}
    at = np.asarray(list(neutral.values()))
    motors.aim(neutral, 1.0)

    def push(position, velocity):
        return motors.push(np.column_stack([position, velocity]).tolist())

    still = np.zeros(len(at))
    np.testing.assert_allclose(push(at, still), 0.0)
    knee = [actuator.role for actuator in robot.actuators].index("left_knee")
    actuator = robot.actuators[knee]
    bent = at.copy()
    bent[knee] += 0.1
    assert push(bent, still)[knee] == pytest.approx(-0.1 * actuator.stiffness)
    moving = still.copy()
    moving[knee] = 1.0
    assert push(at, moving)[knee] == pytest.approx(-actuator.damping)
    bent[knee] += 2.0
    assert push(bent, still)[knee] == -actuator.force
    motors.aim(neutral, 0.5)
    assert push(bent, still)[knee] == -0.5 * actuator.force
    moving[knee] = -actuator.rate  # at its largest speed it cannot push on, only brake
    assert push(bent, moving)[knee] == 0.0
    assert push(bent, -moving)[knee] == -0.5 * actuator.force


@pytest.fixture
def world():
    made = []

    def make(robot="porter", **options):
        made.append(make_environment("parcel", robot, **options))
        return made[-1]

    yield make
    for env in made:
        env.close()


@pytest.mark.parametrize("name", NAMES)
def test_it_stands_at_first_with_the_parcel_on_its_arms_and_its_weight_on_its_soles(world, name):
    env = world(name)
    env.reset(options={"suite": "mixed", "episode": 0})
    task, simulator = env.task, env.simulator
    forces = []
    for _ in range(20):
        simulator.drive(task.rest(), 1.0, 0.0)
        simulator.advance(12)
        forces.append(simulator.sole_forces().sum())
    assert simulator.holds(task.delivery.parcel)
    assert not simulator.touched()
    weight = (
        (1.0 + task.delivery.mass)
        * 9.81
        * sum(link.mass for link in env.robot.model.links.values())
    )
    assert np.mean(forces[-8:]) == pytest.approx(weight, rel=0.05)


def test_a_parcel_is_as_heavy_as_drawn(world):
    """It falls like everything, but presses on the arms with its weight."""
    env = world()
    torques = {}
    for mass in (1.0, 4.0):
        env.reset(options={"suite": "mixed", "episode": 3})
        env.simulator.load_shape(env.task.delivery.parcel, mass, 0.8)
        for _ in range(20):
            env.simulator.drive(env.task.rest(), 1.0, 0.0)
            env.simulator.advance(12)
        elbows = [k for k, a in enumerate(env.robot.actuators) if a.role.endswith("elbow")]
        torques[mass] = float(env.simulator.torques()[elbows].sum())
    arm = env.robot.cradle.forward  # of the weight about the elbows, which are under the shoulders
    added = abs(torques[4.0] - torques[1.0])
    assert added == pytest.approx(3.0 * 9.81 * arm, rel=0.3)


def test_a_thrown_parcel_is_a_dropped_one(world):
    env = world()
    env.reset(options={"suite": "mixed", "episode": 0})
    env.simulator.place(env.task.delivery.parcel, 2.0, 0.0, 0.0)
    _, reward, ended, _, info = env.step(np.zeros(env.action_space.shape, dtype=np.float32))
    assert ended
    assert info["dropped"]
    assert not info["is_success"]
    assert reward < 0.0


@pytest.mark.parametrize("name", NAMES)
def test_an_episode_repeats_to_the_bit_whatever_came_before(world, name):
    env = world(name, privileged=True, randomization="nominal")
    action = np.full(env.action_space.shape, 0.2, dtype=np.float32)

    def play(episode):
        seen = [env.reset(options={"suite": "mixed", "episode": episode})[0]]
        for _ in range(40):
            observation, *_ = env.step(action)
            seen.append(observation)
        return np.stack(seen)

    first = play(1)
    play(2)
    assert np.array_equal(first, play(1))


def test_observations_are_inside_their_bounds_and_finite(world):
    env = world(privileged=True, randomization="wide")
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    for _ in range(200):
        observation, _, ended, _, _ = env.step(rng.uniform(-1.0, 1.0, env.action_space.shape))
        assert env.observation_space.contains(observation)
        if ended:
            env.reset()


def test_a_picture_shows_the_robot(world):
    env = world(render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture.ndim == 3
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


@pytest.mark.parametrize("suite", SUITES)
@given(seed=st.integers(0, 10_000))
def test_deliveries_are_what_their_suite_says(suite, seed):
    delivery, rule = draw_delivery(suite, np.random.default_rng(seed)), SUITES[suite]
    assert rule.distance[0] <= delivery.distance <= rule.distance[1]
    assert rule.direction[0] <= math.degrees(abs(delivery.direction)) <= rule.direction[1] + 1e-9
    assert rule.mass[0] <= delivery.mass <= rule.mass[1]
    assert rule.clearance[0] <= delivery.clearance <= rule.clearance[1]


def test_training_also_sees_stands_that_are_nearer_than_any_of_the_evaluation():
    env = make_environment("parcel", "porter")
    near = 0
    for seed in range(30):
        env.reset(seed=seed)
        near += env.task.delivery.distance < 2.0
    assert near > 0
    assert env.suite == "practice"
    with pytest.raises(ValueError, match="unknown suite 'practice'"):
        env.reset(options={"episode": 0, "suite": "practice"})
    env.reset(options={"episode": 0})
    first = env.task.delivery
    env.reset(options={"episode": 0, "suite": "mixed"})
    assert env.task.delivery == first
    env.close()


def test_a_rotor_makes_its_joint_harder_to_turn():
    """Torque over acceleration is the inertia that a joint feels, its rotor's included."""
    felt = []
    for armature in (0.0, 0.01, 0.02):
        robot = find_robot("courier")
        ankle = [a.role for a in robot.actuators].index("left_ankle_roll")
        actuators = list(robot.actuators)
        actuators[ankle] = replace(actuators[ankle], armature=armature, damping=0.0)
        robot = replace(robot, actuators=tuple(actuators))
        simulator = Bullet()
        simulator.load(robot, (), 4000.0)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        simulator.lift()
        targets = {actuator.role: actuator.neutral for actuator in robot.actuators}
        targets["left_ankle_roll"] += 0.1
        simulator.drive(targets, 1.0, 0.0)
        simulator.advance(4)
        acceleration = simulator.joints()[1][ankle] / (4 / 4000.0)
        felt.append(0.1 * actuators[ankle].stiffness / acceleration)
        simulator.close()
    # The leg gives way a little, the more the harder its foot is to turn.
    assert felt[1] - felt[0] == pytest.approx(0.01, rel=0.3)
    assert felt[2] - felt[1] == pytest.approx(0.01, rel=0.3)


def test_motors_that_shake_a_light_foot_are_found():
    robot = find_robot("pocket")
    bare = replace(robot, actuators=tuple(replace(a, armature=0.0) for a in robot.actuators))
    assert all(finding.passed for finding in stand(robot, Parcel.physics_rate))
    failed = [finding for finding in stand(bare, Parcel.physics_rate) if not finding.passed]
    assert "ankle" in failed[0].detail
    assert "state its armature" in failed[0].detail


def test_what_a_robot_lacks_is_read_as_nothing():
    """No noise and no unit variance: a policy that knows the word is told zero."""
    env = make_environment("parcel", "pocket", randomization="nominal", privileged=True)
    lacking = [
        k
        for k, feature in enumerate(env.interface.observation)
        if feature.name.startswith("limb/")
        and any(word in feature.name for word in ("hip_yaw", "elbow", "shoulder_roll"))
    ]
    assert len(lacking) == 18
    rng = np.random.default_rng(0)
    seen = [env.reset(seed=0)[0]]
    seen += [env.step(rng.uniform(-0.3, 0.3, 12).astype(np.float32))[0] for _ in range(20)]
    env.close()
    assert np.all(np.asarray(seen)[:, lacking] == 0.0)
    others = set(range(len(env.interface.observation))) - set(lacking)
    assert np.ptp(np.asarray(seen)[:, sorted(others)], axis=0).astype(bool).mean() > 0.7
    # Nor does a student who has them, reading by these statistics, leave the range of a policy.
    normalizer = Normalizer(env.interface, env.interface.observation)
    normalizer.adapt(torch.as_tensor(np.asarray(seen)))
    assert normalizer.variance[lacking].min() > 0.9


def test_a_biased_reading_of_posture_is_off_by_the_same_all_episode():
    def readings(bias):
        robot, terms = find_robot("porter"), (Term("observation_bias", "reset", "set", bias, bias),)
        env = Environment(robot, Parcel(robot), Bullet(), randomization=terms)
        still = np.zeros(env.action_space.shape, dtype=np.float32)
        begun = env.reset(options={"episode": 3, "suite": "mixed"})[0]
        seen = [begun, *(env.step(still)[0] for _ in range(20))]
        names = [feature.name for feature in env.interface.observation]
        env.close()
        return names, np.asarray(seen)

    names, true = readings(0.0)
    _, read = readings(0.2)
    off = read - true
    np.testing.assert_allclose(off, np.broadcast_to(off[0], off.shape), atol=1e-5)
    wrong = {name for name, by in zip(names, off[0], strict=True) if abs(by) > 1e-5}
    assert {"base/gravity/x", "limb/left_sole_up/deflection", "joint/left_elbow/torque"} <= wrong
    assert not [n for n in wrong if n.startswith(("command", "task", "gait")) or "velocity" in n]
    assert np.abs(off).max() <= 0.2 * 0.5 + 1e-6  # quarters of a range from -1 to 1
