"""Proximal policy optimization (Schulman et al. 2017) with room for a second teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from agents.collection import Collection
from agents.policy import NamedPolicy
from agents.samples import Samples, flat, minibatches, reflected
from agents.symmetry import Symmetry
from agents.worlds import Runs, Step
from envs.mirror import Mirror


class PPO(stable_baselines3.PPO):
    """Stable-Baselines3's PPO whose normalizer lives in the policy and whose loss can be extended.

    Attributes:
        budget: Steps over which Stable-Baselines3's schedules run, however long the training is
            and however often it is resumed; 0 for those of the current call of ``learn``.
        actor_weight: Weight of the actor's part of the loss; 0 trains the critic alone.
        auxiliary: An extra loss of the policy, given a minibatch of observations ``(n, entries)``.
        updated: Called after each update.
        mirror: How vectors look in a mirror, in a world that is the same there; None where it is
            not, or is to be taken as if it were not.
        symmetry: Of networks that are the same there too.
        critic_first: Steps at the start of the training in which the critic alone learns.
        critic_rate: Of the critic's learning, in the actor's.
        warm_up: Steps, from then on, over which the actor's learning rate rises to what it is.
    """

    policy: NamedPolicy

    def __init__(
        self,
        *args: Any,
        budget: int = 0,
        critic_first: int = 0,
        critic_rate: float = 1.0,
        warm_up: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.budget = budget
        self.critic_first = critic_first
        self.critic_rate = critic_rate
        self.warm_up = warm_up
        self.actor_weight = 1.0
        self.mirror: Mirror | None = None
        self.symmetry: Symmetry | None = None
        self.auxiliary: Callable[[Tensor], Tensor] | None = None
        self.updated: Callable[[], None] | None = None
        self._sound = np.ones((self.n_steps, self.n_envs), dtype=np.bool_)

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        total = self.budget or total_timesteps
        self._current_progress_remaining = max(0.0, 1.0 - num_timesteps / total)

    def _update_learning_rate(self, optimizers: list[Optimizer] | Optimizer) -> None:
        super()._update_learning_rate(optimizers)
        actor, critic = self.policy.optimizer.param_groups
        critic["lr"] *= self.critic_rate
        if self.warm_up:
            learning = max(self.num_timesteps - self.critic_first, 0)
            actor["lr"] *= min(learning / self.warm_up, 1.0)

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        """Fill the buffer; False if the callback stops it before. See `agents.collection`."""
        del n_rollout_steps  # as many as the buffer holds
        self.policy.set_training_mode(False)
        rollout = Collection(self.policy, rollout_buffer)
        callback.on_rollout_start()
        starts = cast(Any, self._last_episode_starts)
        for seen, actions, _, rewards, ended, infos in self._steps(env, rollout):
            self.num_timesteps += env.num_envs
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            self._update_info_buffer(infos, ended)
            rollout.add(seen, actions, rewards, starts, infos)
            starts = ended
        rollout.judge(cast(Any, self._last_obs), starts)
        self._sound = rollout.sound
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _steps(self, env: VecEnv, rollout: Collection) -> Iterator[Step]:
        """As many as the buffer holds."""
        throws = range(self.n_steps)
        if isinstance(env, Runs):
            noise = np.stack([rollout.noise(env.num_envs) for _ in throws])
            steps = env.run(rollout.explorer, noise)
            self._last_obs, self._last_episode_starts = steps[-1].after, steps[-1].ended
            yield from steps
            return
        for _ in throws:
            seen = cast(Any, self._last_obs)
            drawn, done = rollout.explorer(seen, rollout.noise(env.num_envs))
            after, rewards, ended, infos = cast(Any, env.step(done))
            self._last_obs, self._last_episode_starts = after, ended
            yield Step(seen, drawn, after, rewards, ended, infos)

    def train(self) -> None:
        """One update: several epochs over the rollout, but for steps whose physics diverged."""
        policy = self.policy
        policy.set_training_mode(True)
        self._update_learning_rate(policy.optimizer)
        actor_weight = self.actor_weight if self.num_timesteps > self.critic_first else 0.0
        clip = self.clip_range(self._current_progress_remaining)  # type: ignore[operator]
        record: dict[str, list[float]] = {}
        # Clipped apart: returns are larger than log-probabilities and would drown their gradient.
        halves = policy.actor_parameters(), policy.critic_parameters()
        seen = flat(self.rollout_buffer, self.rollout_buffer.observations)
        samples = Samples.of(self.rollout_buffer, policy.readings(seen))
        if not self._sound.all():
            rows = flat(self.rollout_buffer, self._sound).flatten()
            seen, samples = seen[rows], samples.take(rows)
        if not len(samples):
            return
        spread = float(samples.returns.var())
        for _ in range(self.n_epochs):
            divergence = []
            for rows in minibatches(len(samples), self.batch_size):
                batch = samples.take(rows)
                values, log_prob = policy.judge((batch.acting, batch.judging), batch.actions)
                value_loss = functional.mse_loss(batch.returns, values)
                loss = self.vf_coef * value_loss
                record.setdefault("value_loss", []).append(value_loss.item())
                if actor_weight > 0.0:
                    advantages = batch.advantages
                    if len(rows) > 1:  # one has no deviation
                        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
                    log_ratio = log_prob - batch.log_prob
                    ratio = log_ratio.exp()
                    clipped = ratio.clamp(1.0 - clip, 1.0 + clip)
                    gain = torch.min(advantages * ratio, advantages * clipped).mean()
                    loss = loss - actor_weight * (gain + self.ent_coef * policy.entropy())
                    with torch.no_grad():
                        divergence.append(((ratio - 1.0) - log_ratio).mean().item())
                if self.auxiliary is not None:
                    extra = self.auxiliary(seen[rows])
                    record.setdefault("auxiliary_loss", []).append(extra.item())
                    loss = loss + extra
                policy.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                if self.symmetry:
                    self.symmetry.of_gradients()
                for half in halves:
                    torch.nn.utils.clip_grad_norm_(half, self.max_grad_norm)
                policy.optimizer.step()
            self._n_updates += 1
            record.setdefault("kl", []).extend(divergence)
            if self.target_kl is not None and divergence and np.mean(divergence) > self.target_kl:
                break
        if spread > 0.0:
            record["explained_variance"] = [1.0 - float(np.mean(record["value_loss"])) / spread]
        for name, entries in record.items():
            if entries:
                self.logger.record(f"train/{name}", float(np.mean(entries)))
        # Statistics move between an update and the next rollout, so that within one update the old
        # and the new policy read the same inputs.
        if self.mirror:
            seen = torch.cat([seen, reflected(seen, self.mirror.observation)])
        for trunk in (policy.mlp_extractor.actor, policy.mlp_extractor.critic):
            trunk.normalizer.adapt(seen)
        if self.updated is not None:
            self.updated()
        self.logger.record("train/std", policy.log_std.exp().mean().item())
