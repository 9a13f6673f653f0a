from dataclasses import replace
from functools import partial

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv

from agents.bundle import Network
from agents.group import LocalGroup
from agents.learner import PPOLearner
from agents.sac import SACLearner
from agents.samples import reflected
from agents.settings import PPOSettings, SACSettings
from agents.worlds import Worlds
from envs import make_environment
from envs.interface import Feature, Interface

MAKE = partial(make_environment, "driving", "hatchback", privileged=True)
TINY = Network((16,), (16,))
PPO = PPOSettings(worlds=2, rollout=32, batch=32, epochs=2)
SAC = SACSettings(worlds=2, batch=16, buffer=500, start=16)


AVERAGING = replace(PPO, averaging=256)  # a quarter of each update's outcome, in the long run


def learner(kind, seed=0):
    worlds = Worlds(LocalGroup(MAKE, 2), [1, 2])
    interface, logger = worlds.interface, Logger(None, [])
    if kind in ("ppo", "averaging"):
        settings = PPO if kind == "ppo" else AVERAGING
        made = PPOLearner(worlds, interface, TINY, settings, seed=seed, logger=logger)
    else:
        made = SACLearner(worlds, interface, TINY, SAC, seed=seed, logger=logger)
    worlds.close()
    return made


def segment(made, number):
    torch.manual_seed(number)
    np.random.seed(number)  # noqa: NPY002
    worlds = Worlds(LocalGroup(MAKE, 2), [10 * number, 10 * number + 1])
    for world in worlds.group.worlds:
        world.action_space.seed(number)
    worlds.action_space.seed(number)
    made.learn(worlds, 64, lambda step: None, lambda: None)
    worlds.close()


@pytest.mark.parametrize("kind", ["ppo", "averaging", "sac"])
def test_goes_on_from_its_state_to_the_bit(kind):
    whole = learner(kind)
    segment(whole, 1)
    state = {name: tensor.clone() for name, tensor in whole.state().items()}
    segment(whole, 2)
    resumed = learner(kind, seed=99)
    resumed.restore(state)
    segment(resumed, 2)
    assert resumed.steps == whole.steps
    assert whole.state().keys() == resumed.state().keys()
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, resumed.tensors()[name]), name


def test_an_averaged_actor_follows_the_trained_one_and_begins_with_it():
    made = learner("averaging")
    name = "actor.head.weight"
    seen = []
    for number in range(1, 7):
        segment(made, number)
        seen.append(made.policy.named_tensors()[name].clone())
        if number <= 4:
            expected = torch.stack(seen).mean(0)
        else:
            expected = expected + 0.25 * (seen[-1] - expected)
    torch.testing.assert_close(made.tensors()[name], expected)
    torch.testing.assert_close(made.actor().head.weight, expected)
    # What it reads by is not averaged, nor is the critic.
    for name in ("actor.trunk.normalizer.mean", "critic.head.weight"):
        assert torch.equal(made.tensors()[name], made.policy.named_tensors()[name])


class Target(gymnasium.Env):
    """One step: an action is worth the more the nearer it is to half of what is seen."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen = self.np_random.uniform(-1.0, 1.0, 1).astype(np.float32)
        return self.seen, {}

    def step(self, action):
        return self.seen, -4.0 * float((action[0] - 0.5 * self.seen[0]) ** 2), True, False, {}


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_training_moves_actions_to_where_rewards_are(kind):
    worlds = DummyVecEnv([Target, Target])
    worlds.seed(0)
    for k, world in enumerate(worlds.envs):
        world.action_space.seed(k)
    worlds.action_space.seed(0)
    interface = Interface((Feature("seen", "1", -1.0, 1.0),), (Feature("done", "1", -1.0, 1.0),))
    logger = Logger(None, [])
    np.random.seed(0)  # noqa: NPY002
    if kind == "ppo":
        settings = replace(PPO, rollout=128, batch=64, epochs=10, learning_rate=3e-3)
        made = PPOLearner(worlds, interface, TINY, settings, seed=0, logger=logger)
        steps = 2048
    else:
        settings = replace(SAC, batch=64, learning_rate=1e-2, start=64)
        made = SACLearner(worlds, interface, TINY, settings, seed=0, logger=logger)
        steps = 750
    seen = np.linspace(-0.9, 0.9, 19, dtype=np.float32)[:, None]
    mean = made.tensors()["actor.trunk.normalizer.mean"].clone()

    def off():
        return float(np.abs(made.actor().act(seen) - 0.5 * seen).mean())

    before = off()
    made.learn(worlds, steps, lambda step: None, lambda: None)
    assert off() < 0.5 * min(before, 0.225)  # 0.225 is what an action of 0 is off by
    assert not torch.equal(mean, made.tensors()["actor.trunk.normalizer.mean"])


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_the_actor_cannot_see_privileged_features(kind):
    made = learner(kind)
    worlds = Worlds(LocalGroup(MAKE, 1), [1])
    interface = worlds.interface
    seen = worlds.reset()
    hidden = interface.indices(f.name for f in interface.group("privileged"))
    other = seen.copy()
    other[:, hidden] += 1.0
    assert np.array_equal(made.actor().act(seen), made.actor().act(other))
    worlds.close()


def test_a_critic_alone_leaves_the_actor_as_it_is():
    made = learner("ppo")
    made.algorithm.actor_weight = 0.0
    before = made.tensors()["actor.head.weight"].clone()
    values = made.tensors()["critic.head.weight"].clone()
    segment(made, 1)
    assert torch.equal(before, made.tensors()["actor.head.weight"])
    assert not torch.equal(values, made.tensors()["critic.head.weight"])


def mirrored_learner(worlds, mirror, **changes):
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    settings = replace(PPO, epochs=30, learning_rate=3e-3, divergence=10.0, **changes)
    return PPOLearner(
        worlds,
        worlds.interface,
        TINY,
        settings,
        seed=0,
        logger=Logger(None, []),
        mirror=mirror,
    )


def off_in_a_mirror(actor, mirror, seen):
    """How far actions at images are from images of actions, as a share of what they are."""
    actions = actor.act(seen)
    images = actor.act(mirror.observation.apply(seen))
    return np.abs(mirror.action.apply(actions) - images).max() / np.abs(actions).max()


def test_what_is_learned_for_one_side_holds_for_the_other():
    make = partial(make_environment, "parcel", "porter", privileged=True)
    group = LocalGroup(make, 2)
    worlds, mirror = Worlds(group, [1, 2]), group.spaces.mirror
    off, judged = {}, {}
    for mirrored in (False, True):
        made = mirrored_learner(worlds, mirror, mirrored=mirrored)
        made.learn(worlds, 64, lambda step: None, lambda: None)
        seen = made.algorithm.rollout_buffer.observations.reshape(
            -1, len(worlds.interface.observation)
        )
        off[mirrored] = off_in_a_mirror(made.actor(), mirror, seen)
        both = [torch.as_tensor(rows) for rows in (seen, mirror.observation.apply(seen))]
        with torch.no_grad():
            value, of_image = (made.policy.predict_values(rows) for rows in both)
        judged[mirrored] = float((value - of_image).abs().max() / value.abs().max())
    worlds.close()
    assert off[True] < 1e-4 < 0.1 < off[False]
    assert judged[True] < 1e-4 < judged[False]


def test_a_sample_teaches_what_it_and_its_image_would():
    """The gradient of a symmetric network is that of samples and images together."""
    make = partial(make_environment, "parcel", "pocket", privileged=True)
    group = LocalGroup(make, 1)
    worlds, mirror = Worlds(group, [1]), group.spaces.mirror
    made = mirrored_learner(worlds, mirror, mirrored=True)
    policy, symmetry = made.policy, made.algorithm.symmetry
    seen = torch.as_tensor(np.repeat(worlds.reset(), 5, axis=0))
    seen = seen + 0.1 * torch.randn(seen.shape)
    aims = torch.randn(5, len(worlds.interface.action))

    def gradients(rows, wanted):
        policy.zero_grad()
        (policy.mean_action(rows) - wanted).square().mean().backward()
        return policy.action_net.weight.grad.clone()

    both = gradients(
        torch.cat([seen, reflected(seen, mirror.observation)]),
        torch.cat([aims, reflected(aims, mirror.action)]),
    )
    gradients(seen, aims)
    symmetry.of_gradients()
    torch.testing.assert_close(policy.action_net.weight.grad, both, rtol=1e-3, atol=1e-6)
    worlds.close()


def test_copied_weights_that_are_not_the_same_in_a_mirror_are_left_so():
    make = partial(make_environment, "parcel", "pocket", privileged=True)
    group = LocalGroup(make, 1)
    worlds, mirror = Worlds(group, [1]), group.spaces.mirror
    made = mirrored_learner(worlds, mirror, mirrored=True)
    assert made.check_symmetry()
    assert made.algorithm.symmetry
    with torch.no_grad():
        made.policy.action_net.weight.copy_(torch.randn_like(made.policy.action_net.weight))
    before = made.policy.action_net.weight.clone()
    assert not made.check_symmetry()
    assert made.algorithm.symmetry is None
    assert torch.equal(before, made.policy.action_net.weight)
    worlds.close()


def test_a_world_that_is_not_the_same_in_a_mirror_is_learned_from_as_it_is():
    after = []
    for mirrored in (False, True):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        group = LocalGroup(MAKE, 2)
        worlds = Worlds(group, [1, 2])
        made = PPOLearner(
            worlds,
            worlds.interface,
            TINY,
            replace(PPO, mirrored=mirrored),
            seed=0,
            logger=Logger(None, []),
            mirror=group.spaces.mirror,
        )
        made.learn(worlds, 64, lambda step: None, lambda: None)
        worlds.close()
        after.append(made.tensors()["actor.head.weight"])
    assert torch.equal(*after)


def test_the_critic_learns_first_where_settings_say_so():
    made = learner("ppo")
    made.algorithm.critic_first = 64
    heads = [made.tensors()["actor.head.weight"].clone()]
    for number in (1, 2):
        segment(made, number)
        heads.append(made.tensors()["actor.head.weight"].clone())
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[1], heads[2])


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch")
def test_a_last_minibatch_of_a_single_row_spoils_nothing():
    worlds = Worlds(LocalGroup(MAKE, 1), [1])
    settings = replace(PPO, worlds=1, rollout=33)  # and 32 in a minibatch
    made = PPOLearner(worlds, worlds.interface, TINY, settings, seed=0, logger=Logger(None, []))
    made.learn(worlds, 33, lambda step: None, lambda: None)
    worlds.close()
    assert made.steps == 33
    assert all(torch.isfinite(tensor).all() for tensor in made.tensors().values())


def test_the_actors_rate_rises_over_the_warm_up_and_the_critics_does_not():
    made = learner("ppo")
    made.algorithm.critic_first, made.algorithm.warm_up = 64, 256
    rates = []
    for number in range(1, 8):
        segment(made, number)
        actor, critic = made.algorithm.policy.optimizer.param_groups
        rates.append(actor["lr"] / critic["lr"])
    assert rates == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


def test_the_critic_learns_at_a_rate_of_its_own():
    """Its learning rate scales its steps, and no other's."""
    moved = {}
    for rate in (1.0, 10.0):
        made = learner("ppo")
        made.algorithm.critic_rate = rate
        made.algorithm.target_kl = None
        before = {name: tensor.clone() for name, tensor in made.tensors().items()}
        segment(made, 1)
        actor, critic = made.algorithm.policy.optimizer.param_groups
        assert critic["lr"] == pytest.approx(rate * actor["lr"])
        after = made.tensors()
        moved[rate] = {
            half: float((after[f"{half}.head.weight"] - before[f"{half}.head.weight"]).abs().max())
            for half in ("actor", "critic")
        }
    assert moved[10.0]["actor"] == pytest.approx(moved[1.0]["actor"])
    assert moved[10.0]["critic"] > 3.0 * moved[1.0]["critic"]


def test_the_learning_rate_falls_over_its_own_steps_whatever_is_trained():
    """And on both halves of a training that is made longer as in one piece."""
    rates = []
    worlds = Worlds(LocalGroup(MAKE, 2), [1, 2])
    settings = replace(PPO, decay=256, critic_rate=2.0)
    made = PPOLearner(worlds, worlds.interface, TINY, settings, seed=0, logger=Logger(None, []))
    for steps in (64, 128, 128):
        made.learn(worlds, steps, lambda step: None, lambda: None)
        rates.append([group["lr"] for group in made.policy.optimizer.param_groups])
    worlds.close()
    for (actor, critic), left in zip(rates, (0.75, 0.25, 0.0), strict=True):
        assert actor == pytest.approx(settings.learning_rate * (0.1 + 0.9 * left))
        assert critic == pytest.approx(2.0 * actor)
