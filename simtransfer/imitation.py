"""Learning from a teacher's answers while training: the loss, and who drives."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn
from torch import Tensor

from agents.actor import Act
from agents.policy import NamedPolicy

CAPACITY = 200_000  # states that dataset aggregation keeps, the newest


class Imitation:
    """Weighted squared distance between the student's mean action and the teacher's answer.

    Args:
        policy: The student.
        teacher: Answers in the student's actions.
        remember: Whether to learn from all states seen, not just the newest rollout's.
    """

    def __init__(self, policy: NamedPolicy, teacher: Act, *, remember: bool) -> None:
        self._policy, self._teacher, self._remember = policy, teacher, remember
        self.weight = 0.0
        entries, actions = len(policy.interface.observation), len(policy.interface.action)
        self.states = torch.zeros(0, entries)
        self.answers = torch.zeros(0, actions)

    def see(self, observations: NDArray[np.float32]) -> None:
        """Aggregate states ``(n, entries)`` and the teacher's answers to them."""
        if self._remember and len(observations):
            answers = torch.as_tensor(self._teacher(observations))
            states = torch.as_tensor(observations)
            self.states = torch.cat([self.states, states])[-CAPACITY:]
            self.answers = torch.cat([self.answers, answers])[-CAPACITY:]

    def __call__(self, observations: Tensor) -> Tensor:
        """The loss on a minibatch ``(n, entries)``, or on as many remembered states."""
        if self._remember and len(self.states):
            chosen = torch.randint(len(self.states), (len(observations),))
            observations, answers = self.states[chosen], self.answers[chosen]
        else:
            answers = torch.as_tensor(self._teacher(observations.numpy()))
        distance = (self._policy.mean_action(observations) - answers).square().sum(dim=1)
        return self.weight * distance.mean()


class TeacherDrives(VecEnvWrapper):
    """Lets a teacher act in the first ``share`` of the worlds, and shows `Imitation` all states.

    Args:
        worlds: Environments.
        teacher: Answers in the student's actions.
        imitation: What learns from the states.
    """

    def __init__(self, worlds: VecEnv, teacher: Act, imitation: Imitation) -> None:
        super().__init__(worlds)
        self._teacher, self._imitation = teacher, imitation
        self.share = 0.0
        self._seen: list[NDArray[np.float32]] = []
        self._now: NDArray[np.float32] | None = None

    def reset(self) -> VecEnvObs:
        """Begin an episode in every world."""
        self._now = self.venv.reset()  # type: ignore[assignment]
        return self._now  # type: ignore[return-value]

    @property
    def count(self) -> int:
        """In how many worlds the teacher drives."""
        return round(self.share * self.num_envs)

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Step by ``actions``, or the teacher's where it drives."""
        driven = self.count
        if driven and self._now is not None:
            actions = actions.copy()
            actions[:driven] = self._teacher(self._now)[:driven]
        self.venv.step_async(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Wait for the worlds, and remember where they are."""
        if self._now is not None:
            self._seen.append(self._now)
        observations, rewards, dones, infos = self.venv.step_wait()
        self._now = observations  # type: ignore[assignment]
        return observations, rewards, dones, infos

    def show(self) -> None:
        """Give the states since the last call to `Imitation`."""
        if self._seen:
            self._imitation.see(np.concatenate(self._seen))
            self._seen.clear()
