"""What trains: a Stable-Baselines3 algorithm that can stop at any rollout and go on to the bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from agents.actor import Actor
from agents.averaging import Average
from agents.bundle import Network
from agents.optimizer_state import pack, unpack
from agents.policy import NamedPolicy
from agents.ppo import PPO
from agents.settings import PPOSettings
from agents.symmetry import Symmetry
from envs.interface import Interface
from envs.mirror import Mirror


class Learner(Protocol):
    """An algorithm under training."""

    @property
    def algorithm(self) -> BaseAlgorithm:
        """The Stable-Baselines3 algorithm."""

    @property
    def steps(self) -> int:
        """Environment steps so far."""

    def learn(
        self,
        worlds: VecEnv | None,
        steps: int,
        before: Callable[[int], None],
        after: Callable[[], None],
    ) -> None:
        """Train for ``steps``.

        Args:
            worlds: Where to begin; None to go on in those of before, as they are.
            steps: A multiple of a rollout.
            before: Called before each rollout with the steps so far.
            after: Called between each rollout and its update.
        """

    def actor(self) -> Actor:
        """The deterministic policy as it is now; may share its weights."""

    def tensors(self) -> dict[str, Tensor]:
        """The policy under the names that a bundle gives its tensors."""

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from `state`."""


class RolloutNotice(BaseCallback):
    """Tells when a rollout begins, with the steps so far, and when it ends."""

    def __init__(self, before: Callable[[int], None], after: Callable[[], None]) -> None:
        super().__init__()
        self._before, self._after = before, after

    def _on_rollout_start(self) -> None:
        self._before(self.num_timesteps)

    def _on_rollout_end(self) -> None:
        self._after()

    def _on_step(self) -> bool:
        return True


class PPOLearner:
    """`PPO` as a `Learner`.

    Args:
        worlds: Environments like those it will train in.
        interface: What their vectors hold.
        network: Shape of the networks.
        settings: Hyperparameters.
        seed: Of the networks' first weights.
        logger: Where training figures go.
        mirror: How the worlds look with left and right swapped.
    """

    def __init__(
        self,
        worlds: VecEnv,
        interface: Interface,
        network: Network,
        settings: PPOSettings,
        *,
        seed: int,
        logger: Logger,
        mirror: Mirror | None = None,
    ) -> None:
        torch.manual_seed(seed)
        self._ppo = PPO(
            NamedPolicy,
            worlds,
            budget=settings.decay,
            critic_first=settings.critic_first,
            critic_rate=settings.critic_rate,
            warm_up=settings.warm_up,
            learning_rate=(
                (lambda left: settings.learning_rate * (0.1 + 0.9 * left))
                if settings.decay
                else settings.learning_rate
            ),
            n_steps=settings.rollout,
            batch_size=settings.batch,
            n_epochs=settings.epochs,
            gamma=settings.discount,
            gae_lambda=settings.trace,
            clip_range=settings.clip,
            ent_coef=settings.entropy,
            target_kl=settings.divergence,
            max_grad_norm=settings.gradient,
            device="cpu",
            policy_kwargs={
                "interface": interface,
                "hidden": network.hidden,
                "critic_hidden": network.critic_hidden,
                "activation": network.activation,
                "exploration": settings.exploration,
            },
        )
        if mirror and settings.mirrored:
            self._ppo.mirror, self._ppo.symmetry = mirror, Symmetry(self._ppo.policy, mirror)
            self._ppo.symmetry.impose()
        self._ppo.set_logger(logger)
        self._share = 0.0
        if settings.averaging:
            self._share = min(settings.worlds * settings.rollout / settings.averaging, 1.0)
            self._ppo.updated = self._follow
        self._average: Average[Actor] | None = None

    @property
    def algorithm(self) -> PPO:
        """See `Learner.algorithm`."""
        return self._ppo

    @property
    def policy(self) -> NamedPolicy:
        """The policy under training."""
        return self.algorithm.policy

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
        notice = RolloutNotice(before, after)
        self.algorithm.learn(steps, callback=notice, reset_num_timesteps=False, log_interval=1)

    def check_symmetry(self) -> bool:
        """Keep networks the same in a mirror if, with what was copied into them, they are so.

        Returns:
            Whether they are, or were not to be.
        """
        ppo = self._ppo
        if not ppo.symmetry:
            return True
        if ppo.symmetry.holds():
            ppo.symmetry.impose()
            return True
        ppo.mirror = ppo.symmetry = None
        return False

    def _last(self) -> Actor:
        policy = self.policy
        return Actor(policy.mlp_extractor.actor, policy.action_net)

    def _follow(self) -> None:
        """Take part of an update's outcome into the average."""
        if self.steps > self._ppo.critic_first:
            self._average = self._average or Average(self._last(), self._share)
            self._average.follow()

    def actor(self) -> Actor:
        """See `Learner.actor`."""
        return self._average.module if self._average else self._last()

    def tensors(self) -> dict[str, Tensor]:
        """See `Learner.tensors`."""
        actor = {f"actor.{name}": tensor for name, tensor in self.actor().state_dict().items()}
        return self.policy.named_tensors() | actor

    def state(self) -> dict[str, Tensor]:
        """See `Learner.state`."""
        tensors = {f"policy.{k}": v.clone() for k, v in self.policy.state_dict().items()}
        tensors |= pack(self.policy.optimizer, "optimizer")
        tensors["steps"] = torch.tensor(self.steps)
        tensors["updates"] = torch.tensor(self.algorithm._n_updates)
        if self._average:
            tensors |= {f"average.{name}": value for name, value in self._average.state().items()}
        return tensors

    def restore(self, state: dict[str, Tensor]) -> None:
        """See `Learner.restore`."""
        policy = {k.removeprefix("policy."): v for k, v in state.items() if k.startswith("policy.")}
        self.policy.load_state_dict(policy)
        unpack(self.policy.optimizer, "optimizer", state)
        prefix = "average."
        averaged = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if averaged:
            self._average = Average(self._last(), self._share)
            self._average.restore(averaged)
        self.algorithm.num_timesteps = int(state["steps"])
        self.algorithm._n_updates = int(state["updates"])
