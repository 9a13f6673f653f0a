"""Setting a parcel down: the stand bears it then, the robot does not, and both engines say so."""

import math
from dataclasses import replace

import numpy as np
import pytest

from envs import make_environment, robots
from envs.parcel.delivery import draw_delivery
from envs.parcel.navigation import ALONG, ASIDE, KNEEL, STEADY
from envs.parcel.stand import Stand
from envs.parcel.task import Parcel

NAMES = sorted(robots("parcel"))
TIME = 0.3 * (STEADY + KNEEL) + 4.0  # s in which who stands at the stand has set down


@pytest.fixture
def at_the_stand(monkeypatch):
    """A world whose robot stands where it has to kneel, or off it by so many radii of the plate."""
    made = []

    def make(name, simulator="pybullet", ahead=0.0, aside=0.0):
        env = make_environment("parcel", name, simulator=simulator)
        made.append(env)
        stand = env.task.stand
        x, y = stand.reach + ahead * stand.radius, aside * stand.radius
        place = {"distance": math.hypot(x, y), "direction": math.atan2(y, x)}
        monkeypatch.setattr(
            "envs.parcel.task.draw_delivery", lambda *words: replace(draw_delivery(*words), **place)
        )
        env.reset(options={"suite": "mixed", "episode": 0})
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
    assert max(rewards) == rewards[-1] == pytest.approx(env.task.reward.delivered, rel=0.02)
    # What the soles bear is the robot alone, once it has come to rest: the rest is the stand's.
    forces = []
    task, simulator = env.task, env.simulator
    for _ in range(40):  # the episode is over, the physics continues
        simulator.drive(task.act(simulator, np.zeros(env.action_space.shape)), 1.0, 0.0)
        simulator.advance(round(task.physics_rate / task.control_rate))
        task.outcome(simulator)
        forces.append(simulator.sole_forces().sum())
    assert np.mean(forces[-20:]) == pytest.approx(weight, rel=0.02)
    assert abs(env.task.parcel_pose[0][2] - env.task.top) < env.task.shapes[0].half_extents[2] + 0.1


def test_a_parcel_on_the_arms_above_the_stand_is_not_set_down(at_the_stand):
    env = at_the_stand("porter")
    still = np.zeros(env.action_space.shape, dtype=np.float32)
    steady = STEADY * env.task.gait.clock
    for _ in range(round(0.9 * steady * Parcel.control_rate)):
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
    env = at_the_stand("porter", simulator, ahead=-2.0)  # its post is where the robot is
    touched = False
    for _ in range(20):
        env.simulator.drive(env.task.rest(), 1.0, 0.0)
        env.simulator.advance(6)
        touched = touched or env.simulator.touched()
    assert not touched


def test_a_stand_is_a_plate_on_a_post():
    env = make_environment("parcel", "porter")
    stand: Stand = env.task.stand
    plate, post = stand.shapes
    (x, y, upper), (px, py, lower) = stand.poses(1.0, 2.0, 0.8)
    assert (x, y, px, py) == (1.0, 2.0, 1.0, 2.0)
    assert upper + plate.half_extents[2] == pytest.approx(0.8)
    assert lower + post.half_extents[2] == pytest.approx(upper - plate.half_extents[2])
    assert plate.half_extents[0] < 0.5 * env.robot.cradle.width
    assert all(shape.furniture and shape.mass == 0.0 for shape in stand.shapes)
    env.close()


# Who takes up a load tilts forward by 0.3 radii of the plate before it stands still.
@pytest.mark.parametrize(
    ("ahead", "aside"),
    [(0.7 * ALONG, 0.0), (0.1, 0.7 * ASIDE), (0.1, -0.7 * ASIDE)],
)
@pytest.mark.parametrize("name", NAMES)
def test_it_may_stand_as_far_off_as_the_pilot_lets_it(at_the_stand, name, ahead, aside):
    info, _ = kneel(at_the_stand(name, ahead=ahead, aside=aside))
    assert info["is_success"]
