"""A humanoid and its mirror image do the same, physics included."""

import math
from dataclasses import replace

import numpy as np
import pytest

from envs import find_robot, make_environment, robots
from envs.interface import Feature, Interface
from envs.mirror import Mirror, Reflection
from envs.parcel.delivery import PARCELS, Delivery
from envs.parcel.mirror import counterpart
from envs.parcel.task import Parcel


def delivery(parcel, direction, phase):
    return Delivery(parcel, 0.05, 0.8, 3.0, direction, phase, 0.15, 60.0)


def twin(parcel):
    """The parcel that looks like this one in a mirror."""
    size, (x, y, z) = PARCELS[parcel]
    return PARCELS.index((size, (x, -y, z)))


def test_every_parcel_has_an_image_among_them():
    assert sorted(map(twin, range(len(PARCELS)))) == list(range(len(PARCELS)))
    assert any(twin(k) != k for k in range(len(PARCELS)))


@pytest.fixture
def play(monkeypatch):
    """Observations and rewards of some actions, from a given delivery on."""

    def run(env, drawn, actions):
        monkeypatch.setattr("envs.parcel.task.draw_delivery", lambda suite, rng: drawn)
        seen, rewards = [env.reset(seed=0)[0]], []
        for action in actions:
            observation, reward, *_ = env.step(action)
            seen.append(observation)
            rewards.append(reward)
        return np.asarray(seen), np.asarray(rewards)

    return run


@pytest.mark.parametrize("name", sorted(robots("parcel")))
@pytest.mark.parametrize("parcel", [0, 2])
def test_mirrored_actions_lead_to_the_mirrored_episode(name, parcel, play):
    env = make_environment("parcel", name, privileged=True)
    mirror = env.mirror
    rng = np.random.default_rng(0)
    actions = rng.uniform(-0.3, 0.3, (25, len(env.robot.actuators))).astype(np.float32)
    seen, rewards = play(env, delivery(parcel, 0.8, 0.0), actions)
    images, same = play(env, delivery(twin(parcel), -0.8, 0.5), mirror.action.apply(actions))
    env.close()
    # Contacts are solved one after the other, in an order that a mirror does not keep, and a foot
    # that touches down a moment later makes a velocity jump: most of the time, not always.
    scale = np.asarray([feature.scale for feature in env.interface.observation])
    expected = (mirror.observation.apply(seen) / scale)[:12]
    images = images[:12] / scale
    away = np.median(np.abs(expected - images), axis=0)
    # With its sign turned, what has one would be further from what is seen.
    telling = np.median(np.abs(expected), axis=0) > 0.01
    fits = away < np.median(np.abs(expected + images), axis=0)
    steady = name in ("porter", "courier")  # the others stumble at once
    changes = np.ptp(seen, axis=0) > 0.0  # joints that a robot lacks are always zero
    assert telling[changes].mean() > 0.6
    assert np.mean(fits[telling]) >= (1.0 if steady else 0.95)
    assert np.median(away) < 0.02
    assert np.median(np.abs(rewards - same)[:12]) < 0.005


@pytest.mark.parametrize("name", sorted(robots("parcel")))
def test_the_image_of_an_image_is_the_original(name):
    env = make_environment("parcel", name, privileged=True)
    for reflection, size in (
        (env.mirror.observation, len(env.interface.observation)),
        (env.mirror.action, len(env.interface.action)),
    ):
        rows = np.random.default_rng(0).normal(size=(3, size)).astype(np.float32)
        np.testing.assert_array_equal(reflection.apply(reflection.apply(rows)), rows)
        assert not np.array_equal(reflection.apply(rows), rows)
    env.close()


def test_traffic_is_not_the_same_in_a_mirror():
    env = make_environment("driving", "hatchback")
    assert env.mirror is None
    env.close()


def test_a_robot_with_a_stronger_side_has_no_mirror():
    robot = find_robot("porter")
    first, *others = robot.actuators
    assert Parcel(robot).mirror is counterpart
    for changed in (replace(first, high=0.3), replace(first, force=0.5 * first.force)):
        assert Parcel(replace(robot, actuators=(changed, *others))).mirror is None


def test_words_within_words_are_no_sides():
    assert counterpart("limb/left_sole_up/velocity") == ("limb/right_sole_up/velocity", 1.0)
    assert counterpart("limb/left_hip_roll/velocity") == ("limb/right_hip_roll/velocity", -1.0)
    assert counterpart("joint/left_elbow/torque") == ("joint/right_elbow/torque", 1.0)
    assert counterpart("task/goal/left") == ("task/goal/left", -1.0)
    for turning in ("command/yaw_rate", "privileged/base/drift/yaw_rate", "command/aside"):
        assert counterpart(turning) == (turning, -1.0)
    assert counterpart("base/angular_velocity/y") == ("base/angular_velocity/y", 1.0)


def test_an_entry_without_a_counterpart_is_told():
    names = ("left_a/position", "right_b/position")
    with pytest.raises(ValueError, match="'left_a/position' has no counterpart in a mirror"):
        Reflection.of(names, counterpart)
    only = Interface((Feature("goal/left", "m", -1.0, 1.0),), ())
    flipped = Mirror.of(only, counterpart).observation.apply(np.float32([[math.pi]]))
    assert flipped[0, 0] == np.float32(-math.pi)
