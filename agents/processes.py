"""A group of worlds spread over processes, which share its arrays' memory.

PyBullet holds the interpreter while it computes, so threads gain nothing. A step gives each process
a word, steps this one's own share, and waits for answers; observations and actions are not copied.
In a rollout each process runs its worlds by itself.
Which world runs where changes no result.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from ctypes import c_byte
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import torch

from agents.answers import answer, opened, told
from agents.course import Array, Course, Draw
from agents.group import Arrays, Group, Infos, Layout, LocalGroup, Make, Spaces, shares
from agents.line import ATTENTION, MAIL, Line
from agents.main_script import MainScript, not_imported
from envs.tables import shown

PATIENCE = 5.0  # s that a process gets to end
# bytes: a socket's path has at most 107 (92 on some systems), of which multiprocessing adds 31.
LONGEST_FOLDER = 60
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
PRELOADED = ("torch", "envs.bullet", "envs.catalogue")  # which processes then share
MOST_PER_CORE = 4  # processes; more than cores only wait for each other
FEW = 16  # processes that any machine may start
STEP, RENEW = 1, 2  # words: step, and let a world whose episode ended rest, or begin the next


def workers_for(asked: int | None) -> int:
    """How many processes to use: as many as were asked for, else one for each core.

    Raises:
        ValueError: If fewer than one were asked for, or far more than there are cores.
    """
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # a container may have fewer than are
        cores = len(os.sched_getaffinity(0))
    if asked is None:
        return cores
    if isinstance(asked, bool) or not isinstance(asked, int):
        raise ValueError(f"workers must be a whole number, got {shown(asked)}")
    if asked < 1:
        raise ValueError(f"workers must be at least 1, got {asked}")
    most = max(MOST_PER_CORE * cores, FEW)
    if asked > most:
        raise ValueError(
            f"workers must be at most {most} ({MOST_PER_CORE} for each of {cores} cores, "
            f"at least {FEW}), got {shown(asked)}"
        )
    return asked


def forkserver(*preload: str) -> ForkServerContext:
    """Makes processes that are forked from a server, and leave Ctrl-C to whoever starts them.

    A terminal sends it to all of them at once; each would tell of it while the first cleans up.

    Args:
        preload: Modules that the server imports once, if it does not run yet.

    Raises:
        RuntimeError: If this is a worker process itself.
        ValueError: If there is no folder for the server's socket.
    """
    if multiprocessing.current_process().daemon:
        raise RuntimeError(
            "a worker process cannot start more of them: wrap what the script does in "
            "`if __name__ == '__main__':`, or use workers=1"
        )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    resource_tracker.ensure_running()  # which would lift the block
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # as what starts inherits
    try:
        with _short_temporary_folder():
            ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)  # what came meanwhile is heard now
    return context


@contextlib.contextmanager
def _short_temporary_folder() -> Iterator[None]:
    """Let `multiprocessing` choose a folder in which a socket's path is short enough.

    Raises:
        ValueError: If there is none.
    """
    chosen = tempfile.tempdir
    given = tempfile.gettempdir()
    if len(os.fsencode(given)) > LONGEST_FOLDER:
        usable = [folder for folder in SHORT_FOLDERS if os.access(folder, os.W_OK | os.X_OK)]
        if not usable:
            raise ValueError(
                f"the temporary folder {given} has a path of more than {LONGEST_FOLDER} bytes, "
                f"and none of {', '.join(SHORT_FOLDERS)} can be written; set TMPDIR to a shorter "
                "path, or use workers=1"
            )
        tempfile.tempdir = usable[0]
    try:
        yield
    finally:
        tempfile.tempdir = chosen


def start_process(
    context: ForkServerContext, target: Callable[..., None], *arguments: Any, daemon: bool = True
) -> BaseProcess:
    """Start a process that calls ``target`` and does not import the main script.

    Args:
        context: See `forkserver`.
        target: A function of this library.
        *arguments: For it. What may be defined in the main script is sent by `MainScript.dumps`.
        daemon: Whether the process may start none itself and ends with this one.
    """
    process = context.Process(target=target, args=arguments, daemon=daemon)
    with not_imported():
        process.start()
    return process


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
        self._main = MainScript.here()
        made = self._main.dumps(make)
        world = make()
        self.count, self.spaces = count, Spaces.of(world)
        world.close()
        layout = self.spaces.layout(count)
        context = forkserver(*PRELOADED)
        memory = {
            name: context.RawArray(c_byte, max(math.prod(shape) * np.dtype(kind).itemsize, 1))
            for name, (shape, kind) in layout.items()
        }
        self.arrays = _arrays(memory, layout)
        self._rows = shares(count, workers)
        # Where processes have to share a core, one that looks for a word keeps it from the others.
        attention = ATTENTION if len(self._rows) <= workers_for(None) else 0.0
        self._own: LocalGroup | None = None
        self._lines: list[Line] = []
        self._processes: list[BaseProcess] = []
        try:
            for rows in self._rows[1:]:
                ours, theirs = context.Pipe()
                state = Line.memory(context)
                arguments = (state, theirs, attention, self._main, made, memory, layout, rows)
                process = start_process(context, _serve, *arguments)
                theirs.close()
                self._lines.append(Line(state, ours, attention))
                self._processes.append(process)
            first = self._rows[0]
            self._own = LocalGroup(make, first.stop, self.arrays.part(first))
            for given in _answers(self._lines):
                opened(given)
        except BaseException:
            self.close()
            raise

    def reset(self, orders: Mapping[int, Mapping[str, Any]]) -> None:
        """See `Group.reset`."""
        parts = [
            {i - rows.start: orders[i] for i in range(rows.start, rows.stop) if i in orders}
            for rows in self._rows
        ]
        orders_to = [(MAIL, self._message("reset", part)) for part in parts[1:]]
        self._all(lambda own: own.reset(parts[0]), orders_to)

    def step(self, renew: bool) -> Infos:
        """See `Group.step`."""
        word = RENEW if renew else STEP
        answers = self._all(lambda own: own.step(renew), [(word, b"")] * len(self._lines))
        return {
            rows.start + i: info
            for rows, infos in zip(self._rows, answers, strict=True)
            if infos
            for i, info in infos.items()
        }

    def run(self, draw: Draw, noise: Array, first: int = 0) -> Course:
        """See `Group.run`; processes do not wait for each other."""
        orders = [
            (MAIL, self._message("run", draw, noise, first + rows.start)) for rows in self._rows[1:]
        ]
        return Course.joined(self._all(lambda own: own.run(draw, noise, first), orders))

    def get(self, name: str, world: int) -> Any:
        """See `Group.get`."""
        return self._ask(world, "get", name)

    def set(self, name: str, world: int, value: Any) -> None:
        """See `Group.set`."""
        self._ask(world, "set", name, value=value)

    def call(self, method: str, world: int, *arguments: Any, **named: Any) -> Any:
        """See `Group.call`."""
        return self._ask(world, "call", method, *arguments, **named)

    def _message(self, method: str, *arguments: Any, **named: Any) -> bytes:
        """What a process is to call of its share."""
        return self._main.dumps((method, arguments, named))

    def _ask(self, world: int, method: str, name: str, *arguments: Any, **named: Any) -> Any:
        world = range(self.count)[world]
        k = next(k for k, rows in enumerate(self._rows) if world < rows.stop)
        place = world - self._rows[k].start
        if k == 0:
            return getattr(self._own, method)(name, place, *arguments, **named)
        message = self._message(method, name, place, *arguments, **named)
        with self._uninterrupted():
            with told():
                self._lines[k - 1].ask(MAIL, message)
            (given,) = _answers(self._lines[k - 1 : k])
        return opened(given)

    def _all(
        self, own: Callable[[LocalGroup], Any], orders: Sequence[tuple[int, bytes]]
    ) -> list[Any]:
        """What each share gives; of their errors the first, after all have answered."""
        assert self._own
        with self._uninterrupted():
            with told():
                for line, order in zip(self._lines, orders, strict=True):
                    line.ask(*order)
            try:
                first = own(self._own)
            finally:
                answers = _answers(self._lines)
        return [first, *map(opened, answers)]

    @contextlib.contextmanager
    def _uninterrupted(self) -> Iterator[None]:
        """End all if interrupted: an answer that nobody heard would be taken for the next one."""
        try:
            yield
        except KeyboardInterrupt:
            self.close()
            raise

    def close(self) -> None:
        """See `Group.close`."""
        if self._own:
            self._own.close()
        for line in self._lines:
            line.close()
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


def _answers(lines: Sequence[Line]) -> list[bytes]:
    """What processes have to tell."""
    with told():
        return [line.answer() for line in lines]


def _serve(
    state: Any,
    pipe: Connection,
    attention: float,
    main: MainScript,
    made: bytes,
    memory: Mapping[str, Any],
    layout: Layout,
    rows: slice,
) -> None:
    """A process's life: do what it is told until nobody is there to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it will end it
    torch.set_num_threads(1)  # each process has a core
    line = Line(state, pipe, attention)
    group: Group | None = None

    def build() -> None:
        nonlocal group
        make = main.loads(made)
        group = LocalGroup(make, rows.stop - rows.start, _arrays(memory, layout).part(rows))

    def step(renew: bool) -> Infos | None:
        assert group is not None
        return group.step(renew) or None

    def call(message: bytes) -> Any:
        method, arguments, named = main.loads(message)
        return getattr(group, method)(*arguments, **named)

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        line.reply(answer(build))
        while group is not None:
            word, message = line.hear()
            if word == MAIL:
                line.reply(answer(call, message))
            else:
                line.reply(answer(step, word == RENEW))
    if group is not None:
        group.close()
