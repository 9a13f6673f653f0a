import copy
import gc
import math
import pickle
import warnings

import gymnasium
import numpy as np
import pybullet
import pytest
from gymnasium.utils.env_checker import check_env as check_gymnasium
from stable_baselines3.common.env_checker import check_env as check_stable_baselines

from envs import make_environment, robots, tasks
from envs.bullet import Bullet
from envs.draws import Probe
from envs.randomization import RANDOMIZATIONS

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


WORLDS = [("driving", "hatchback", "wide"), ("parcel", "porter", "bodies")]


def played(env, steps=25, **arguments):
    """An episode's observations and rewards; actions are small and always the same ones."""
    rng = np.random.default_rng(0)
    seen = [env.reset(**arguments)[0]]
    rewards = [0.0]
    for _ in range(steps):
        action = rng.uniform(-0.2, 0.2, env.action_space.shape).astype(np.float32)
        observation, reward, terminated, truncated, _ = env.step(action)
        seen.append(observation)
        rewards.append(reward)
        if terminated or truncated:
            break
    return np.column_stack([np.asarray(seen), rewards])


def evaluation(episode):
    return {"options": {"episode": episode}}


@pytest.fixture
def made():
    """Makes environments of any task, and frees them."""
    kept = []

    def make(task, robot, randomization="wide", **options):
        kept.append(make_environment(task, robot, randomization=randomization, **options))
        return kept[-1]

    yield make
    for env in kept:
        env.close()


@pytest.mark.parametrize(("task", "robot", "randomization"), WORLDS)
def test_training_continues_as_if_no_evaluation_episode_had_been_played(
    made, task, robot, randomization
):
    plain, mixed = (made(task, robot, randomization) for _ in range(2))
    for env in (plain, mixed):
        played(env, seed=0)
    for episode in (3, 7):
        played(mixed, **evaluation(episode))
    for _ in range(2):
        np.testing.assert_array_equal(mixed.reset()[0], plain.reset()[0])
        assert mixed.robot == plain.robot
    if task == "driving":  # PyBullet's memory of past contacts is of worlds with free bodies
        np.testing.assert_array_equal(played(mixed), played(plain))


def test_which_evaluation_episodes_were_played_changes_nothing(made):
    one, other = (made("parcel", "porter", "bodies") for _ in range(2))
    for env, episodes in ((one, (3,)), (other, (7, 1))):
        played(env, seed=0)
        for episode in episodes:
            played(env, **evaluation(episode))
    np.testing.assert_array_equal(played(one), played(other))
    np.testing.assert_array_equal(played(one), played(other))


@pytest.mark.parametrize(("task", "robot", "randomization"), WORLDS)
def test_an_evaluation_episode_is_the_same_whatever_was_trained(made, task, robot, randomization):
    trained, fresh = (made(task, robot, randomization) for _ in range(2))
    played(trained, seed=4)
    played(trained)
    np.testing.assert_array_equal(played(trained, **evaluation(3)), played(fresh, **evaluation(3)))


def test_seeds_that_differ_still_do_after_the_same_evaluation_episode(made):
    first, second, unseeded = (made("driving", "hatchback") for _ in range(3))
    first.reset(seed=0), second.reset(seed=1)
    seen = []
    for env in (first, second, unseeded):
        env.reset(**evaluation(3))
        seen.append(env.reset()[0])
    assert len(np.unique(seen, axis=0)) == 3


def test_a_seed_that_comes_with_an_evaluation_episode_is_that_of_training(made):
    one, other = (made("driving", "hatchback") for _ in range(2))
    listed = played(one, seed=5, **evaluation(3))
    np.testing.assert_array_equal(played(one), played(other, seed=5))
    np.testing.assert_array_equal(listed, played(other, **evaluation(3)))


def test_evaluation_episodes_probe_no_ends_of_ranges(made):
    env, plain = (made("driving", "hatchback") for _ in range(2))
    terms = RANDOMIZATIONS["wide"]
    env.randomize(terms, (Probe(0, False, terms[0].low),), 1.0)
    np.testing.assert_array_equal(played(env, **evaluation(3)), played(plain, **evaluation(3)))


@pytest.mark.parametrize(
    "episode", [1.5, 2.0, True, np.True_, "3", -1, math.nan, 2**63, 10**400, None, [3], (), b"3"]
)
def test_what_numbers_no_episode_is_refused_in_one_line(world, episode):
    env = world()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="'episode': expected a whole number from 0") as caught:
        env.reset(options={"episode": episode})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200
    env.step(ahead(env).astype(np.float32))  # the episode that was running still is


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.array])
def test_an_episodes_number_may_be_one_of_numpys(world, kind):
    one, other = (world().reset(options={"episode": k})[0] for k in (3, kind(3)))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("option", [3, None, "Episode"])
def test_options_that_are_no_names_are_refused_too(world, option):
    with pytest.raises(ValueError, match="unknown reset option"):
        world().reset(options={option: 3})


def test_a_step_after_an_episodes_end_is_refused_until_the_next_reset(world):
    env = world(suite="nominal")
    env.reset(seed=0)
    action, done = np.asarray([1.0, 0.5], np.float32), False
    while not done:
        _, _, done, _, _ = env.step(action)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"ended: call reset\(\) before step\(\)"):
            env.step(action)
    env.reset()
    env.step(action)


def test_a_closed_environment_says_so_and_may_be_closed_again():
    env = make_environment("driving", "hatchback", render_mode="rgb_array")
    with pytest.raises(RuntimeError, match=r"call reset\(\)"):
        env.render()
    env.reset(seed=0)
    env.close()
    env.close()
    for use in (env.reset, env.render, lambda: env.step(ahead(env).astype(np.float32))):
        with pytest.raises(RuntimeError, match="is closed: make a new one"):
            use()


def connections():
    """How many PyBullet worlds there are in this process."""
    return sum(pybullet.getConnectionInfo(client)["isConnected"] for client in range(1024))


def test_an_environment_that_is_dropped_without_a_close_leaves_no_world(made):
    gc.collect()
    before = connections()
    env = make_environment("driving", "hatchback")
    env.reset(seed=0)
    assert connections() == before + 1
    gc.disable()  # it must not wait for one of Python's rare searches for cycles
    try:
        del env
        assert connections() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("copied", [copy.deepcopy, pickle.dumps])
def test_a_world_of_pybullet_is_not_copied_since_the_copy_would_move_it(world, copied):
    env = world()
    env.reset(seed=0)
    with pytest.raises(TypeError, match="make a new environment"):
        copied(env)
    env.step(np.zeros(2))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_in_mujoco_is_a_world_of_its_own_that_continues_the_same(made, copied):
    pytest.importorskip("mujoco")
    env = made("driving", "hatchback", simulator="mujoco")
    env.reset(seed=0)
    env.step(np.ones(2))
    same = copied(env)
    ahead = [same.step(np.ones(2))[0] for _ in range(3)]
    np.testing.assert_array_equal(ahead, [env.step(np.ones(2))[0] for _ in range(3)])


def throw(simulator, what):
    """Let the robot's base have an impossible speed (m/s), or be at an impossible place (m)."""
    kind, value = what
    if isinstance(simulator, Bullet):
        body, client = simulator._robot.body, simulator._client
        if kind == "speed":
            pybullet.resetBaseVelocity(body, [value, 0, 0], [0, 0, 0], physicsClientId=client)
        else:
            at = [value, 0, 0], [0, 0, 0, 1]
            pybullet.resetBasePositionAndOrientation(body, *at, physicsClientId=client)
    elif kind == "speed":
        simulator.data.qvel[0] = value
    else:
        simulator.data.qpos[0] = value


IMPOSSIBLE = [("speed", 1e12), ("speed", math.nan), ("place", math.nan), ("place", 1e30)]


@pytest.mark.parametrize("what", IMPOSSIBLE, ids=str)
@pytest.mark.parametrize("simulator", ["pybullet", "mujoco"])
@pytest.mark.parametrize(("task", "robot"), [("driving", "hatchback"), ("parcel", "porter")])
def test_an_episode_whose_physics_diverges_is_a_failure_and_the_next_one_sound(
    made, task, robot, simulator, what
):
    env, fresh = (made(task, robot, simulator=simulator, privileged=True) for _ in range(2))
    played(env, 3, seed=0)
    before = env.step(np.zeros(env.action_space.shape, np.float32))[0]
    throw(env.simulator, what)
    observation, reward, terminated, truncated, info = env.step(
        np.zeros(env.action_space.shape, np.float32)
    )
    assert terminated and not truncated
    assert info["diverged"] is True and info["is_success"] is False
    assert reward == env.task.reward.failure
    np.testing.assert_array_equal(observation, before)
    assert env.observation_space.contains(observation)
    assert all(math.isfinite(value) for value in info.values())
    with pytest.raises(RuntimeError, match="has ended"):
        env.step(env.action_space.low)
    env.reset()
    np.testing.assert_array_equal(played(env, **evaluation(2)), played(fresh, **evaluation(2)))


def test_an_episode_that_ends_as_it_should_has_not_diverged(world):
    env = world(suite="nominal")
    env.reset(seed=0)
    told = {}
    while not told:
        told = env.step(np.asarray([1.0, 0.5], np.float32))[-1]
    assert told["off_road"] is True and told["diverged"] is False
