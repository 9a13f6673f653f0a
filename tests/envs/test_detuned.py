"""The parcel world with half of each reflex."""

import numpy as np
import pytest

from envs import make_environment, robots


def progress(task, robot, episodes=3):
    """Mean share of the way made in listed episodes, with the action that changes nothing."""
    env = make_environment(task, robot, suite="mixed", randomization="nominal")
    still = np.zeros(env.action_space.shape, dtype=np.float32)
    made = []
    for episode in range(episodes):
        env.reset(options={"episode": episode})
        over = False
        while not over:
            _, _, terminated, truncated, info = env.step(still)
            over = terminated or truncated
        made.append(info["progress"])
    env.close()
    return np.mean(made)


@pytest.mark.parametrize("robot", ["porter", "courier", "strider", "pocket"])
def test_half_the_reflexes_leave_something_to_learn(robot):
    assert progress("parcel-detuned", robot) < 0.8 * progress("parcel", robot)


def test_whoever_is_made_for_the_world_is_made_for_all_its_tasks():
    assert robots("parcel-detuned") == robots("parcel")
    with pytest.raises(ValueError, match="'van' is made for driving, not for 'parcel-detuned'"):
        make_environment("parcel-detuned", "van")


def test_a_far_stand_is_seen_in_its_direction_three_legs_off():
    env = make_environment("parcel-detuned", "pocket", suite="mixed", randomization="none")
    goal = env.interface.indices(["task/goal/forward", "task/goal/left"])
    for episode in range(4):
        seen = env.reset(options={"episode": episode})[0][goal]
        where = np.asarray(env.task.ahead) / env.task.gait.leg
        assert np.linalg.norm(where) > 3.0
        np.testing.assert_allclose(seen, 3.0 * where / np.linalg.norm(where), rtol=1e-4)
    env.close()


def test_an_action_is_done_by_three_tenths_a_step():
    env = make_environment("parcel-detuned", "porter", randomization="none")
    env.reset(options={"episode": 0})
    done = []
    for _ in range(3):
        env.step(np.ones(env.action_space.shape, dtype=np.float32))
        done.append(float(env.task._action[0]))
    env.close()
    assert done == pytest.approx([0.3, 0.51, 0.657])
