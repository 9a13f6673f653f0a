"""A group of worlds in the shape that Stable-Baselines3 expects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvObs, VecEnvStepReturn

from agents.course import Array, Draw, Ending
from agents.group import Group
from envs.interface import Interface


class Step(NamedTuple):
    """One of all worlds, as `stable_baselines3.common.vec_env.VecEnv.step` tells of it.

    Attributes:
        seen: Observations before it, ``(worlds, entries)``.
        drawn: Actions as they were drawn, ``(worlds, actions)``.
        after: Observations after it.
        rewards: ``(worlds,)``.
        ended: Whether it ended an episode, ``(worlds,)``.
        infos: What each world says.
    """

    seen: Array
    drawn: Array
    after: Array
    rewards: Array
    ended: NDArray[np.bool_]
    infos: list[dict[str, Any]]


class Runs(ABC):
    """A `VecEnv` whose worlds can run on by themselves, each as fast as it can."""

    @abstractmethod
    def run(self, draw: Draw, noise: Array) -> list[Step]:
        """Step all worlds as a policy says.

        Args:
            draw: The policy; must survive pickling if worlds are in other processes.
            noise: What it is given in each step, ``(steps, worlds, actions)``.

        Returns:
            What each step would have given.
        """


class Worlds(VecEnv, Runs):
    """Environments, each with a seed of its own.

    Args:
        group: Where they are stepped.
        seeds: One for each world; a world's episodes depend on nothing else.
        on_episode: Told the world and what it says at an episode's end.
    """

    def __init__(
        self,
        group: Group,
        seeds: Sequence[int] | None = None,
        on_episode: Callable[[int, Mapping[str, Any]], None] = lambda world, info: None,
    ) -> None:
        self.group, self._on_episode = group, on_episode
        super().__init__(group.count, group.spaces.observation, group.spaces.action)
        self._seeds: list[int | None] = list(range(group.count) if seeds is None else seeds)
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, dtype=int)

    @property
    def interface(self) -> Interface:
        """What every observation and action entry is."""
        return self.group.spaces.interface

    def begin(self, seeds: Sequence[int]) -> None:
        """Let the next reset seed every world anew, as if it had just been made."""
        self._seeds = list(seeds)

    def reset(self) -> VecEnvObs:
        """Begin an episode in every world; only the first reset after `begin` seeds it."""
        self.group.reset({i: {"seed": seed} for i, seed in enumerate(self._seeds)})
        self._seeds = [None] * self.num_envs
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return self.group.arrays.observations.copy()

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Take note of ``actions``, shape ``(worlds, actions)``."""
        self.group.arrays.actions[:] = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step every world; one whose episode ended begins the next."""
        arrays = self.group.arrays
        endings = {
            i: Ending(info, arrays.last[i].copy(), bool(arrays.truncated[i]))
            for i, info in self.group.step(renew=True).items()
        }
        infos = self._tell(arrays.rewards, endings)
        rewards = arrays.rewards.astype(np.float32)
        return arrays.observations.copy(), rewards, arrays.ended.copy(), infos

    def run(self, draw: Draw, noise: Array) -> list[Step]:
        """See `Runs.run`."""
        course, arrays = self.group.run(draw, noise), self.group.arrays
        after = [*course.observations[1:], arrays.observations.copy()]
        endings: dict[int, dict[int, Ending]] = defaultdict(dict)
        for (step, world), ending in course.endings.items():
            endings[step][world] = ending
        return [
            Step(
                course.observations[step],
                course.drawn[step],
                after[step],
                course.rewards[step].astype(np.float32),
                course.ended[step],
                self._tell(course.rewards[step], endings[step]),
            )
            for step in range(len(noise))
        ]

    def _tell(
        self, rewards: NDArray[np.float64], endings: Mapping[int, Ending]
    ) -> list[dict[str, Any]]:
        """What Stable-Baselines3 is told of each world after a step."""
        self._returns += rewards
        self._lengths += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i, ending in sorted(endings.items()):
            self._on_episode(i, ending.info)
            infos[i] = {
                **ending.info,
                "terminal_observation": ending.last,
                "TimeLimit.truncated": ending.truncated,
                "episode": {"r": float(self._returns[i]), "l": int(self._lengths[i])},
            }
            self._returns[i], self._lengths[i] = 0.0, 0
        return infos

    def close(self) -> None:
        """Free every world."""
        self.group.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of each world."""
        return [self.group.get(attr_name, i) for i in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute in each world."""
        for i in self._get_indices(indices):
            self.group.set(attr_name, i, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of each world."""
        chosen = self._get_indices(indices)
        return [self.group.call(method_name, i, *method_args, **method_kwargs) for i in chosen]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No world is wrapped."""
        return [False for _ in self._get_indices(indices)]
