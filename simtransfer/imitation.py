"""Learning from a teacher's answers while training: the loss, and who drives."""

from __future__ import annotations

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn
from torch import Tensor

from agents.actor import Act
from agents.course import Array, Draw
from agents.policy import NamedPolicy
from agents.worlds import Runs, Step, Worlds

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

    def see(self, observations: Array) -> None:
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


class Driven:
    """A `Draw` in whose first worlds a teacher's actions are done.

    Args:
        draw: Whose are done in the others.
        teacher: Answers in the student's actions.
        count: In how many worlds the teacher drives.
    """

    def __init__(self, draw: Draw, teacher: Act, count: int) -> None:
        self._draw, self._teacher, self._count = draw, teacher, count

    def __call__(self, observations: Array, noise: Array) -> tuple[Array, Array]:
        """See `Draw`."""
        drawn, done = self._draw(observations, noise)
        if self._count:
            done[: self._count] = self._teacher(observations)[: self._count]
        return drawn, done


class TeacherDrives(VecEnvWrapper, Runs):
    """Lets a teacher act in the first ``share`` of the worlds, and shows `Imitation` all states.

    Args:
        worlds: Environments.
        teacher: Answers in the student's actions.
        imitation: What learns from the states.
    """

    def __init__(self, worlds: Worlds, teacher: Act, imitation: Imitation) -> None:
        super().__init__(worlds)
        self._worlds = worlds
        self._teacher, self._imitation = teacher, imitation
        self.share = 0.0
        self._seen: list[Array] = []

    def reset(self) -> VecEnvObs:
        """Begin an episode in every world."""
        return self.venv.reset()

    @property
    def count(self) -> int:
        """In how many worlds the teacher drives."""
        return round(self.share * self.num_envs)

    def step_wait(self) -> VecEnvStepReturn:
        """Step as the student says."""
        return self.venv.step_wait()

    def run(self, draw: Draw, noise: Array) -> list[Step]:
        """Run the worlds, the first ones as the teacher says, and remember where they were."""
        steps = self._worlds.run(Driven(draw, self._teacher, self.count), noise)
        self._seen += [step.seen for step in steps]
        return steps

    def show(self) -> None:
        """Give the states since the last call to `Imitation`."""
        if self._seen:
            self._imitation.see(np.concatenate(self._seen))
            self._seen.clear()
