import math
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_gymnasium
from stable_baselines3.common.env_checker import check_env as check_stable_baselines

from envs import make_environment, robots, tasks

NAMES = sorted(robots("driving"))
# Said of every environment with physical units; normalization is part of the policy here.
EXPECTED = ("For Box action spaces, we recommend", "observation space .* is not normalized")


@pytest.fixture
def world():
    """Makes environments, and frees them."""
    made = []

    def make(robot="hatchback", **options):
        made.append(make_environment("driving", robot, **options))
        return made[-1]

    yield make
    for env in made:
        env.close()


def ahead(env):
    """An action that drives straight at cruise speed."""
    speed = env.robot.cruise_speed
    return env.robot.from_command(np.asarray([[speed, 0.0]]), np.asarray([[speed]]))[0]


@pytest.mark.parametrize("name", NAMES)
def test_gymnasium_and_stable_baselines_accept_the_environment(name):
    env = gymnasium.make(f"simtransfer/driving-{name}-v0", render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for message in EXPECTED:
            warnings.filterwarnings("ignore", message=f".*{message}")
        check_gymnasium(env.unwrapped, skip_render_check=False)
        check_stable_baselines(env.unwrapped, warn=True)
    env.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suite", ["nominal", "mixed"])
def test_episodes_end_with_a_verdict_and_stay_within_the_spaces(world, name, suite):
    env = world(name, suite=suite, randomization="wide", privileged=True)
    action = ahead(env).astype(np.float32)
    env.reset(seed=0)
    for _ in range(3):
        observation, info = env.reset()
        assert info == {}
        steps, done = 0, False
        while not done:
            observation, reward, done, truncated, info = env.step(action)
            assert env.observation_space.contains(observation)
            assert np.isfinite(reward)
            assert not truncated
            steps += 1
        assert steps <= env.task.time_limit * env.task.control_rate + 1
        ends = [info[key] for key in ("collision", "off_road", "rollover", "stuck")]
        assert sum(ends) <= 1
        assert not (info["is_success"] and info["collision"])
        assert 0.0 <= info["progress"] <= 1.0


@pytest.mark.parametrize("speed", [0.0, 0.1])
def test_who_stands_still_is_in_the_way(world, speed):
    env = world(suite="nominal")
    env.reset(seed=0)
    stop = np.asarray([0.0, env.robot.actuators[1].action_for(speed)], np.float32)
    moving, steps, done, rewards = 0, 0, False, []
    while not done:
        before = env.task.waited
        _, reward, done, _, info = env.step(stop)
        rewards.append(reward)
        steps += 1
        if not done and env.task.waited <= before:
            moving = steps
    assert info["stuck"]
    assert steps - moving == 40
    assert rewards[-1] < -15.0 < min(rewards[:-1])


def test_time_runs_out_for_one_who_crawls(world):
    env = world(suite="nominal")
    observation, _ = env.reset(options={"episode": 1})
    (lateral,) = env.interface.indices(["route/6/lateral"])
    speed, steps, done = 0.2 * env.robot.cruise_speed, 0, False
    while not done:
        turn = 2.0 * speed * float(observation[lateral]) / 6.0**2  # pure pursuit
        readings = np.asarray([[env.task.forward]])
        action = env.robot.from_command(np.asarray([[speed, turn]]), readings)[0]
        observation, _, done, _, info = env.step(np.clip(action, -1, 1).astype(np.float32))
        steps += 1
    assert steps == math.ceil(env.task.time_limit * env.task.control_rate)
    assert not any(info[key] for key in ("is_success", "collision", "off_road", "stuck"))


def test_driving_on_earns_more_than_standing(world):
    env = world(suite="nominal")
    rewards = []
    for speed in (9.0, 0.0):
        env.reset(options={"episode": 0})
        action = np.asarray([0.0, env.robot.actuators[1].action_for(speed)], np.float32)
        rewards.append([env.step(action)[1] for _ in range(15)])
    assert sum(rewards[0]) > sum(rewards[1])
    assert rewards[0][-1] > 0.0 > rewards[1][-1]


def test_leaving_the_road_is_a_failure(world):
    env = world(suite="nominal")
    env.reset(seed=0)
    done = False
    while not done:
        _, reward, done, _, info = env.step(np.asarray([1.0, 0.5], np.float32))
    assert info["off_road"] and not info["is_success"]
    assert reward < -9.0


@pytest.mark.parametrize("name", NAMES)
def test_actions_beyond_the_bounds_are_clipped_to_them(world, name):
    one, other = world(name), world(name)
    one.reset(seed=4), other.reset(seed=4)
    limit = np.sign(ahead(one) + 1e-3).astype(np.float32)
    for _ in range(5):
        seen, *_ = one.step(limit)
        beyond, *_ = other.step(50.0 * limit)
        np.testing.assert_array_equal(seen, beyond)


@pytest.mark.parametrize("name", NAMES)
def test_privileged_entries_are_further_columns_at_the_end(world, name):
    plain, privileged = world(name), world(name, privileged=True)
    few, many = plain.interface.observation_names, privileged.interface.observation_names
    assert many[: len(few)] == few
    assert len(many) > len(few)
    assert all(extra.startswith("privileged/") for extra in many[len(few) :])
    a, b = plain.reset(seed=1)[0], privileged.reset(seed=1)[0]
    np.testing.assert_array_equal(a, b[: len(few)])


@pytest.mark.parametrize("name", NAMES)
def test_names_are_unique_and_match_the_spaces(world, name):
    env = world(name, privileged=True)
    names = env.interface.observation_names
    assert len(set(names)) == len(names) == env.observation_space.shape[0]
    assert len(env.interface.action_names) == env.action_space.shape[0]
    assert all(feature.low < feature.high for feature in env.interface.observation)


def test_robots_share_the_words_for_what_they_share(world):
    words = [set(world(name).interface.observation_names) for name in NAMES]
    shared = set.intersection(*words)
    assert {"base/linear_velocity/x", "route/10/lateral", "task/goal/distance"} <= shared


def test_render_gives_a_picture_that_changes_as_the_robot_moves(world):
    env = world(suite="mixed", render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    assert before.dtype == np.uint8 and before.ndim == 3 and before.shape[2] == 3
    assert before.std() > 10.0
    for _ in range(10):
        env.step(ahead(env).astype(np.float32))
    assert not np.array_equal(before, env.render())
    assert world().render() is None


def test_the_same_seed_gives_the_same_episodes_and_another_seed_others(world):
    def episodes(seed):
        env = world(randomization="wide")
        first = [env.reset(seed=seed)[0]]
        return np.asarray(first + [env.reset()[0] for _ in range(3)])

    np.testing.assert_array_equal(episodes(1), episodes(1))
    assert not np.array_equal(episodes(1), episodes(2))
    assert len(np.unique(episodes(1), axis=0)) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "drving"}, "unknown task 'drving'; did you mean 'driving'"),
        ({"robot": "hatchbak"}, "unknown robot 'hatchbak'; did you mean 'hatchback'"),
        ({"suite": "wrongway"}, "unknown suite 'wrongway'; did you mean 'wrong_way'"),
        ({"randomization": "wide_"}, "unknown randomization 'wide_'; did you mean 'wide'"),
        ({"render_mode": "human"}, "unknown render mode 'human'; choose from: rgb_array"),
    ],
)
def test_unknown_names_are_one_line_errors_with_the_nearest(options, message):
    with pytest.raises(ValueError, match="unknown") as caught:
        make_environment(**options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_task_and_robot_is_registered():
    for task in tasks():
        for name in robots(task):
            assert f"simtransfer/{task}-{name}-v0" in gymnasium.registry


def test_a_step_before_the_first_reset_is_refused(world):
    env = world()
    with pytest.raises(RuntimeError, match=r"call reset\(\) before step"):
        env.step(np.zeros(2, np.float32))


def test_a_misspelt_reset_option_is_refused_with_the_nearest(world):
    with pytest.raises(ValueError, match="did you mean 'episode'"):
        world().reset(options={"episodes": 3})


def test_a_late_action_is_the_one_before_until_it_comes(world):
    late, prompt = world(), world()
    late.lateness = 1.0
    turn = ahead(late) + np.asarray([0.4, 0.0])
    for env in (late, prompt):
        env.reset(options={"episode": 0})
    rest = np.asarray([a.action_for(prompt.task.rest()[a.role]) for a in prompt.robot.actuators])
    actions = [turn, -turn, turn, turn]
    for sent, done in zip(actions, [rest, *actions], strict=False):
        late.step(sent)
        prompt.step(done)
        assert late.simulator.state() == prompt.simulator.state()
