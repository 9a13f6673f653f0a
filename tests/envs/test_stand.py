"""Setting a parcel down: the stand bears it then, the robot does not, and both engines say so."""

import math

import numpy as np
import pytest

from envs import make_environment, robots
from envs.parcel.navigation import KNEEL, STEADY
from envs.parcel.stand import Stand
from envs.parcel.task import Parcel

NAMES = sorted(robots("parcel"))
TIME = STEADY + KNEEL + 2.0  # s in which who stands at the stand has set down


@pytest.fixture
def at_the_stand():
    """A world whose robot stands where it has to kneel."""
    made = []

    def make(name, simulator="pybullet", episode=0):
        env = make_environment("parcel", name, simulator=simulator)
        made.append(env)
        env.reset(options={"suite": "mixed", "episode": episode})
        env.task.put_stand(env.simulator, env.robot.cradle.forward, 0.0)
        return env

    yield make
    for env in made:
        env.close()


def kneel(env):
    """Do nothing but what the reference does; what the last step told, and all rewards."""
    still = np.zeros(env.action_space.shape, dtype=np.float32)
    rewards: list[float] = []
    for _ in range(round(TIME * Parcel.control_rate)):
        _, reward, ended, _, info = env.step(still)
        rewards.append(reward)
        if ended:
            break
    return info, rewards


@pytest.mark.parametrize("simulator", ["pybullet", "mujoco"])
@pytest.mark.parametrize("name", NAMES)
def test_who_kneels_at_the_stand_has_set_down(at_the_stand, name, simulator):
    env = at_the_stand(name, simulator)
    weight = 9.81 * sum(link.mass for link in env.robot.model.links.values())
    info, rewards = kneel(env)
    assert info["is_success"]
    assert info["carried"]
    assert not info["fell"]
    assert max(rewards) == rewards[-1] > env.task.reward.delivered
    # What the soles bear is the robot alone, once it has come to rest: the rest is the stand's.
    forces = []
    for _ in range(40):
        env.step(np.zeros(env.action_space.shape, dtype=np.float32))
        forces.append(env.simulator.sole_forces().sum())
    assert np.mean(forces[-20:]) == pytest.approx(weight, rel=0.02)
    assert abs(env.task.parcel_pose[0][2] - env.task.top) < env.task.shapes[0].half_extents[2] + 0.1


def test_a_parcel_on_the_arms_above_the_stand_is_not_set_down(at_the_stand):
    env = at_the_stand("porter")
    still = np.zeros(env.action_space.shape, dtype=np.float32)
    for _ in range(round(0.9 * STEADY * Parcel.control_rate)):
        _, _, ended, _, _ = env.step(still)
        assert not ended
    assert env.task.carried
    assert env.task.rested == 0.0


def test_a_parcel_that_lies_beside_the_stand_is_dropped(at_the_stand):
    env = at_the_stand("porter")
    env.simulator.place(env.task.delivery.parcel, 0.3, 0.6, 0.0)
    info = {}
    for _ in range(80):
        _, _, ended, _, info = env.step(np.zeros(env.action_space.shape, dtype=np.float32))
        if ended:
            break
    assert info["dropped"]
    assert not info["is_success"]


@pytest.mark.parametrize("simulator", ["pybullet", "mujoco"])
def test_touching_the_stand_is_no_fall(at_the_stand, simulator):
    env = at_the_stand("porter", simulator)
    env.task.put_stand(env.simulator, 0.02, 0.0)  # its column is where the parcel is
    touched = False
    for _ in range(20):
        env.simulator.drive(env.task.rest(), 1.0, 0.0)
        env.simulator.advance(6)
        touched = touched or env.simulator.touched()
    assert not touched


def test_a_stand_is_of_boxes_that_end_at_its_top():
    env = make_environment("parcel", "porter")
    stand: Stand = env.task.stand
    for shape, (_, _, turn, z) in zip(stand.shapes, stand.poses(1.0, 2.0, 0.5, 0.8), strict=True):
        assert z + shape.half_extents[2] == pytest.approx(0.8)
        assert turn == 0.5
        assert shape.furniture
        assert shape.mass == 0.0
    board, column = (np.asarray(pose[:2]) for pose in stand.poses(1.0, 2.0, 0.5, 0.8))
    way = np.asarray([math.cos(0.5), math.sin(0.5)])
    depth = stand.shapes[1].half_extents[0] + stand.shapes[0].half_extents[0]
    np.testing.assert_allclose(column - board, depth * way)
    env.close()
