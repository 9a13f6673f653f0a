"""Whatever is drawn within the limits of parameters, a world keeps telling finite things."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.catalogue import find_robot, find_task, make_simulator
from envs.environment import Environment
from envs.parameters import BODY, PARAMETERS
from envs.randomization import DISTRIBUTIONS, Term

WORLDS = [
    (task, robot, engine)
    for task, robot in (("driving", "hatchback"), ("parcel", "porter"))
    for engine in ("pybullet", "mujoco")
]
# Of a body not every mixture is one that stands; which is none is said when it is drawn.
BODILESS = sorted(PARAMETERS.keys() - BODY)


@st.composite
def terms(draw):
    """Up to three terms, each anywhere within what its parameter allows."""
    names = draw(st.lists(st.sampled_from(BODILESS), min_size=1, max_size=3, unique=True))
    found = []
    for name in names:
        parameter = PARAMETERS[name]
        ends = st.one_of(
            st.floats(parameter.low, parameter.high),
            st.sampled_from((parameter.low, parameter.high)),
        )
        low, high = sorted((draw(ends), draw(ends)))
        distribution = draw(st.sampled_from(sorted(DISTRIBUTIONS)))
        if low <= 0.0 and distribution == "log_uniform":
            distribution = "uniform"
        occasion = draw(st.sampled_from(parameter.occasions))
        period = 0.2 if occasion == "interval" else 0.0
        found.append(Term(name, occasion, "set", low, high, distribution, period))
    return tuple(found)


def play(where, randomization, steps):
    """Drive by chance; every reading is within the range that it is said to have."""
    task, robot, engine = where
    found = find_robot(robot)
    world = Environment(
        found,
        find_task(task)(found),
        make_simulator(engine),
        randomization=randomization,
        privileged=True,
    )
    rng = np.random.default_rng(0)
    try:
        observation, _ = world.reset(seed=0)
        for _ in range(steps):
            assert world.observation_space.contains(observation)
            action = rng.uniform(-1.0, 1.0, world.action_space.shape)
            observation, reward, *ended, _ = world.step(action.astype(np.float32))
            assert math.isfinite(reward)
            if any(ended[:2]):
                observation, _ = world.reset()
    finally:
        world.close()


@pytest.mark.parametrize("where", WORLDS, ids="-".join)
@settings(max_examples=5, deadline=None)
@given(terms())
def test_what_is_drawn_within_limits_can_be_played(where, randomization):
    play(where, randomization, 15)


@pytest.mark.parametrize("where", WORLDS, ids="-".join)
@pytest.mark.parametrize("end", ["low", "high"])
def test_all_at_the_ends_of_their_limits_can_be_played(where, end):
    drawn = []
    for name in BODILESS:
        parameter = PARAMETERS[name]
        value = getattr(parameter, end)
        occasion = parameter.occasions[-1]
        period = 0.2 if occasion == "interval" else 0.0
        drawn.append(Term(name, occasion, "set", value, value, period=period))
    play(where, tuple(drawn), 15)


def test_every_parameter_has_limits():
    assert all(math.isfinite(p.low) and math.isfinite(p.high) for p in PARAMETERS.values())
