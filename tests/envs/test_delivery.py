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


def test_coming_nearer_earns_what_going_away_costs(world):
    env = world()
    env.reset(seed=0)
    task = env.task
    reach, radius = task.stand.reach, task.stand.radius

    def judged(distance, bearing):
        task.distance = reach + distance
        task.ahead = (task.distance * np.cos(bearing), task.distance * np.sin(bearing))
        return task._judge()

    judged(2.0, 0.4)
    still = judged(2.0, 0.4)
    there, back = judged(1.9, 0.4), judged(2.0, 0.4)
    assert there - still == pytest.approx(0.1 * task.reward.nearer)
    assert there + back == pytest.approx(2.0 * still)
    assert judged(2.0, 0.3) - still == pytest.approx(0.1 * task.reward.facing)
    # Too near is as far as too far, and either side as good as the other.
    judged(0.02, 0.1)
    assert judged(0.02, -0.1) == pytest.approx(still)
    # Nowhere is it worth more than above the plate's middle.
    best = [judged(far * radius, 0.0) - still for far in (2.0, 1.0, 0.0, -1.0)]
    assert best[1] > 0.3 * task.reward.fitting
    assert best[2] > 0.6 * task.reward.fitting > 0.0 > best[3]
    # Who stands and waits earns nothing by it.
    assert still <= 0.0
