"""Soft actor-critic (Haarnoja et al. 2018) on the same named features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import stable_baselines3
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.sac.policies import Actor as StableActor
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn

from agents.actor import Actor
from agents.bundle import Network
from agents.course import Array
from agents.learner import RolloutNotice
from agents.networks import ACTIVATIONS, Normalizer, Trunk
from agents.optimizer_state import pack, unpack
from agents.settings import SACSettings
from envs.interface import Feature, Interface

REMEMBERED = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class SoundReplay(ReplayBuffer):
    """A replay buffer that leaves out steps in which the physics diverged."""

    def add(
        self,
        obs: Array,
        next_obs: Array,
        action: Array,
        reward: Array,
        done: Array,
        infos: list[dict[str, Any]],
    ) -> None:
        """Store a step of each world; a copy of another world's replaces one that diverged."""
        sound = [i for i, info in enumerate(infos) if not info.get("diverged")]
        if not sound:
            return
        if len(sound) < len(infos):
            rows = [i if i in sound else sound[0] for i in range(len(infos))]
            obs, next_obs, action = obs[rows], next_obs[rows], action[rows]
            reward, done, infos = reward[rows], done[rows], [infos[i] for i in rows]
        super().add(obs, next_obs, action, reward, done, infos)


class NormalizedFeatures(BaseFeaturesExtractor):
    """Selects and scales features by name; see `agents.networks.Normalizer`."""

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        interface: Interface,
        features: Sequence[Feature],
    ) -> None:
        super().__init__(observation_space, len(features))
        self.normalizer = Normalizer(interface, features)

    def forward(self, observations: Tensor) -> Tensor:
        """Normalized readings ``(n, features)``."""
        readings: Tensor = self.normalizer(observations)
        return readings


class NamedSACPolicy(SACPolicy):
    """SAC's networks: the actor reads group ``deployable``, the critics everything."""

    def __init__(self, *args: Any, interface: Interface, **kwargs: Any) -> None:
        self.interface = interface
        super().__init__(*args, **kwargs)

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> StableActor:
        """An actor on what a robot can sense."""
        readable = self.interface.group("deployable")
        reader = NormalizedFeatures(self.observation_space, self.interface, readable)
        return super().make_actor(reader)

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> ContinuousCritic:
        """A critic on everything."""
        every = self.interface.observation
        reader = NormalizedFeatures(self.observation_space, self.interface, every)
        return super().make_critic(reader)


class SACLearner:
    """Stable-Baselines3's SAC as a `Learner`; arguments as `agents.learner.PPOLearner`."""

    def __init__(
        self,
        worlds: VecEnv,
        interface: Interface,
        network: Network,
        settings: SACSettings,
        *,
        seed: int,
        logger: Logger,
    ) -> None:
        torch.manual_seed(seed)
        self._interface, self._network = interface, network
        self._sac = stable_baselines3.SAC(
            NamedSACPolicy,
            worlds,
            learning_rate=settings.learning_rate,
            buffer_size=settings.buffer,
            replay_buffer_class=SoundReplay,
            learning_starts=settings.start,
            batch_size=settings.batch,
            gamma=settings.discount,
            train_freq=1,
            gradient_steps=max(1, round(settings.updates * settings.worlds)),
            device="cpu",
            policy_kwargs={
                "interface": interface,
                "net_arch": {"pi": list(network.hidden), "qf": list(network.critic_hidden)},
                "activation_fn": ACTIVATIONS[network.activation],
            },
        )
        self._sac.set_logger(logger)
        # The target critic is a slow copy of weights; what it reads is scaled as the critic's.
        self._scale(self.algorithm.critic_target).normalizer = self._scale(
            self.algorithm.critic
        ).normalizer

    @staticmethod
    def _scale(network: StableActor | ContinuousCritic) -> NormalizedFeatures:
        return cast(NormalizedFeatures, network.features_extractor)

    @property
    def algorithm(self) -> stable_baselines3.SAC:
        """See `Learner.algorithm`."""
        return self._sac

    @property
    def steps(self) -> int:
        """See `Learner.steps`."""
        return int(self.algorithm.num_timesteps)

    def learn(
        self,
        worlds: VecEnv | None,
        steps: int,
        before: Callable[[int], None],
        after: Callable[[], None],
    ) -> None:
        """See `Learner.learn`."""
        if worlds:
            self.algorithm.set_env(worlds)

        def adapt() -> None:
            seen = torch.as_tensor(cast(Any, self.algorithm._last_obs))
            self._scale(self.algorithm.actor).normalizer.adapt(seen)
            self._scale(self.algorithm.critic).normalizer.adapt(seen)
            after()

        self.algorithm.learn(
            steps,
            callback=RolloutNotice(before, adapt),
            reset_num_timesteps=False,
            log_interval=50,
        )

    def actor(self) -> Actor:
        """See `Learner.actor`."""
        source = self.algorithm.actor
        features = self._interface.group("deployable")
        trunk = Trunk(self._interface, features, self._network.hidden, self._network.activation)
        trunk.normalizer = self._scale(source).normalizer
        trunk.layers = source.latent_pi
        return Actor(trunk, cast(nn.Linear, source.mu), squash=True)

    def tensors(self) -> dict[str, Tensor]:
        """See `Learner.tensors`; the critics judge actions too, so none is a value to ship."""
        return {f"actor.{name}": tensor for name, tensor in self.actor().state_dict().items()}

    def state(self) -> dict[str, Tensor]:
        """See `Learner.state`."""
        algorithm = self.algorithm
        buffer = cast(ReplayBuffer, algorithm.replay_buffer)
        filled = buffer.buffer_size if buffer.full else buffer.pos
        tensors = {f"policy.{k}": v.clone() for k, v in algorithm.policy.state_dict().items()}
        for name, optimizer in self._optimizers().items():
            tensors |= pack(optimizer, f"optimizer_{name}")
        for name in REMEMBERED:
            tensors[f"buffer.{name}"] = torch.as_tensor(getattr(buffer, name)[:filled])
        tensors["buffer_place"] = torch.tensor([buffer.pos, int(buffer.full)])
        tensors["entropy"] = cast(Tensor, algorithm.log_ent_coef).detach().clone()
        tensors["steps"] = torch.tensor(self.steps)
        tensors["updates"] = torch.tensor(algorithm._n_updates)
        return tensors

    def restore(self, state: dict[str, Tensor]) -> None:
        """See `Learner.restore`."""
        algorithm = self.algorithm
        policy = {k.removeprefix("policy."): v for k, v in state.items() if k.startswith("policy.")}
        algorithm.policy.load_state_dict(policy)
        for name, optimizer in self._optimizers().items():
            unpack(optimizer, f"optimizer_{name}", state)
        buffer = cast(ReplayBuffer, algorithm.replay_buffer)
        for name in REMEMBERED:
            kept = state[f"buffer.{name}"].numpy()
            getattr(buffer, name)[: len(kept)] = kept
        buffer.pos, buffer.full = int(state["buffer_place"][0]), bool(state["buffer_place"][1])
        with torch.no_grad():
            cast(Tensor, algorithm.log_ent_coef).copy_(state["entropy"])
        algorithm.num_timesteps = int(state["steps"])
        algorithm._n_updates = int(state["updates"])

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        algorithm = self.algorithm
        entropy = cast(torch.optim.Optimizer, algorithm.ent_coef_optimizer)
        return {
            "actor": algorithm.actor.optimizer,
            "critic": algorithm.critic.optimizer,
            "entropy": entropy,
        }
