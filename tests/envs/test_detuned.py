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
