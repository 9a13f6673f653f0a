"""Where policies are judged: processes that play whole episodes, and never wait for each other."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from torch import Tensor, nn

from agents.actor import Act
from agents.answers import answer, opened, told
from agents.group import LocalGroup, Make
from agents.playing import Episode, Place, play
from agents.processes import PATIENCE, end_with_parent, forkserver

WORLDS = 4  # that each process steps side by side, so that a network sees a batch


class Arena:
    """Worlds to play fixed episodes in, here and in other processes.

    Whoever is free takes the next episode. A world has no memory and every process asks the policy
    about as many worlds, so that who plays which episode changes no result.

    The other processes begin when they are asked to (`begin`), and may be held while their cores
    are wanted for something else (`hold`); this one takes part once it has nothing else to do
    (`finish`).

    Args:
        make: Makes one world; must survive pickling if there are other processes.
        workers: How many processes, this one among them.

    Attributes:
        apart: Whether there are other processes.
    """

    def __init__(self, make: Make, workers: int = 1) -> None:
        self.apart = workers > 1
        self._processes: list[BaseProcess] = []
        self._pipes: list[Connection] = []
        self._own: LocalGroup | None = None
        self._busy: set[Connection] = set()
        self._told: list[Episode] = []
        self._places: Sequence[Place] = ()
        try:
            if self.apart:
                self._start(make, workers - 1)
            self._own = LocalGroup(make, WORLDS)
            for pipe in self._pipes:
                opened(_received(pipe))
        except BaseException:
            self.close()
            raise

    def _start(self, make: Make, count: int) -> None:
        context = forkserver("envs.bullet", "envs.catalogue")
        self._free = context.Event()
        self._next = context.Value("q")
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(theirs, make, WORLDS, self._free, self._next), daemon=True
            )
            process.start()
            theirs.close()
            self._processes.append(process)
            self._pipes.append(ours)

    def begin(self, act: Act, places: Sequence[Place]) -> None:
        """Let the other processes play; of a policy that changes later they play what it is now.

        Args:
            act: The policy; must survive pickling if there are other processes.
            places: What is to be played.

        Raises:
            ValueError: If the policy cannot be sent to them.
        """
        self._act, self._places, self._told = act, places, []
        # As few at once in each process as keep all of them busy to the end.
        self._at_once = max(1, min(WORLDS, len(places) // (len(self._pipes) + 1)))
        if not self.apart:
            rest = iter(range(len(places)))
            self._take: Callable[[], int | None] = lambda: next(rest, None)
            return
        message = _sent((act, places, self._at_once))
        self._act = ForkingPickler.loads(message)[0]
        self._next.value = 0
        self._take = _Taken(self._next, len(places))
        self._free.set()
        with told():
            for pipe in self._pipes:
                pipe.send_bytes(message)
                self._busy.add(pipe)

    def hold(self) -> None:
        """Let the other processes pause at their next step."""
        if self.apart:
            self._free.clear()

    def release(self) -> None:
        """Let them go on."""
        if self.apart:
            self._free.set()

    def is_done(self) -> bool:
        """Whether the other processes have played all of it."""
        self._hear(0.0)
        return not self._busy and len(self._told) == len(self._places)

    def finish(self, on_episode: Callable[[Episode], None] | None = None) -> list[Episode]:
        """Play what nobody has taken yet, and wait for the rest.

        Args:
            on_episode: Called with each episode, in the order in which they end.

        Returns:
            All of them, in the order in which they were asked for.
        """
        assert self._own
        tell = on_episode or (lambda episode: None)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # a network this small gains nothing from more
        try:
            self.release()
            heard = 0
            for ended in play(self._act, self._own, self._places, self._take, self._at_once):
                self._told += ended
                self._hear(0.0)
                heard = self._tell_from(heard, tell)
            while self._busy:
                self._hear(None)
                heard = self._tell_from(heard, tell)
            self._tell_from(heard, tell)
        except BaseException:
            self.close()  # others still play what nobody would hear of
            raise
        finally:
            torch.set_num_threads(threads)
        order = {place: index for index, place in enumerate(self._places)}
        return sorted(self._told, key=lambda told: order[told.suite, told.episode])

    def _tell_from(self, heard: int, tell: Callable[[Episode], None]) -> int:
        for episode in self._told[heard:]:
            tell(episode)
        return len(self._told)

    def _hear(self, patience: float | None) -> None:
        """Take in what others have played; waits for something, at most for so many seconds."""
        if not self._busy:
            return
        for pipe in wait(list(self._busy), patience):
            assert isinstance(pipe, Connection)
            if (episodes := opened(_received(pipe))) is None:
                self._busy.discard(pipe)
            else:
                self._told += episodes

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


class _Taken:
    """Counts what was taken, for all processes together."""

    def __init__(self, counter: Any, count: int) -> None:
        self._counter, self._count = counter, count

    def __call__(self) -> int | None:
        with self._counter.get_lock():
            index = int(self._counter.value)
            self._counter.value = index + 1
        return index if index < self._count else None


class _Sender(ForkingPickler):
    """Sends tensors by what they hold: torch's own way shares memory that an update may change."""

    def reducer_override(self, thing: Any) -> Any:
        """As `pickle.Pickler`'s."""
        if isinstance(thing, Tensor):
            return _tensor, (thing.detach().numpy(), isinstance(thing, nn.Parameter))
        return NotImplemented


def _tensor(values: Any, trained: bool) -> Tensor:
    tensor = torch.tensor(values)
    return nn.Parameter(tensor) if trained else tensor


def _received(pipe: Connection) -> bytes:
    with told():
        return pipe.recv_bytes()


def _sent(things: tuple[Any, ...]) -> bytes:
    buffer = BytesIO()
    try:
        _Sender(buffer).dump(things)
    # What cannot be pickled says so by many errors.
    except Exception as error:
        raise ValueError(f"the policy cannot be sent to other processes ({error})") from None
    return buffer.getvalue()


def _serve(pipe: Connection, make: Make, worlds: int, free: Any, counter: Any) -> None:
    """A process's life: play what it is told to until nobody is there to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it will end it
    end_with_parent()
    torch.set_num_threads(1)
    group: LocalGroup | None = None

    def build() -> None:
        nonlocal group
        group = LocalGroup(make, worlds)

    def work(act: Act, places: Sequence[Place], at_once: int) -> None:
        assert group
        free.wait()
        for ended in play(act, group, places, _Taken(counter, len(places)), at_once):
            if ended:
                pipe.send_bytes(answer(lambda ended=ended: ended))
            free.wait()

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send_bytes(answer(build))
        while group is not None:
            pipe.send_bytes(answer(work, *ForkingPickler.loads(pipe.recv_bytes())))
    if group is not None:
        group.close()


@contextlib.contextmanager
def side_by_side(make: Make, workers: int = 1) -> Iterator[Arena]:
    """Worlds to evaluate in, in so many processes; freed at the end."""
    arena = Arena(make, workers)
    try:
        yield arena
    finally:
        arena.close()
