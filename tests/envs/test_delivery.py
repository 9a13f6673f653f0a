"""A delivery's time, and what is rewarded on the way."""

import numpy as np
import pytest

from envs import make_environment


@pytest.fixture
def world():
    made = []

    def make(robot="porter", **settings):
        made.append(make_environment("parcel", robot, **settings))
        return made[-1]

    yield make
    for env in made:
        env.close()


@pytest.mark.parametrize(("suite", "seconds"), [(None, 25.0), ("mixed", 60.0)])
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


def test_the_nearer_to_what_is_told_the_more_it_earns(world):
    env = world()
    env.reset(seed=0)
    task, earned = env.task, []
    for missed in (0.0, 0.1, 0.3, 0.6, 1.2):
        task._drift[:] = task.pilot.speed - missed * task.gait.speed, 0.0, task.pilot.turn
        earned.append(task._judge())
    assert earned == sorted(earned, reverse=True)
    # What is far off still has a slope to follow.
    assert earned[3] - earned[4] > 0.03 * task.reward.velocity
