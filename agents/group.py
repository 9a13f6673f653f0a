"""Worlds that are stepped together: what they hand over lies in arrays, wherever they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

from agents.course import Array, Course, Draw, Ending
from envs.environment import Environment
from envs.interface import Interface
from envs.mirror import Mirror

Make = Callable[[], Environment]
Layout = dict[str, tuple[tuple[int, ...], type[np.generic]]]  # shape and type of each array
Infos = dict[int, dict[str, Any]]  # of the worlds whose episode ended, by place in the group


@dataclass(frozen=True)
class Arrays:
    """A row for each world.

    Attributes:
        actions: To be done next, ``(worlds, actions)``.
        running: Which worlds are stepped, ``(worlds,)``.
        observations: The present ones, ``(worlds, entries)``.
        last: Where an episode has just ended: its last observation.
        rewards: Of the last step, ``(worlds,)``.
        ended: Whether the last step ended an episode, ``(worlds,)``.
        truncated: Whether it ended it without meaning anything, ``(worlds,)``.
    """

    actions: NDArray[np.float32]
    running: NDArray[np.bool_]
    observations: NDArray[np.float32]
    last: NDArray[np.float32]
    rewards: NDArray[np.float64]
    ended: NDArray[np.bool_]
    truncated: NDArray[np.bool_]

    @staticmethod
    def of(arrays: Mapping[str, Any]) -> Arrays:
        """Made of arrays by name."""
        return Arrays(**arrays)

    def part(self, rows: slice) -> Arrays:
        """Some of the worlds' rows, in the same memory."""
        return Arrays(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Spaces:
    """What every world of a group takes and gives.

    Attributes:
        interface: What its entries are.
        observation: Gymnasium's space.
        action: Gymnasium's space.
        mirror: How vectors look with left and right swapped, where that changes nothing else.
    """

    interface: Interface
    observation: gymnasium.Space[Any]
    action: gymnasium.Space[Any]
    mirror: Mirror | None

    @staticmethod
    def of(world: Environment) -> Spaces:
        """An environment's."""
        return Spaces(world.interface, world.observation_space, world.action_space, world.mirror)

    def layout(self, count: int) -> Layout:
        """Shape and type of each of `Arrays` for ``count`` worlds."""
        entries, actions = len(self.interface.observation), len(self.interface.action)
        return {
            "actions": ((count, actions), np.float32),
            "running": ((count,), np.bool_),
            "observations": ((count, entries), np.float32),
            "last": ((count, entries), np.float32),
            "rewards": ((count,), np.float64),
            "ended": ((count,), np.bool_),
            "truncated": ((count,), np.bool_),
        }


class Group(Protocol):
    """Worlds that are stepped together.

    Attributes:
        count: How many.
        spaces: What each takes and gives.
        arrays: What they last did, and what they are to do.
    """

    count: int
    spaces: Spaces
    arrays: Arrays

    def reset(self, orders: Mapping[int, Mapping[str, Any]]) -> None:
        """Begin an episode in some worlds, which then are running.

        Args:
            orders: By world, the arguments of `Environment.reset`.
        """

    def step(self, renew: bool) -> Infos:
        """Step the running worlds by ``arrays.actions``.

        Args:
            renew: Whether a world whose episode ended begins the next, or rests.
        """

    def run(self, draw: Draw, noise: Array, first: int = 0) -> Course:
        """Step all worlds as a policy says; one whose episode ended begins the next.

        Args:
            draw: The policy; must survive pickling if there are other processes.
            noise: What it is given in each step, ``(steps, worlds, actions)``, also for worlds
                elsewhere.
            first: The place of this group's first world among all.
        """

    def get(self, name: str, world: int) -> Any:
        """An attribute of one world."""

    def set(self, name: str, world: int, value: Any) -> None:
        """Set an attribute of one world."""

    def call(self, method: str, world: int, *arguments: Any, **named: Any) -> Any:
        """What a method of one world gives."""

    def close(self) -> None:
        """Free every world."""


class LocalGroup:
    """Worlds in this process.

    Args:
        make: Makes one.
        count: How many.
        arrays: Where to put what they do. Default: memory of its own.
    """

    def __init__(self, make: Make, count: int, arrays: Arrays | None = None) -> None:
        self.worlds = [make() for _ in range(count)]
        self.count = count
        self.spaces = Spaces.of(self.worlds[0])
        layout = self.spaces.layout(count)
        own = {name: np.zeros(shape, dtype=kind) for name, (shape, kind) in layout.items()}
        self.arrays = arrays or Arrays.of(own)

    def reset(self, orders: Mapping[int, Mapping[str, Any]]) -> None:
        """See `Group.reset`."""
        for i, arguments in orders.items():
            self.arrays.observations[i], _ = self.worlds[i].reset(**arguments)
            self.arrays.running[i] = True

    def step(self, renew: bool) -> Infos:
        """See `Group.step`."""
        arrays, infos = self.arrays, {}
        for i in np.flatnonzero(arrays.running).tolist():
            world = self.worlds[i]
            observation, reward, terminated, truncated, info = world.step(arrays.actions[i])
            arrays.rewards[i] = reward
            arrays.ended[i] = terminated or truncated
            if terminated or truncated:
                arrays.truncated[i] = truncated and not terminated
                arrays.last[i] = observation
                arrays.running[i] = renew
                infos[i] = info
                if renew:
                    observation, _ = world.reset()
            arrays.observations[i] = observation
        return infos

    def run(self, draw: Draw, noise: Array, first: int = 0) -> Course:
        """See `Group.run`."""
        arrays, rows = self.arrays, slice(first, first + self.count)
        steps, everyone, _ = noise.shape
        # The whole batch in each process: a matrix product's rounding depends on its size.
        seen = np.zeros((everyone, *arrays.observations.shape[1:]), dtype=np.float32)
        observations = np.empty((steps, *arrays.observations.shape), dtype=np.float32)
        drawn = np.empty((steps, *arrays.actions.shape), dtype=np.float32)
        rewards = np.empty((steps, self.count))
        ended = np.empty((steps, self.count), dtype=np.bool_)
        endings: dict[tuple[int, int], Ending] = {}
        for step, thrown in enumerate(noise):
            observations[step] = seen[rows] = arrays.observations
            actions, done = draw(seen, thrown)
            drawn[step], arrays.actions[:] = actions[rows], done[rows]
            for i, info in self.step(renew=True).items():
                last, truncated = arrays.last[i].copy(), bool(arrays.truncated[i])
                endings[step, first + i] = Ending(info, last, truncated)
            rewards[step], ended[step] = arrays.rewards, arrays.ended
        return Course(observations, drawn, rewards, ended, endings)

    def get(self, name: str, world: int) -> Any:
        """See `Group.get`."""
        return getattr(self.worlds[world], name)

    def set(self, name: str, world: int, value: Any) -> None:
        """See `Group.set`."""
        setattr(self.worlds[world], name, value)

    def call(self, method: str, world: int, *arguments: Any, **named: Any) -> Any:
        """See `Group.call`."""
        return getattr(self.worlds[world], method)(*arguments, **named)

    def close(self) -> None:
        """See `Group.close`."""
        for world in self.worlds:
            world.close()


def shares(count: int, workers: int) -> Sequence[slice]:
    """``count`` rows divided among ``workers`` as evenly as can be; none gets nothing."""
    workers = max(1, min(count, workers))
    ends = [count * k // workers for k in range(workers + 1)]
    return [slice(first, last) for first, last in pairwise(ends)]
