"""Where policies are judged: processes that play whole episodes, and never wait for each other."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from types import TracebackType
from typing import Any

import torch

from agents.actor import Act
from agents.answers import answer, opened, packed, told
from agents.group import LocalGroup, Make
from agents.main_script import MainScript
from agents.playing import Episode, LocalQueue, Place, Queue, play
from agents.processes import (
    PATIENCE,
    PRELOADED,
    end_with_parent,
    forkserver,
    start_process,
)

WORLDS = 4  # that each process steps side by side, so that a network sees a batch
NAP = 0.002  # s between two looks of a process that is held


class Arena:
    """Worlds to play fixed episodes in, here and in other processes; to be used by ``with``.

    Whoever is free takes the next episode. A world has no memory, and an episode has the same row
    of equally large batches wherever it is played, so that who plays which changes no result.

    Other processes begin when they are asked to (`begin`), and may be held while their cores are
    wanted for something else (`hold`); this one takes part once it has nothing else to do
    (`finish`). Where something goes wrong all of it is closed.

    Args:
        make: Makes one world; must survive pickling if there are other processes.
        workers: How many processes, this one among them.
    """

    def __init__(self, make: Make, workers: int = 1) -> None:
        self._processes: list[BaseProcess] = []
        self._pipes: list[Connection] = []
        self._own: LocalGroup | None = None
        self._busy: set[Connection] = set()
        self._played: list[Episode] = []
        self._places: Sequence[Place] = ()
        try:
            if workers > 1:
                self._start(make, workers - 1)
            self._own = LocalGroup(make, WORLDS)
            for pipe in self._pipes:
                opened(_received(pipe))
        except BaseException:
            self.close()
            raise

    def _start(self, make: Make, count: int) -> None:
        self._main = MainScript.here()
        made = self._main.dumps(make)
        context = forkserver(*PRELOADED)
        self._free = context.RawValue("b", 1)
        self._counters = context.Array("q", WORLDS)
        for _ in range(count):
            ours, theirs = context.Pipe()
            arguments = (theirs, self._main, made, self._free, self._counters)
            process = start_process(context, _serve, *arguments)
            theirs.close()
            self._processes.append(process)
            self._pipes.append(ours)

    @property
    def apart(self) -> bool:
        """Whether there are other processes, which play while this one does something else."""
        return bool(self._pipes)

    def begin(self, act: Act, places: Sequence[Place]) -> None:
        """Let other processes play; of a policy that changes later they play what it is now.

        Args:
            act: The policy; must survive pickling if there are other processes.
            places: What is to be played.

        Raises:
            ValueError: If the policy cannot be sent to them.
            RuntimeError: If the arena is closed, or what was begun before is not finished.
        """
        if not self._own:
            raise RuntimeError("the arena is closed, as it is once something went wrong in it")
        if self._busy:
            raise RuntimeError("the arena plays something else; finish that first")
        self._act, self._places, self._played = act, places, []
        # Fewer at once where that leaves no process without any.
        self._at_once = max(1, min(WORLDS, len(places) // (len(self._pipes) + 1)))
        self._queue: Queue = LocalQueue(len(places), WORLDS)
        if not self.apart:
            return
        try:
            message = self._main.dumps((act, places, self._at_once))
        # What cannot be pickled says so by many errors.
        except Exception as error:
            raise ValueError(f"the policy cannot be sent to other processes ({error})") from None
        self._act = ForkingPickler.loads(message)[0]
        self._counters.get_obj()[:] = list(range(WORLDS))
        self._queue = _SharedQueue(self._counters, len(places))
        self.release()
        with told():
            for pipe in self._pipes:
                pipe.send_bytes(message)
                self._busy.add(pipe)

    def hold(self) -> None:
        """Let other processes pause at their next step."""
        if self.apart:
            self._free.value = 0

    def release(self) -> None:
        """Let them go on."""
        if self.apart:
            self._free.value = 1

    def is_done(self) -> bool:
        """Whether other processes have played all of it."""
        try:
            self._hear(0.0)
        except BaseException:
            self.close()
            raise
        return len(self._played) == len(self._places)

    def finish(self, on_episode: Callable[[Episode], None] | None = None) -> list[Episode]:
        """Play what nobody has taken yet, and wait for the rest.

        Args:
            on_episode: Called with each episode, in the order in which they end.

        Returns:
            All of them, in the order in which they were asked for.
        """
        assert self._own
        tell = on_episode or (lambda episode: None)
        more, reported, threads = True, 0, torch.get_num_threads()
        torch.set_num_threads(1)  # a network this small gains nothing from more
        try:
            self.release()
            playing = play(self._act, self._own, self._places, self._queue, self._at_once)
            while more or self._busy:
                ended = next(playing, None)
                more = ended is not None
                self._played += ended or ()
                self._hear(0.0 if more else None)
                for episode in self._played[reported:]:
                    tell(episode)
                reported = len(self._played)
        except BaseException:
            self.close()  # others still play what nobody would hear of
            raise
        finally:
            torch.set_num_threads(threads)
        order = {place: index for index, place in enumerate(self._places)}
        return sorted(self._played, key=lambda episode: order[episode.suite, episode.episode])

    def _hear(self, patience: float | None) -> None:
        """Take in what others have played; waits for something, at most for so many seconds."""
        while self._busy and (ready := wait(list(self._busy), patience)):
            for pipe in ready:
                assert isinstance(pipe, Connection)
                if (episodes := opened(_received(pipe))) is None:
                    self._busy.discard(pipe)
                else:
                    self._played += episodes
            patience = 0.0

    def close(self) -> None:
        """Free every world."""
        if self._own:
            self._own.close()
            self._own = None
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if not self._busy:
                process.join(PATIENCE)
            process.kill()
            process.join()

    def __enter__(self) -> Arena:
        """This."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free every world."""
        self.close()


class _SharedQueue:
    """See `Queue`; of all processes together."""

    def __init__(self, counters: Any, count: int) -> None:
        self._counters, self._count = counters, count

    def take(self, row: int) -> int | None:
        lock = self._counters.get_lock()
        if not lock.acquire(timeout=PATIENCE):
            raise RuntimeError("a process that plays episodes died while it took one")
        try:
            index = int(self._counters[row])
            self._counters[row] = index + WORLDS
        finally:
            lock.release()
        return index if index < self._count else None


def _received(pipe: Connection) -> bytes:
    with told():
        return pipe.recv_bytes()


def _serve(pipe: Connection, main: MainScript, made: bytes, free: Any, counters: Any) -> None:
    """A process's life: play what it is told to until nobody is there to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it will end it
    end_with_parent()
    torch.set_num_threads(1)
    group: LocalGroup | None = None

    def build() -> None:
        nonlocal group
        group = LocalGroup(main.loads(made), WORLDS)

    def work(message: bytes) -> None:
        assert group
        act, places, at_once = main.loads(message)
        for ended in play(act, group, places, _SharedQueue(counters, len(places)), at_once):
            if ended:
                pipe.send_bytes(packed(ended))
            while not free.value:
                time.sleep(NAP)

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send_bytes(answer(build))
        while group is not None:
            pipe.send_bytes(answer(work, pipe.recv_bytes()))
    if group is not None:
        group.close()
