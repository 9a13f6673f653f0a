"""The Stable-Baselines3 policy: its actor reads what a robot senses, its critic may cheat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from agents.networks import Trunk
from envs.interface import Interface

HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)


class Trunks(nn.Module):
    """Two trunks on the same raw observation, in the shape Stable-Baselines3 expects."""

    def __init__(self, actor: Trunk, critic: Trunk) -> None:
        super().__init__()
        self.actor, self.critic = actor, critic
        self.latent_dim_pi, self.latent_dim_vf = actor.width, critic.width

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Latent features of actor and critic."""
        return self.actor(observation), self.critic(observation)

    def forward_actor(self, observation: Tensor) -> Tensor:
        """Latent features of the actor."""
        latent: Tensor = self.actor(observation)
        return latent

    def forward_critic(self, observation: Tensor) -> Tensor:
        """Latent features of the critic."""
        latent: Tensor = self.critic(observation)
        return latent


class NamedPolicy(ActorCriticPolicy):
    """Gaussian actor and critic (asymmetric: Pinto et al. 2018) that read features by name.

    Args:
        observation_space: As the environment's.
        action_space: As the environment's.
        lr_schedule: Learning rate over progress.
        interface: What the vectors hold. The actor reads group ``deployable``, the critic all.
        hidden: Widths of the actor's hidden layers.
        critic_hidden: Widths of the critic's.
        activation: ``elu``, ``relu`` or ``tanh``.
        exploration: Standard deviation of the first actions.
        **kwargs: Passed to Stable-Baselines3.
    """

    mlp_extractor: Trunks  # type: ignore[assignment]
    action_net: nn.Linear
    log_std: nn.Parameter
    value_net: nn.Linear

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        interface: Interface,
        hidden: Sequence[int] = (128, 128),
        critic_hidden: Sequence[int] = (128, 128),
        activation: str = "elu",
        exploration: float = 0.5,
        **kwargs: Any,
    ) -> None:
        self.interface = interface
        self.hidden, self.critic_hidden = tuple(hidden), tuple(critic_hidden)
        self.activation = activation
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            ortho_init=False,
            log_std_init=math.log(exploration),
            **kwargs,
        )

    def _build_mlp_extractor(self) -> None:
        interface = self.interface
        deployable = interface.group("deployable")
        self.mlp_extractor = Trunks(
            Trunk(interface, deployable, self.hidden, self.activation),
            Trunk(interface, interface.observation, self.critic_hidden, self.activation),
        )

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        # A small last layer: the first actions stay near the middle (Andrychowicz et al. 2021).
        with torch.no_grad():
            self.action_net.weight.mul_(0.01)
            self.action_net.bias.zero_()
        # Groups, so that the critic may learn at a rate of its own.
        halves = [{"params": half} for half in (self.actor_parameters(), self.critic_parameters())]
        self.optimizer = torch.optim.Adam(
            halves, lr=lr_schedule(1), fused=True, **self.optimizer_kwargs
        )

    def mean_action(self, observation: Tensor) -> Tensor:
        """The deterministic action ``(n, actions)``, before clipping."""
        mean: Tensor = self.action_net(self.mlp_extractor.actor(observation))
        return mean

    def readings(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """What actor and critic read, normalized, of observations ``(n, entries)``."""
        trunks = self.mlp_extractor
        return trunks.actor.normalizer(observation), trunks.critic.normalizer(observation)

    def judge(self, readings: tuple[Tensor, Tensor], actions: Tensor) -> tuple[Tensor, Tensor]:
        """Values of states and log-probabilities of actions, each ``(n,)``.

        Args:
            readings: See `readings`.
            actions: ``(n, actions)``, before clipping.
        """
        acting, judging = readings
        mean = self.action_net(self.mlp_extractor.actor.layers(acting))
        values: Tensor = self.value_net(self.mlp_extractor.critic.layers(judging))
        spread = ((actions - mean) * torch.exp(-self.log_std)).square().sum(dim=1)
        log_prob = -0.5 * spread - (self.log_std + HALF_LOG_TAU).sum()
        return values.flatten(), log_prob

    def entropy(self) -> Tensor:
        """Of the distribution of actions, in any state."""
        return (self.log_std + HALF_LOG_TAU + 0.5).sum()

    def named_tensors(self) -> dict[str, Tensor]:
        """All tensors under the names that a bundle gives them."""
        parts = {
            "actor.trunk": self.mlp_extractor.actor,
            "actor.head": self.action_net,
            "critic.trunk": self.mlp_extractor.critic,
            "critic.head": self.value_net,
        }
        tensors = {
            f"{part}.{k}": v
            for part, module in parts.items()
            for k, v in module.state_dict().items()
        }
        tensors["log_std"] = self.log_std
        return tensors

    def actor_parameters(self) -> list[nn.Parameter]:
        """What decides on actions."""
        return [*self.mlp_extractor.actor.parameters(), *self.action_net.parameters(), self.log_std]

    def critic_parameters(self) -> list[nn.Parameter]:
        """What judges states."""
        return [*self.mlp_extractor.critic.parameters(), *self.value_net.parameters()]
