"""What lies between a policy and its robot, and what else episodes begin with."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import find_robot
from envs.arrivals import Commands, Readings
from envs.bullet import Bullet
from envs.driving.task import Driving
from envs.environment import Environment
from envs.parameters import LATEST
from envs.parcel.task import Parcel
from envs.randomization import Term

pytest.importorskip("mujoco")
from envs.mujoco_world import Mujoco

RNG = np.random.default_rng(0)


def constant(parameter, value):
    return Term(parameter, "reset", "set", value, value)


@pytest.fixture
def world():
    made = []

    def make(task, robot, *terms, suite="mixed", episode=0, **kwargs):
        found = find_robot(robot)
        env = Environment(found, task(found), Bullet(), randomization=terms, suite=suite, **kwargs)
        made.append(env)
        return env, env.reset(options={"episode": episode})[0]

    yield make
    for env in made:
        env.close()


@given(delay=st.integers(0, int(LATEST)), count=st.integers(1, 12))
def test_readings_are_as_old_as_the_delay_says(delay, count):
    readings = Readings(np.asarray([True, True, False]))
    for k in range(count):
        whole = np.asarray([k, k, k], dtype=np.float32)
        seen = readings.arrive(whole, float(delay), 0.0, RNG)
    assert seen.tolist() == [max(count - 1 - delay, 0)] * 2 + [count - 1]


def test_what_is_lost_is_read_again():
    readings, rng = Readings(np.asarray([True])), np.random.default_rng(0)
    told = [readings.arrive(np.asarray([k], np.float32), 0.0, 0.3, rng)[0] for k in range(2000)]
    again = np.diff(told) == 0.0
    assert again.mean() == pytest.approx(0.3, abs=0.04)
    assert told[0] == 0.0
    readings.begin()
    assert readings.arrive(np.asarray([7.0], np.float32), 0.0, 0.99, rng)[0] == 7.0


@given(delay=st.floats(0.0, LATEST), substeps=st.integers(1, 8))
def test_commands_act_when_the_delay_has_passed(delay, substeps):
    commands = Commands(substeps)
    commands.begin({"joint": -1.0})
    acted = []
    for k in range(12):
        for targets, steps in commands.send({"joint": float(k)}, delay):
            acted += [targets["joint"]] * steps
    assert len(acted) == 12 * substeps
    for k in (0, 6):
        began = acted.index(float(k)) / substeps
        assert began - k == pytest.approx(delay, abs=0.51 / substeps)


@pytest.mark.parametrize(("task", "robot"), [(Driving, "hatchback"), (Parcel, "porter")])
def test_what_no_sensor_measures_is_not_late(world, task, robot):
    env, _ = world(task, robot, constant("observation_delay", 3.0), privileged=True)
    exact, _ = world(task, robot, constant("observation_delay", 0.0), privileged=True)
    action = np.full(env.action_space.shape, 0.1, dtype=np.float32)
    late = [env.step(action)[0] for _ in range(6)]
    now = [exact.step(action)[0] for _ in range(6)]
    sensed = np.asarray([bool(f.sensor) for f in env.interface.observation])
    np.testing.assert_array_equal(late[5][sensed], now[2][sensed])
    np.testing.assert_array_equal(late[5][~sensed], now[5][~sensed])
    known = [name for name in env.interface.observation_names if name.startswith("command/")]
    (speed, *_) = env.interface.indices(known)
    assert not sensed[speed]


def test_noise_of_actions_is_what_it_says(world):
    env, _ = world(Parcel, "porter", constant("action_noise", 0.1), suite="ahead")
    heard = []
    env.task.act = lambda simulator, action: heard.append(action) or env.task.rest()
    for _ in range(30):
        env.step(np.zeros(env.action_space.shape, dtype=np.float32))
    assert np.std(heard) == pytest.approx(0.1, rel=0.1)
    assert abs(np.mean(heard)) < 0.02


@pytest.mark.parametrize("engine", [Bullet, Mujoco])
def test_a_wrong_zero_moves_the_joint_and_is_not_seen(engine):
    robot, errors = find_robot("porter"), np.linspace(-0.1, 0.1, 16)
    simulator = engine()
    simulator.load(robot, (), 240.0)
    simulator.misread(errors)
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    simulator.lift()
    simulator.drive({a.role: a.neutral for a in robot.actuators}, 1.0, 0.0)
    simulator.advance(240)
    rest = np.asarray([a.neutral for a in robot.actuators])
    read = simulator.joints()[0]
    simulator.misread(np.zeros(16))
    np.testing.assert_allclose(read, rest, atol=0.01)
    np.testing.assert_allclose(simulator.joints()[0], rest - errors, atol=0.01)
    simulator.close()


def test_zeros_are_drawn_for_every_joint(world):
    env, _ = world(Parcel, "porter", constant("encoder_offset", 0.1), suite="ahead")
    errors = env.simulator._zeros._errors
    assert 0.03 < np.abs(errors).max() <= 0.1
    assert len(set(errors.tolist())) == 16


def test_an_environment_loses_readings(world):
    env, first = world(Parcel, "porter", constant("observation_loss", 0.5), suite="ahead")
    seen = [first, *(env.step(np.zeros(16, dtype=np.float32))[0] for _ in range(100))]
    sensed = [bool(f.sensor) for f in env.interface.observation]
    again = np.mean([np.array_equal(a[sensed], b[sensed]) for a, b in pairwise(seen)])
    assert again == pytest.approx(0.5, abs=0.15)


def test_a_delay_that_comes_and_goes_is_that_of_the_moment():
    readings = Readings(np.asarray([True]))
    ages = []
    for k, delay in enumerate([2.0] * 5 + [0.0] * 5 + [2.0] * 3):
        ages.append(k - readings.arrive(np.asarray([k], np.float32), delay, 0.0, RNG)[0])
    assert ages == [0, 1, 2, 2, 2, 0, 0, 0, 0, 0, 2, 2, 2]


@pytest.mark.parametrize("parameter", ["parcel_mass", "parcel_friction"])
def test_a_parcel_is_as_heavy_and_rough_as_was_drawn(world, parameter):
    (plain, _), (changed, _) = (
        world(Parcel, "porter", constant(parameter, value)) for value in (1.0, 1.5)
    )
    field = parameter.removeprefix("parcel_")
    one, other = (getattr(env.task.delivery, field) for env in (plain, changed))
    assert other == pytest.approx(1.5 * one)


def test_others_are_as_fast_as_was_drawn(world):
    def scenario(cars, walkers, episode):
        terms = constant("traffic_speed", cars), constant("walking_speed", walkers)
        return world(Driving, "hatchback", *terms, episode=episode)[0].task.scenario

    episodes = [(scenario(1.0, 1.0, k), scenario(1.5, 0.5, k)) for k in range(6)]
    cars = [pair for a, b in episodes for pair in zip(a.drivers, b.drivers, strict=True)]
    walkers = [pair for a, b in episodes for pair in zip(a.jaywalkers, b.jaywalkers, strict=True)]
    assert cars and walkers
    assert all(other.speed == pytest.approx(1.5 * one.speed) for one, other in cars)
    assert all(other.speed == pytest.approx(0.5 * one.speed) for one, other in walkers)
