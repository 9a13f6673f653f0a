from functools import partial

import numpy as np

from agents.group import LocalGroup
from agents.worlds import Worlds
from envs import make_environment

MAKE = partial(make_environment, "driving", "hatchback", randomization="nominal")


def rollout(seeds, steps=60):
    worlds = Worlds(LocalGroup(MAKE, len(seeds)), seeds)
    rng = np.random.default_rng(0)
    seen = [worlds.reset()]
    for _ in range(steps):
        action = rng.uniform(-1, 1, 2).astype(np.float32)
        observation, _, _, _ = worlds.step(np.tile(action, (len(seeds), 1)))
        seen.append(observation)
    worlds.close()
    return np.stack(seen)


def test_the_same_seeds_give_the_same_bits():
    assert np.array_equal(rollout([3, 4]), rollout([3, 4]))


def test_worlds_that_begin_again_are_as_new():
    worlds = Worlds(LocalGroup(MAKE, 2), [8, 9])
    worlds.reset()
    for _ in range(50):
        worlds.step(np.ones((2, 2), dtype=np.float32))
    worlds.begin([3, 4])
    first = worlds.reset()
    worlds.close()
    assert np.array_equal(first, rollout([3, 4], steps=0)[0])


def test_a_world_depends_on_its_own_seed_only():
    assert np.array_equal(rollout([3, 4])[:, 1], rollout([9, 4, 5])[:, 1])
    assert not np.array_equal(rollout([3, 4])[:, 0], rollout([3, 4])[:, 1])


def test_an_ended_episode_hands_over_its_last_observation():
    worlds = Worlds(LocalGroup(MAKE, 1), [0])
    worlds.reset()
    for _ in range(400):
        observation, _, dones, infos = worlds.step(np.array([[1.0, 1.0]], dtype=np.float32))
        if dones[0]:
            assert not np.array_equal(infos[0]["terminal_observation"], observation[0])
            assert infos[0]["episode"]["l"] > 1
            break
    else:
        raise AssertionError("driving in circles ended no episode")
    worlds.close()
