"""What a rollout computes at its end is what it would have computed step by step."""

from functools import partial

import numpy as np
import pytest
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnvWrapper

from agents.collection import Collection
from agents.group import LocalGroup
from agents.policy import NamedPolicy
from agents.ppo import PPO
from agents.worlds import Worlds
from envs import make_environment

STEPS, WORLDS = 12, 3


@pytest.fixture(scope="module")
def worlds():
    made = Worlds(LocalGroup(partial(make_environment, "driving", "hatchback"), WORLDS))
    yield made
    made.close()


def policy_in(worlds):
    torch.manual_seed(3)
    spaces = worlds.observation_space, worlds.action_space
    return NamedPolicy(*spaces, lambda left: 1e-3, interface=worlds.interface, hidden=(16,))


def filled(policy, worlds, cut=()):
    """A rollout of drawn numbers in which episodes end now and then."""
    rng = np.random.default_rng(0)
    spaces = worlds.observation_space, worlds.action_space
    buffer = RolloutBuffer(STEPS, *spaces, "cpu", 0.95, 0.98, WORLDS)
    rollout, (low, high) = Collection(policy, buffer), (spaces[0].low, spaces[0].high)
    shape = (STEPS + 1, WORLDS, *spaces[0].shape)
    seen = rng.uniform(low, high, shape).astype(np.float32)
    ended = rng.random((STEPS + 1, WORLDS)) < 0.2
    rewards = rng.normal(size=(STEPS, WORLDS)).astype(np.float32)
    last = rng.uniform(low, high, shape[2:]).astype(np.float32)
    for row in range(STEPS):
        infos = [{} for _ in range(WORLDS)]
        for world in (world for step, world in cut if step == row):
            infos[world] = {"terminal_observation": last, "TimeLimit.truncated": True}
        assert not rollout.full
        actions, _ = rollout.explorer(seen[row], rollout.noise(WORLDS))
        rollout.add(seen[row], actions, rewards[row], ended[row], infos)
    assert rollout.full
    rollout.judge(seen[STEPS], ended[STEPS])
    return buffer, seen, rewards, last


def test_values_and_probabilities_are_those_of_stable_baselines3(worlds):
    policy = policy_in(worlds)
    buffer, seen, *_ = filled(policy, worlds)
    for row in range(STEPS):
        with torch.no_grad():
            values, log_prob, entropy = policy.evaluate_actions(
                torch.from_numpy(seen[row]), torch.from_numpy(buffer.actions[row])
            )
        np.testing.assert_allclose(buffer.values[row], values.flatten(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(buffer.log_probs[row], log_prob, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(entropy, policy.entropy().detach().expand(WORLDS))


def test_actions_are_spread_about_the_mean_as_the_policy_says(worlds):
    policy = policy_in(worlds)
    with torch.no_grad():
        policy.log_std.copy_(torch.tensor([-1.0, 0.5]))
    buffer, seen, *_ = filled(policy, worlds)
    torch.manual_seed(7)
    rollout = Collection(policy, buffer)
    one, done = rollout.explorer(np.repeat(seen[0, :1], 4000, axis=0), rollout.noise(4000))
    assert np.array_equal(done, one.clip(-1.0, 1.0))
    with torch.no_grad():
        mean = policy.mean_action(torch.from_numpy(seen[0, :1])).numpy()[0]
    np.testing.assert_allclose(one.mean(axis=0), mean, atol=0.1)
    np.testing.assert_allclose(one.std(axis=0), np.exp([-1.0, 0.5]), rtol=0.05)


def test_what_would_have_come_after_an_episode_that_was_cut_short_counts(worlds):
    policy = policy_in(worlds)
    cut = [(2, 1), (7, 0), (7, 2)]
    buffer, _, rewards, last = filled(policy, worlds, cut)
    with torch.no_grad():
        value = float(policy.predict_values(torch.from_numpy(last[None])))
    expected = rewards.copy()
    for step, world in cut:
        expected[step, world] += 0.98 * value
    np.testing.assert_allclose(buffer.rewards, expected, rtol=1e-4, atol=1e-5)


class Stepped(VecEnvWrapper):
    """Worlds that only step."""

    def reset(self):
        return self.venv.reset()

    def step_wait(self):
        return self.venv.step_wait()


def test_worlds_that_run_on_teach_the_same_as_worlds_that_are_stepped(worlds):
    learned = []
    for wrap in (lambda worlds: worlds, Stepped):
        torch.manual_seed(5)
        worlds.begin([1, 2, 3])
        ppo = PPO(
            NamedPolicy,
            wrap(worlds),
            n_steps=100,
            batch_size=50,
            n_epochs=2,
            device="cpu",
            policy_kwargs={"interface": worlds.interface, "hidden": (16,)},
        )
        torch.manual_seed(6)
        np.random.seed(6)  # noqa: NPY002
        ppo.learn(2 * 100 * WORLDS)
        learned.append((ppo.policy.state_dict(), list(ppo.ep_info_buffer)))
    assert all(torch.equal(learned[0][0][name], learned[1][0][name]) for name in learned[0][0])
    for one, other in zip(*(told for _, told in learned), strict=True):
        assert one == other
    assert learned[0][1]


class Stop(BaseCallback):
    """Ends a training at its third step."""

    def _on_step(self):
        return self.n_calls < 3


def test_a_callback_ends_a_rollout(worlds):
    ppo = PPO(
        NamedPolicy,
        worlds,
        n_steps=8,
        batch_size=8,
        device="cpu",
        policy_kwargs={"interface": worlds.interface, "hidden": (16,)},
    )
    ppo.learn(1000, callback=Stop())
    assert ppo.num_timesteps == 3 * WORLDS


class Scripted(VecEnvWrapper):
    """One world in which everything happens as written.

    A row of the script says what follows a step: observation, reward, whether an episode ended,
    info, and how many steps are skipped whose noise is thrown away.
    """

    def __init__(self, worlds, first, script):
        super().__init__(worlds)
        self._first, self._script = first, iter(script)

    def reset(self):
        return self._first[None]

    def step_wait(self):
        after, reward, ended, info, skipped = next(self._script)
        torch.randn(skipped, self.action_space.shape[0])
        return after[None], np.float32([reward]), np.asarray([ended]), [info]


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch")
@pytest.mark.parametrize("bad", [0, 5, 7, 11])
def test_a_step_whose_physics_diverged_teaches_as_if_there_had_been_none(bad):
    worlds = Worlds(LocalGroup(partial(make_environment, "driving", "hatchback"), 1))
    rng = np.random.default_rng(0)
    low, high = worlds.observation_space.low, worlds.observation_space.high
    seen = rng.uniform(low, high, (STEPS + 1, *low.shape)).astype(np.float32)
    whole = [[seen[k + 1], rng.normal(), k in (4, 9), {}, 0] for k in range(STEPS)]
    cut = [list(row) for row in whole]
    whole[bad][1:4] = -1e3, True, {"diverged": True, "terminal_observation": seen[bad]}
    first = seen[1] if bad == 0 else seen[0]
    if bad > 0 and bad - 1 not in (4, 9):  # the step before ends what can be kept
        cut[bad - 1][2:4] = True, {"TimeLimit.truncated": True, "terminal_observation": seen[bad]}
    if bad > 0:
        cut[bad - 1][0], cut[bad - 1][4] = seen[bad + 1], 1
    del cut[bad]
    learned = []
    for begun, script in ((seen[0], whole), (first, cut)):
        torch.manual_seed(5)
        ppo = PPO(
            NamedPolicy,
            Scripted(worlds, begun, script),
            n_steps=len(script),
            batch_size=5,
            n_epochs=3,
            device="cpu",
            policy_kwargs={"interface": worlds.interface, "hidden": (16,)},
        )
        torch.manual_seed(6)
        torch.randn(int(bad == 0 and script is cut), 2)
        np.random.seed(6)  # noqa: NPY002
        ppo.learn(len(script))
        learned.append(ppo.policy.state_dict())
    worlds.close()
    for name, weights in learned[0].items():
        torch.testing.assert_close(weights, learned[1][name], rtol=1e-4, atol=1e-6)


def test_a_rollout_that_diverged_throughout_changes_nothing():
    worlds = Worlds(LocalGroup(partial(make_environment, "driving", "hatchback"), 1))
    seen = worlds.observation_space.low
    row = [seen, -1.0, True, {"diverged": True, "terminal_observation": seen}, 0]
    ppo = PPO(
        NamedPolicy,
        Scripted(worlds, seen, [row] * 8),
        n_steps=8,
        batch_size=8,
        device="cpu",
        policy_kwargs={"interface": worlds.interface, "hidden": (16,)},
    )
    before = {name: weights.clone() for name, weights in ppo.policy.state_dict().items()}
    ppo.learn(8)
    assert all(torch.equal(before[name], now) for name, now in ppo.policy.state_dict().items())
    worlds.close()
