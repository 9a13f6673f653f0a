"""A group of worlds spread over processes, which share its arrays' memory.

PyBullet holds the interpreter while it computes, so threads gain nothing. A step sends each process
a word, steps this one's own share, and waits for answers; observations and actions are not copied.
Which world runs where changes no result.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import select
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from ctypes import c_byte
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from agents.group import Arrays, Group, Infos, Layout, LocalGroup, Make, Spaces, shares

PATIENCE = 5.0  # s that a process gets to end
ATTENTION = 0.003  # s that one looks for a word: to sleep and be woken takes longer than most waits


def workers_for(asked: int | None) -> int:
    """How many processes to use: as many as were asked for, else one for each core.

    Raises:
        ValueError: If fewer than one were asked for.
    """
    if asked is not None and asked < 1:
        raise ValueError(f"workers must be at least 1, got {asked}")
    if asked is None and hasattr(os, "sched_getaffinity"):  # a container may have fewer than are
        return len(os.sched_getaffinity(0))
    return asked or os.cpu_count() or 1


def forkserver(*preload: str) -> ForkServerContext:
    """Makes processes that are forked from a server, and leave Ctrl-C to whoever starts them.

    A terminal sends it to all of them at once; each would tell of it while the first cleans up.

    Args:
        preload: Modules that the server imports once, if it does not run yet.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    resource_tracker.ensure_running()  # which would lift the block
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # as what starts inherits
    try:
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)  # what came meanwhile is heard now
    return context


def end_with_parent() -> None:
    """Let this process end as soon as the one that began it is gone, which may have been killed."""
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def form(make: Make, count: int, workers: int = 1) -> Group:
    """A group of worlds in this process, or in ``workers`` of their own if there are more.

    Args:
        make: Makes one world; must survive pickling where there are processes.
        count: How many worlds.
        workers: How many processes; results do not depend on it.
    """
    return LocalGroup(make, count) if workers == 1 else ProcessGroup(make, count, workers)


class ProcessGroup:
    """Worlds in this process and in others; see `agents.group.Group`.

    The first share is stepped here: this process would only wait, and there is a core for it.

    Args:
        make: Makes one world; must survive pickling.
        count: How many worlds.
        workers: How many processes, this one among them.
    """

    def __init__(self, make: Make, count: int, workers: int) -> None:
        world = make()
        self.count, self.spaces = count, Spaces.of(world)
        world.close()
        layout = self.spaces.layout(count)
        context = forkserver("envs.bullet", "envs.catalogue")
        memory = {
            name: context.RawArray(c_byte, max(math.prod(shape) * np.dtype(kind).itemsize, 1))
            for name, (shape, kind) in layout.items()
        }
        self.arrays = _arrays(memory, layout)
        self._rows = shares(count, workers)
        # Where processes have to share a core, one that looks for a word keeps it from the others.
        self._attention = ATTENTION if len(self._rows) <= workers_for(None) else 0.0
        self._own: LocalGroup | None = None
        self._pipes: list[Connection] = []
        self._processes: list[BaseProcess] = []
        try:
            for rows in self._rows[1:]:
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=_serve,
                    args=(theirs, make, memory, layout, rows, self._attention),
                    daemon=True,
                )
                process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)
            first = self._rows[0]
            self._own = LocalGroup(make, first.stop, self.arrays.part(first))
            for pipe in self._pipes:
                _unwrapped(_hear(pipe))
        except BaseException:
            self.close()
            raise

    def reset(self, orders: Mapping[int, Mapping[str, Any]]) -> None:
        """See `Group.reset`."""
        parts = [
            {i - rows.start: orders[i] for i in range(rows.start, rows.stop) if i in orders}
            for rows in self._rows
        ]
        self._all("reset", [(part,) for part in parts])

    def step(self, renew: bool) -> Infos:
        """See `Group.step`."""
        answers = self._all("step", [(renew,)] * len(self._rows))
        return {
            rows.start + i: info
            for rows, infos in zip(self._rows, answers, strict=True)
            for i, info in infos.items()
        }

    def get(self, name: str, world: int) -> Any:
        """See `Group.get`."""
        return self._ask(world, "get", name)

    def set(self, name: str, world: int, value: Any) -> None:
        """See `Group.set`."""
        self._ask(world, "set", name, value=value)

    def call(self, method: str, world: int, *arguments: Any, **named: Any) -> Any:
        """See `Group.call`."""
        return self._ask(world, "call", method, *arguments, **named)

    def _ask(self, world: int, method: str, name: str, *arguments: Any, **named: Any) -> Any:
        world = range(self.count)[world]
        k = next(k for k, rows in enumerate(self._rows) if world < rows.stop)
        place = world - self._rows[k].start
        if k == 0:
            return getattr(self._own, method)(name, place, *arguments, **named)
        pipe = self._pipes[k - 1]
        _tell(pipe, method, (name, place, *arguments), named)
        return _unwrapped(_hear(pipe))

    def _all(self, method: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
        """What each share gives; of their errors the first, after all have answered."""
        own, *others = arguments
        try:
            for pipe, each in zip(self._pipes, others, strict=True):
                _tell(pipe, method, each, {})
            try:
                first = getattr(self._own, method)(*own)
            finally:
                answers = [_hear(pipe, self._attention) for pipe in self._pipes]
        except KeyboardInterrupt:
            self.close()  # an answer that nobody heard would be taken for the next one
            raise
        return [first, *(_unwrapped(answer) for answer in answers)]

    def close(self) -> None:
        """See `Group.close`."""
        if self._own:
            self._own.close()
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(PATIENCE)
            if process.is_alive():
                process.kill()
                process.join()


def _arrays(memory: Mapping[str, Any], layout: Layout) -> Arrays:
    """The arrays that lie in a piece of memory each."""
    return Arrays.of(
        {
            name: np.frombuffer(memory[name], dtype=kind, count=math.prod(shape)).reshape(shape)
            for name, (shape, kind) in layout.items()
        }
    )


def _tell(pipe: Connection, *message: Any) -> None:
    with _told():
        pipe.send(message)


def _await(pipe: Connection, seconds: float) -> None:
    """Look for a word for so long without sleeping."""
    if seconds > 0.0:
        looking, until = select.poll(), time.perf_counter() + seconds
        looking.register(pipe, select.POLLIN)
        while not looking.poll(0) and time.perf_counter() < until:
            pass


def _hear(pipe: Connection, attention: float = 0.0) -> tuple[Exception | None, str, Any]:
    with _told():
        _await(pipe, attention)
        answer: tuple[Exception | None, str, Any] = pipe.recv()
    return answer


def _unwrapped(answer: tuple[Exception | None, str, Any]) -> Any:
    error, where, given = answer
    if error is not None:
        raise error from RuntimeError(where)
    return given


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        raise RuntimeError(
            "a process that steps worlds died: for want of memory, or because the script that "
            "started it lacks its `if __name__ == '__main__':`"
        ) from None


def _serve(
    pipe: Connection,
    make: Make,
    memory: Mapping[str, Any],
    layout: Layout,
    rows: slice,
    attention: float,
) -> None:
    """A process's life: do what it is told until nobody is there to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it will end it
    group: Group | None = None

    def build() -> None:
        nonlocal group
        group = LocalGroup(make, rows.stop - rows.start, _arrays(memory, layout).part(rows))

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send_bytes(_answer(build))
        while group is not None:
            _await(pipe, attention)
            method, arguments, named = pipe.recv()
            pipe.send_bytes(_answer(getattr(group, method), *arguments, **named))
    if group is not None:
        group.close()


def _answer(work: Callable[..., Any], *arguments: Any, **named: Any) -> bytes:
    """What some work gives, or what went wrong in it and where, ready to be sent."""
    try:
        return bytes(ForkingPickler.dumps((None, "", work(*arguments, **named))))
    except Exception as error:
        where = traceback.format_exc()
        try:
            return bytes(ForkingPickler.dumps((error, where, None)))
        except Exception:  # there are errors that cannot be sent
            told = RuntimeError(f"{type(error).__name__}: {error}")
            return bytes(ForkingPickler.dumps((told, where, None)))
