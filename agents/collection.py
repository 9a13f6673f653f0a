"""Rollouts of which only acting happens step by step: what is judged is judged all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer
from torch import Tensor

from agents.course import Array
from agents.policy import NamedPolicy


class Explorer:
    """Draws actions about a policy's mean, in whichever process; a `agents.course.Draw`.

    Args:
        policy: What it is now counts where this is sent to another process.

    Attributes:
        deviation: Of the noise, ``(actions,)``.
    """

    def __init__(self, policy: NamedPolicy) -> None:
        self._trunk, self._head = policy.mlp_extractor.actor, policy.action_net
        self.deviation = policy.log_std.detach().exp()

    @torch.no_grad()
    def __call__(self, observations: Array, noise: Array) -> tuple[Array, Array]:
        """Actions as they are drawn, and as they are done: clipped."""
        mean: Tensor = self._head(self._trunk(torch.from_numpy(observations)))
        drawn: Array = (mean + torch.from_numpy(noise) * self.deviation).numpy()
        return drawn, np.clip(drawn, -1.0, 1.0)


class Collection:
    """A rollout that is being collected into a buffer.

    While worlds wait for actions, the actor alone is asked. What the critic says of all states, and
    how probable the actions were, is computed at the end in one batch, which takes a fraction of
    the time that it takes in many.

    Args:
        policy: Who acts.
        buffer: Where steps go; all that it held is dropped.

    Attributes:
        explorer: What acts.
        sound: Which steps are to be learned from, ``(steps, worlds)``: all but those in which the
            physics diverged.
    """

    def __init__(self, policy: NamedPolicy, buffer: RolloutBuffer) -> None:
        buffer.reset()
        self._policy, self._buffer = policy, buffer
        self.explorer = Explorer(policy)
        self.sound = np.ones((buffer.buffer_size, buffer.n_envs), dtype=np.bool_)
        self._cut: list[tuple[int, int, Array]] = []

    @property
    def full(self) -> bool:
        """Whether nothing more fits in."""
        return bool(self._buffer.full)

    def noise(self, worlds: int) -> Array:
        """Standard normal noise of a step's actions, ``(worlds, actions)``.

        It comes from torch's global generator, as that of Stable-Baselines3 does.
        """
        return torch.randn(worlds, len(self.explorer.deviation)).numpy()

    def add(
        self,
        observations: Array,
        actions: Array,
        rewards: Array,
        starts: NDArray[np.bool_],
        infos: list[dict[str, Any]],
    ) -> None:
        """Keep a step of every world.

        Args:
            observations: Before it, ``(worlds, entries)``.
            actions: ``(worlds, actions)``.
            rewards: ``(worlds,)``.
            starts: Whether it began an episode, ``(worlds,)``.
            infos: What each world says after it.
        """
        buffer, row = self._buffer, self._buffer.pos
        buffer.observations[row], buffer.actions[row] = observations, actions
        buffer.rewards[row], buffer.episode_starts[row] = rewards, starts
        self.sound[row] = [not info.get("diverged") for info in infos]
        # What comes after an episode that was cut short counts, although nobody saw it.
        self._cut += [
            (row, world, info["terminal_observation"])
            for world, info in enumerate(infos)
            if info.get("TimeLimit.truncated")
        ]
        buffer.pos += 1
        buffer.full = buffer.pos == buffer.buffer_size

    @torch.no_grad()
    def judge(self, observations: Array, ended: NDArray[np.bool_]) -> None:
        """Fill in values, probabilities, advantages and returns.

        Args:
            observations: After the last step, ``(worlds, entries)``.
            ended: Whether the last step ended an episode, ``(worlds,)``.
        """
        policy, buffer = self._policy, self._buffer
        seen, done = _rows(buffer.observations), _rows(buffer.actions)
        values, log_prob = policy.judge(policy.readings(seen), done)
        buffer.values[:] = values.numpy().reshape(buffer.values.shape)
        buffer.log_probs[:] = log_prob.numpy().reshape(buffer.log_probs.shape)
        if self._cut:
            rows, worlds, last = zip(*self._cut, strict=True)
            after = policy.predict_values(torch.from_numpy(np.stack(last))).numpy().ravel()
            buffer.rewards[list(rows), list(worlds)] += buffer.gamma * after
        # A step in which the physics diverged is left out of the loss. Its return is the critic's
        # value, so that the step before it bootstraps from that value, as at a time limit.
        buffer.rewards[~self.sound] = buffer.values[~self.sound]
        following = policy.predict_values(torch.from_numpy(observations))
        buffer.compute_returns_and_advantage(following, ended)


def _rows(steps: Array) -> Tensor:
    """Steps of worlds ``(steps, worlds, entries)`` one after another."""
    return torch.from_numpy(steps.reshape(-1, steps.shape[-1]))
