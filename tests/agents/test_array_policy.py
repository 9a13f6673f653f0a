import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from agents.actor import Actor
from agents.array_policy import ACTIVATE, ArrayPolicy
from agents.bundle import load_bundle
from agents.networks import ACTIVATIONS, Trunk
from envs import make_environment
from envs.interface import Feature, Interface


def actor(entries, reads, hidden, activation, squash, seed):
    torch.manual_seed(seed)
    features = tuple(Feature(f"f{i}", "1", -1.0 - i, 1.0 + i) for i in range(entries))
    interface = Interface(features, (Feature("a", "1", -1.0, 1.0, "action"),))
    trunk = Trunk(interface, [features[i] for i in reads], hidden, activation)
    trunk.normalizer.adapt(torch.randn(50, entries) * 3.0 + 0.5)
    return Actor(trunk, nn.Linear(hidden[-1], 3), squash=squash)


@settings(max_examples=30, deadline=None)
@given(
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    squash=st.booleans(),
    hidden=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    reads=st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True),
    size=st.sampled_from([0.1, 1.0, 1e3]),
    seed=st.integers(0, 99),
)
def test_it_acts_as_the_actor_does(activation, squash, hidden, reads, size, seed):
    original = actor(7, reads, hidden, activation, squash, seed)
    policy = ArrayPolicy(original)
    rows = size * np.random.default_rng(seed).normal(size=(5, 7)).astype(np.float32)
    answers = np.stack([policy(row) for row in rows])
    np.testing.assert_allclose(answers, original.act(rows), atol=2e-5)
    assert answers.dtype == np.float32


def test_a_shipped_policy_drives_the_same_way():
    bundle = load_bundle("hatchback-driving")
    env = make_environment("driving", "hatchback", randomization="nominal")
    act = bundle.policy(env.interface)
    policy = ArrayPolicy(bundle.actor(env.interface))
    observation, _ = env.reset(options={"episode": 3})
    for _ in range(60):
        action = policy(observation)
        np.testing.assert_allclose(action, act(observation[None])[0], atol=1e-5)
        observation, *_ = env.step(action)
    env.close()


def test_it_keeps_the_weights_it_was_made_with():
    original = actor(4, [0, 1, 2, 3], [8], "elu", False, 0)
    policy, row = ArrayPolicy(original), np.ones(4, dtype=np.float32)
    before = policy(row).copy()
    with torch.no_grad():
        original.head.bias.add_(0.3)
    np.testing.assert_array_equal(policy(row), before)


def test_every_activation_has_its_arrays():
    assert set(ACTIVATE) == set(ACTIVATIONS.values())


def test_an_answer_is_not_overwritten_by_the_next():
    policy = ArrayPolicy(actor(4, [0, 1, 2, 3], [8], "elu", False, 0))
    first, second = (policy(row) for row in np.eye(4, dtype=np.float32)[:2])
    assert not np.array_equal(first, second)
