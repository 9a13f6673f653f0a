"""A log's commands given again to simulated robots, each with parameters of its own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import numpy as np
from numpy.typing import NDArray

from agents.answers import answer, opened, told
from agents.processes import end_with_parent, forkserver, start_process
from envs.rig import Rig
from envs.robot import Robot

Commands = Sequence[NDArray[np.float64]]  # of each episode, ``(steps, actuators)``
Order = tuple[Mapping[str, float], Sequence[int]]  # parameters, and words for a generator
Replays = Callable[[Sequence[Mapping[str, float]], int], Iterator[NDArray[np.float32]]]

PORTION = 10  # replays by one world: making it takes as long as one of them


class Replay:
    """Commands, and a robot to give them to.

    Args:
        robot: Who.
        commands: Of each episode.
        simulator: The engine's name.
    """

    def __init__(self, robot: Robot, commands: Commands, simulator: str = "pybullet") -> None:
        self._rig = Rig(robot, simulator)
        roles = [actuator.role for actuator in robot.actuators]
        self._told = [
            [dict(zip(roles, row, strict=True)) for row in part.tolist()] for part in commands
        ]

    def play(self, values: Mapping[str, float], seed: Sequence[int]) -> NDArray[np.float32]:
        """What would be read but for noise, all episodes one after another, ``(steps, channels)``.

        Args:
            values: Of parameters.
            seed: Words for the errors of joints' zeros.
        """
        rng = np.random.default_rng(list(seed))
        state = rng.bit_generator.state
        parts = []
        for targets in self._told:
            rng.bit_generator.state = state  # one robot, whose zeros stay where they are
            parts.append(self._rig.play(targets, values, rng))
        # What the engine lost its grip on is as far off as can be.
        return np.nan_to_num(np.concatenate(parts), nan=1e9).astype(np.float32)

    def close(self) -> None:
        """Free the world."""
        self._rig.close()


@contextmanager
def replaying(
    robot: Robot, commands: Commands, workers: int, simulator: str = "pybullet"
) -> Iterator[Replays]:
    """What replays commands with many sets of parameters, in ``workers`` processes.

    What it yields takes the sets and a seed, and gives `Replay.play` of each, in order; results do
    not depend on how many processes there are.
    """
    if workers == 1:
        play = partial(_play, robot, commands, simulator)
        yield lambda sets, seed: chain.from_iterable(map(play, _portions(sets, seed)))
        return
    context = forkserver("envs.bullet", "envs.catalogue")
    processes: list[BaseProcess] = []
    pipes: list[Connection] = []
    try:
        for _ in range(workers):
            ours, theirs = context.Pipe()
            processes.append(start_process(context, _serve, theirs, robot, commands, simulator))
            pipes.append(ours)
            theirs.close()
        yield lambda sets, seed: chain.from_iterable(_in_order(pipes, _portions(sets, seed)))
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.kill()
            process.join()


def _in_order(
    pipes: Sequence[Connection], portions: Sequence[list[Order]]
) -> Iterator[list[NDArray[np.float32]]]:
    """What worker processes make of each portion, in the order of the portions.

    Raises:
        RuntimeError: If a worker died. It is not replaced: what killed it may kill every other.
    """
    idle, waiting = list(pipes), iter(enumerate(portions))
    working: dict[Connection, int] = {}
    found: dict[int, list[NDArray[np.float32]]] = {}
    for wanted in range(len(portions)):
        while wanted not in found:
            with told():
                while idle and (following := next(waiting, None)):
                    pipe = idle.pop()
                    working[pipe], portion = following
                    pipe.send(portion)
                answers = {pipe: pipe.recv_bytes() for pipe in _ready(working)}
            for pipe, message in answers.items():
                found[working.pop(pipe)] = opened(message)
                idle.append(pipe)
        yield found.pop(wanted)


def _ready(working: Iterable[Connection]) -> list[Connection]:
    """The pipes at which something has arrived, once there are any."""
    return [pipe for pipe in wait(list(working)) if isinstance(pipe, Connection)]


def _serve(pipe: Connection, robot: Robot, commands: Commands, simulator: str) -> None:
    """A worker process: play each portion that comes until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it ends it
    end_with_parent()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            pipe.send_bytes(answer(_play, robot, commands, simulator, pipe.recv()))


def _portions(sets: Sequence[Mapping[str, float]], seed: int) -> list[list[Order]]:
    orders: list[Order] = [(values, (seed, k)) for k, values in enumerate(sets)]
    return [orders[k : k + PORTION] for k in range(0, len(orders), PORTION)]


def _play(
    robot: Robot, commands: Commands, simulator: str, orders: list[Order]
) -> list[NDArray[np.float32]]:
    replay = Replay(robot, commands, simulator)
    try:
        return [replay.play(*order) for order in orders]
    finally:
        replay.close()
