"""Several environments stepped as one, in the shape that Stable-Baselines3 expects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvObs, VecEnvStepReturn

from envs.environment import Environment


class Worlds(VecEnv):
    """Environments in this process, each with a seed of its own.

    Args:
        make: Makes one environment.
        seeds: One for each world; a world's episodes depend on nothing else.
    """

    def __init__(self, make: Callable[[], Environment], seeds: Sequence[int]) -> None:
        self.worlds = [make() for _ in seeds]
        first = self.worlds[0]
        super().__init__(len(self.worlds), first.observation_space, first.action_space)
        self._seeds = list(seeds)
        shape = (self.num_envs, *(first.observation_space.shape or ()))
        self._observations: NDArray[np.float32] = np.zeros(shape, dtype=np.float32)
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, dtype=int)

    def begin(self, seeds: Sequence[int]) -> None:
        """Let the next reset seed every world anew, as if it had just been made."""
        self._seeds = list(seeds)

    def reset(self) -> VecEnvObs:
        """Begin an episode in every world; only the first reset after `begin` seeds it."""
        for i, world in enumerate(self.worlds):
            self._observations[i], self.reset_infos[i] = world.reset(seed=self._seeds[i])
            self._seeds[i] = None
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return self._observations.copy()

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Take note of ``actions``, shape ``(worlds, actions)``."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step every world; one whose episode ended begins the next."""
        rewards = np.zeros(self.num_envs, dtype=np.float32)
        dones = np.zeros(self.num_envs, dtype=bool)
        infos: list[dict[str, Any]] = []
        for i, world in enumerate(self.worlds):
            observation, reward, terminated, truncated, info = world.step(self._actions[i])
            rewards[i] = reward
            self._returns[i] += reward
            self._lengths[i] += 1
            if terminated or truncated:
                dones[i] = True
                info["terminal_observation"] = observation
                info["TimeLimit.truncated"] = truncated and not terminated
                info["episode"] = {"r": float(self._returns[i]), "l": int(self._lengths[i])}
                self._returns[i], self._lengths[i] = 0.0, 0
                observation, self.reset_infos[i] = world.reset()
            self._observations[i] = observation
            infos.append(info)
        return self._observations.copy(), rewards, dones, infos

    def close(self) -> None:
        """Free every world."""
        for world in self.worlds:
            world.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of each world."""
        return [getattr(self.worlds[i], attr_name) for i in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute in each world."""
        for i in self._get_indices(indices):
            setattr(self.worlds[i], attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of each world."""
        chosen = [self.worlds[i] for i in self._get_indices(indices)]
        return [getattr(world, method_name)(*method_args, **method_kwargs) for world in chosen]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No world is wrapped."""
        return [False for _ in self._get_indices(indices)]
