"""Reflexes of a reference gait: which way they answer, and that robots stay up by them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import find_robot, make_environment, robots
from envs.parcel.balance import LARGEST, Balance, Reflex, Reflexes
from envs.parcel.delivery import PARCELS
from envs.parcel.gait import Gait
from envs.parcel.navigation import Pilot

NAMES = sorted(robots("parcel"))
UPRIGHT, STILL = (0.0, 0.0, -1.0), (0.0, 0.0, 0.0)
NOTHING = Reflexes(Reflex(0.0, 0.0), Reflex(0.0, 0.0), Reflex(0.0, 0.0))
SWING = 0.8  # phase at which the left foot is in the air and the right one on the ground


# Gains of one size, so that what is tested does not hang on what a search found.
STEP, PUSH = Reflex(1.0, 0.2, 0.6), Reflex(1.0, 0.3)
PLANE = Reflexes(STEP, PUSH, PUSH, back=0.5)


@pytest.fixture(scope="module")
def porter():
    robot = find_robot("porter")
    return robot, Balance(robot, Gait(robot), PLANE, PLANE)


def by_role(robot, changes):
    return {a.role: change for a, change in zip(robot.actuators, changes.tolist(), strict=True)}


def answer(porter, gravity=UPRIGHT, rates=STILL, moving=None, phase=SWING, vigour=1.0, speed=0.0):
    robot, balance = porter
    balance.begin()
    velocities = np.zeros(len(robot.actuators)) if moving is None else moving
    return by_role(robot, balance.changes(gravity, rates, velocities, phase, vigour, speed))


def test_who_stands_upright_and_still_is_left_alone(porter):
    assert not any(answer(porter).values())


def test_who_falls_forward_steps_forward_and_presses_the_toes_down(porter):
    changes = answer(porter, gravity=(0.1, 0.0, -0.995))
    assert changes["left_hip_pitch"] < 0.0  # a leg that turns about the axis to the left goes back
    assert changes["right_hip_pitch"] > 0.0
    assert changes["right_ankle_pitch"] > 0.0
    assert changes["left_hip_roll"] == changes["left_shoulder_pitch"] == 0.0


def test_who_falls_to_the_left_steps_to_the_left(porter):
    changes = answer(porter, gravity=(0.0, 0.1, -0.995))
    assert changes["left_hip_roll"] > 0.0
    assert changes["right_ankle_roll"] < 0.0  # its left edge goes down


def test_a_sole_in_the_air_stays_level(porter):
    """What tilts it are the trunk and the leg's two joints."""
    tilt = 0.1
    changes = answer(porter, gravity=(tilt, 0.0, -1.0))
    assert tilt + changes["left_hip_pitch"] + changes["left_ankle_pitch"] == pytest.approx(0.0)


def test_who_stands_does_not_step(porter):
    changes = answer(porter, gravity=(0.1, 0.0, -0.995), vigour=0.0)
    assert changes["left_hip_pitch"] == changes["right_hip_pitch"] > 0.0


def test_a_standing_leg_that_tips_over_is_noticed_before_the_trunk_tilts(porter):
    """The trunk goes left, upright, when the standing hip turns the leg to the right."""
    robot, _ = porter
    moving = np.zeros(len(robot.actuators))
    moving[[a.role for a in robot.actuators].index("right_hip_roll")] = -1.0
    assert answer(porter, moving=moving)["left_hip_roll"] > 0.0


def test_a_standing_leg_that_turns_under_a_still_trunk_tells_how_fast_it_goes(porter):
    """The hips go forward as fast as the leg turns back, and to where it tips."""
    robot, balance = porter
    clock = Gait(robot).clock

    def goes(role, rate):
        moving = np.zeros(len(robot.actuators))
        moving[[a.role for a in robot.actuators].index(role)] = rate
        return balance.odometry(STILL, moving, SWING, 1.0)

    assert goes("right_hip_pitch", 1.0)[0] == pytest.approx(clock, rel=0.1)
    assert goes("right_hip_roll", 1.0) == (0.0, pytest.approx(clock))
    assert goes("left_hip_roll", 1.0) == pytest.approx((0.0, 0.0), abs=1e-9)  # is in the air
    falling = balance.odometry((0.2, 0.5, 0.0), np.zeros(len(robot.actuators)), SWING, 1.0)
    assert falling == pytest.approx((0.5 * clock, 0.2 * clock))


@pytest.mark.parametrize("name", NAMES)
def test_odometry_is_about_as_fast_as_the_robot_is(name):
    env = make_environment("parcel", name, randomization="none", privileged=True)
    task, still = env.task, np.zeros(env.action_space.shape, dtype=np.float32)
    columns = env.interface.indices(
        f"{kind}/{axis}" for kind in ("base/odometry", "privileged/base/drift") for axis in "xy"
    )
    read = []
    env.reset(options={"episode": 1})
    for _ in range(320):
        observation, _, terminated, _, _ = env.step(still)
        assert not terminated
        if task.pilot.vigour > 0.9:
            read.append(observation[columns])
    env.close()
    sensed, went = np.mean(read, axis=0).reshape(2, 2)
    np.testing.assert_allclose(sensed, went, rtol=0.2, atol=0.01)


def test_who_goes_faster_than_told_steps_ahead_of_it_and_who_goes_slower_behind(porter):
    """The trunk goes forward, upright, when the standing hip turns the leg back."""
    robot, _ = porter
    moving = np.zeros(len(robot.actuators))
    moving[[a.role for a in robot.actuators].index("right_hip_pitch")] = 0.5
    told = 0.5 * float(np.mean([leg.length for leg in robot.legs]))
    steps = [
        -answer(porter, moving=moving, speed=factor * told)["left_hip_pitch"]
        for factor in (0.0, 1.0, 2.0)
    ]
    assert steps[0] > 0.0
    assert steps[1] == pytest.approx(0.0, abs=0.1 * steps[0])
    assert steps[2] < 0.0


def test_a_leg_keeps_standing_where_it_was_put_and_takes_back_its_share(porter):
    robot, balance = porter
    balance.begin()
    still = np.zeros(len(robot.actuators))

    def hip(phase, gravity):
        return by_role(robot, balance.changes(gravity, STILL, still, phase, 1.0))["left_hip_pitch"]

    put = hip(SWING, (0.1, 0.0, -1.0))
    stance = balance._gait.walk.stance
    assert put < 0.0
    assert hip(0.0, UPRIGHT) == pytest.approx(put)
    assert hip(0.999 * stance, UPRIGHT) == pytest.approx((1.0 - PLANE.back) * put, rel=0.01)


def test_who_leans_as_it_is_to_lean_is_left_alone():
    robot = find_robot("porter")
    leaning = Balance(robot, Gait(robot), Reflexes(STEP, PUSH, PUSH, upright=-0.1), PLANE)
    standing = leaning.changes((-0.1, 0.0, -1.0), STILL, np.zeros(len(robot.actuators)), 0.0, 0.0)
    assert not standing.any()


def test_what_always_pulls_it_one_way_is_made_up_for_up_to_a_limit(porter):
    """Who stays slower than told is told to hurry more and more: it steps farther behind itself."""
    robot, _ = porter
    balance = Balance(robot, Gait(robot), replace(PLANE, integral=0.1, most=0.2), PLANE)
    still, gait = np.zeros(len(robot.actuators)), Gait(robot)
    slow = 0.5 * gait.speed  # is told, and stands

    def step(cycles):
        balance.begin()
        for k in range(round(40 * cycles) + 1):
            phase = (SWING + k / 40) % 1.0
            changes = balance.changes(UPRIGHT, STILL, still, phase, 1.0, slow)
        return by_role(robot, changes)["left_hip_pitch"]

    at_once, later, much_later, in_the_end = (step(cycles) for cycles in (0, 2, 10, 20))
    assert 0.0 < at_once < later < much_later
    assert in_the_end == pytest.approx(much_later)
    assert in_the_end - at_once == pytest.approx(STEP.lean * 0.2, rel=0.05)
    assert step(0) == at_once  # forgotten


numbers = st.floats(-1.0, 1.0)


@given(gravity=st.tuples(numbers, numbers), rates=st.tuples(*[st.floats(-9.0, 9.0)] * 3))
def test_no_answer_is_larger_than_a_joint_can_follow(porter, gravity, rates):
    changes = answer(porter, (*gravity, -1.0), rates)
    assert max(map(abs, changes.values())) <= LARGEST


def test_of_a_share_of_the_strength_all_answers_are_that_share(porter):
    robot, whole = porter
    half = Balance(robot, Gait(robot), PLANE, PLANE, strength=0.5)
    still = np.zeros(len(robot.actuators))

    def changes(balance):
        balance.begin()
        return balance.changes((0.1, 0.05, -0.99), STILL, still, SWING, 1.0, aside=0.1)

    np.testing.assert_allclose(changes(half), 0.5 * changes(whole))


@pytest.mark.parametrize("name", NAMES)
def test_robots_stay_up_longer_by_their_reflexes(name):
    env = make_environment("parcel", name)
    robot, gait = env.robot, env.task.gait
    still = np.zeros(env.action_space.shape, dtype=np.float32)

    def seconds(balance):
        env.task.balance = balance
        steps = 0
        for episode in range(4):
            env.reset(options={"episode": episode})
            for _ in range(200):
                steps += 1
                if env.step(still)[2]:
                    break
        return steps / 4 / env.task.control_rate

    with_reflexes, without = (
        seconds(env.task.balance),
        seconds(Balance(robot, gait, NOTHING, NOTHING)),
    )
    env.close()
    assert with_reflexes > 1.4 * without


class Told(Pilot):
    """Walks at a speed that somebody else sets."""

    def steer(self, forward, left, dt):
        self.vigour = min(self.vigour + dt / 0.4, 1.0)
        self.phase = (self.phase + dt / self.gait.period) % 1.0


@pytest.mark.parametrize("name", ["porter", "courier"])
def test_who_is_told_to_go_faster_does_and_who_is_told_to_step_back_does_not_run_ahead(name):
    env = make_environment("parcel", name, randomization="none")
    task, still = env.task, np.zeros(env.action_space.shape, dtype=np.float32)
    speeds = []
    for share in (-0.6, 0.0, 0.8):
        env.reset(options={"episode": 1})
        task.stand.place(env.simulator, len(PARCELS), 50.0, 50.0, 0.5)
        task.pilot = Told(task.gait, 0.2, 0.1, speed=share * task.gait.speed)
        went = []
        for _ in range(320):
            assert not env.step(still)[2]
            went.append(task.forward)
        speeds.append(np.mean(went[120:]) / task.gait.speed)
    env.close()
    back, stay, ahead = speeds
    assert back < -0.15
    assert abs(stay) < 0.12
    assert ahead == pytest.approx(0.8, abs=0.12)


@pytest.mark.parametrize("name", ["pocket", "strider"])
def test_who_is_told_to_go_aside_does_without_turning_or_falling(name):
    env = make_environment("parcel", name, randomization="none")
    task, still = env.task, np.zeros(env.action_space.shape, dtype=np.float32)
    went = {}
    for share in (0.3, -0.3):
        env.reset(options={"episode": 1})
        task.stand.place(env.simulator, len(PARCELS), 50.0, 50.0, 0.5)
        task.pilot = Told(task.gait, 0.2, 0.1, aside=share * task.gait.speed)
        for _ in range(400):
            assert not env.step(still)[2]
        x, y, heading = task.pose
        assert abs(heading) < 0.4
        assert abs(x) < abs(y)
        went[share] = y / 10.0 / task.gait.speed
    env.close()
    assert went[0.3] > 0.1
    assert went[-0.3] < -0.1
