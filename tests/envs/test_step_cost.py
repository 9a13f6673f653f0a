"""What a control step costs besides the physics, in calls: a count that no other load moves."""

import sys

import numpy as np
import pytest

from envs import make_environment

STEPS = 40
# Calls of functions in a control step, Python's and C's, and how many of them are the engine's.
# Whoever adds to them says what it buys; whoever saves some lowers the figure.
# The last dozen: a world that diverged ends its episode as a failure, and all that is handed out is
# finite and the caller's own.
MOST = {("driving", "hatchback"): (321, 39), ("parcel", "porter"): (495, 29)}


def calls_of(world):
    """Names of the functions that some steps call, in order."""
    action, names = np.zeros(world.action_space.shape, dtype=np.float32), []
    world.reset(options={"episode": 0})

    def hear(frame, event, argument):
        if event == "call":
            names.append(frame.f_code.co_name)
        elif event == "c_call":
            names.append(f"{getattr(argument, '__module__', None) or ''}.{argument.__name__}")

    sys.setprofile(hear)
    try:
        for _ in range(STEPS):
            *_, terminated, truncated, _ = world.step(action)
            assert not (terminated or truncated)
    finally:
        sys.setprofile(None)
    return names


@pytest.mark.parametrize(("task", "robot"), MOST)
def test_a_control_step_takes_no_more_calls_than_it_did(task, robot):
    world = make_environment(task, robot, randomization="nominal", privileged=True)
    names = calls_of(world)
    world.close()
    most, engines = MOST[task, robot]
    engine = sum(name.startswith("pybullet.") for name in names) / STEPS
    assert 6.0 <= engine <= engines
    assert len(names) / STEPS <= most, engine
