"""A delivery's time, and what is rewarded on the way."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs import make_environment
from envs.parcel.delivery import PARCELS
from envs.parcel.task import Parcel
from envs.quaternion import rotate


@pytest.fixture
def world():
    made = []

    def make(robot="porter", **settings):
        made.append(make_environment("parcel", robot, **settings))
        return made[-1]

    yield make
    for env in made:
        env.close()


@pytest.mark.parametrize(("suite", "seconds"), [(None, 40.0), ("mixed", 60.0)])
def test_running_out_of_time_is_no_end(world, suite, seconds):
    env = world(suite=suite)
    still = np.zeros(env.action_space.shape, dtype=np.float32)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(still)
    assert not (terminated or truncated or info)
    env.task.elapsed = seconds - 1.0 / env.task.control_rate
    _, late, terminated, truncated, info = env.step(still)
    assert (terminated, truncated) == (False, True)
    assert not any(info[key] for key in ("is_success", "fell", "dropped"))
    assert late == pytest.approx(reward, abs=0.2)


def slides(env):
    """How far a carried parcel goes on the arms of who walks, and how it shakes: m, m/s."""
    still, places = np.zeros(env.action_space.shape, dtype=np.float32), []
    env.reset(options={"episode": 0, "suite": "mixed"})
    for _ in range(150):
        env.step(still)
        trunk, parcel = env.simulator.state(), env.simulator.shape_state(0)
        x, y, z, w = trunk.quaternion
        away = np.subtract(parcel.position, trunk.position).tolist()
        places.append(rotate((-x, -y, -z, w), *away))
    settled = np.asarray(places)[50:]
    far = np.linalg.norm(settled - settled[0], axis=1).max()
    return far, np.diff(settled, axis=0).std() * env.task.control_rate


@pytest.mark.parametrize("robot", ["porter", "courier", "strider"])
def test_a_parcel_lies_as_still_as_with_a_solver_that_takes_its_time(world, monkeypatch, robot):
    usual = slides(world(robot))
    monkeypatch.setattr(Parcel, "solver_iterations", 200)
    np.testing.assert_allclose(usual, slides(world(robot)), rtol=0.15, atol=0.001)


def test_an_episode_does_not_depend_on_those_before_it(world):
    listed, seeded = {"options": {"episode": 5, "suite": "mixed"}}, {"seed": 3}

    def played(env, begin):
        still = np.zeros(env.action_space.shape, dtype=np.float32)
        seen = [env.reset(**begin)[0]]
        for _ in range(360):
            observation, _, terminated, truncated, _ = env.step(still)
            seen.append(env.reset()[0] if terminated or truncated else observation)
        return np.asarray(seen)

    used = world("strider", randomization="nominal")
    played(used, {"options": {"episode": 0, "suite": "mixed"}})
    for begin in (listed, seeded):
        np.testing.assert_array_equal(
            played(used, begin), played(world("strider", randomization="nominal"), begin)
        )


@pytest.fixture
def judged(world):
    """What a step of moving in some way earns more than one of standing still, by the second."""
    env = world()
    env.reset(seed=0)
    task, pilot = env.task, env.task.pilot

    def judge(told=(0.0, 0.0, 0.0), moving=(0.0, 0.0, 0.0)):
        pilot.speed, pilot.aside, pilot.turn = told
        earned = []
        for drift in ((0.0, 0.0, 0.0), moving):
            task._drift[:] = drift
            earned.append(task._judge())
        return (earned[1] - earned[0]) * task.control_rate

    return task, judge


velocities = st.tuples(*[st.floats(-1.0, 1.0)] * 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=velocities, moving=velocities)
def test_nothing_earns_more_than_to_move_as_told(judged, told, moving):
    task, judge = judged
    vx, vy, yaw_rate = told
    reward = task.reward
    best = reward.velocity * np.hypot(vx, vy) + reward.turning * abs(yaw_rate)
    assert judge(told, told) == pytest.approx(best)
    assert judge(told, moving) <= best + 1e-9
    # Going back costs what going there earned.
    assert judge(told, moving) + judge(told, tuple(-v for v in moving)) <= 1e-9


def test_to_step_back_and_come_again_as_told_earns_nothing(world):
    env = world()
    env.reset(seed=0)
    task, pilot = env.task, env.task.pilot
    task.ahead, task.distance, task._above = (0.6, 0.2), math.hypot(0.6, 0.2), 0.0
    task._fit = lambda: 0.0

    def judge(speed):
        pilot.speed, pilot.aside, pilot.turn = speed, 0.0, 0.0
        task._drift[:] = speed, 0.0, 0.0
        return task._judge()

    assert judge(0.2) > judge(0.0) > judge(-0.2)
    assert judge(0.2) + judge(-0.2) == pytest.approx(2.0 * judge(0.0))


def test_who_is_told_to_stand_earns_by_standing(judged):
    task, judge = judged
    assert judge(moving=(0.1, 0.0, 0.0)) == pytest.approx(-0.1 * task.reward.velocity)


def test_what_the_place_at_the_stand_is_worth_is_lost_by_leaving_it(world):
    env = world()
    env.reset(seed=0)
    task = env.task
    reach, radius = task.stand.reach, task.stand.radius

    def judged(gap, left):
        task.ahead = (reach + gap, left)
        return task._judge()

    judged(2.0, 0.0)
    still = judged(2.0, 0.0)
    there, back = judged(0.0, 0.0) - still, judged(2.0, 0.0) - still
    assert there == pytest.approx(task.reward.fitting)
    assert there + back == pytest.approx(0.0, abs=1e-9)
    sides = [judged(gap, left) - still for gap, left in ((radius, 0.0), (0.0, 0.0), (0.0, radius))]
    assert sides[0] == pytest.approx(np.exp(-1.0) * task.reward.fitting)
    assert sides[1] == pytest.approx(-sides[2])
    # Who waits far away earns nothing by it.
    assert still <= 0.0


def test_parcels_that_an_episode_does_not_use_stay_away_to_its_end():
    env = make_environment("parcel", "porter", suite="mixed", randomization="none")
    env.reset(options={"episode": 0})
    task, simulator = env.task, env.simulator
    unused = [k for k in range(len(PARCELS)) if k != task.delivery.parcel]
    simulator.advance(round(task.time_limit * task.physics_rate))
    assert min(abs(simulator.shape_state(k).position[2]) for k in unused) > 50.0
    env.close()
