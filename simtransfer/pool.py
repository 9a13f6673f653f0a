"""Runs in processes of their own, one on each core at a time."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from agents.processes import forkserver, start_process, workers_for
from simtransfer.files import claim_folder, locked, write_text
from simtransfer.footprint import require_memory_of_all
from simtransfer.run import Progress, Run
from simtransfer.run_config import RunConfig
from simtransfer.terminal import explain

ATTEMPTS = 3  # a worker that dies (killed, out of memory) is started again so many times


@dataclass(frozen=True)
class RunNews:
    """What a run just said.

    Attributes:
        place: Which run.
        progress: How far it is; None when it is done.
    """

    place: str
    progress: Progress | None


def execute_runs(
    runs: Mapping[str, RunConfig],
    folder: Path,
    *,
    workers: int | None = None,
    on_news: Callable[[RunNews], None] = lambda news: None,
    checked: Callable[[], None] = lambda: None,
) -> None:
    """Do every run that is not done yet, one on each core at a time.

    Args:
        runs: By their place below the folder.
        folder: Where records are kept; what is there already is not done again.
        workers: Processes at a time. Default: the number of cores.
        on_news: Told how runs proceed.
        checked: Called once no run is refused any more, before the first begins.

    Raises:
        ValueError: If the folder holds runs made otherwise, or is being written by another process.
        RuntimeError: If a run keeps failing.
    """
    folder = Path(folder)
    workers = workers_for(workers)
    claim_folder(folder)
    with locked(folder):
        # Making a run checks it: a mistake is told before the first hour of training.
        pending = [p for p, run in runs.items() if not Run(run, folder / p).is_done()]
        require_memory_of_all((runs[place] for place in pending), workers)
        checked()
        for place in runs:
            if place not in pending:
                on_news(RunNews(place, None))
        _Pool(dict(runs), folder, on_news).work(pending, workers)


class _Pool:
    """Processes, one a run; a dead one is replaced and goes on from its last evaluation."""

    def __init__(
        self, runs: dict[str, RunConfig], folder: Path, on_news: Callable[[RunNews], None]
    ) -> None:
        self._runs, self._folder, self._on_news = runs, folder, on_news
        self._active: dict[Connection, tuple[str, BaseProcess]] = {}
        self._attempts = dict.fromkeys(runs, 0)
        self._failures: dict[str, str] = {}

    def work(self, pending: list[str], workers: int) -> None:
        """Do all of ``pending``, ``workers`` at a time."""
        queue = list(pending)
        try:
            while queue or self._active:
                while queue and len(self._active) < workers:
                    self._start(queue.pop(0))
                for connection in wait(list(self._active)):
                    queue += self._hear(connection)  # type: ignore[arg-type]
        finally:
            for _, process in self._active.values():
                process.terminate()
        if self._failures:
            place, reason = next(iter(self._failures.items()))
            raise RuntimeError(f"{len(self._failures)} runs failed; {place}: {reason}")

    def _start(self, place: str) -> None:
        # Workers are forked from a server that has imported everything once and run nothing.
        context = forkserver("simtransfer.run")
        ours, theirs = context.Pipe(duplex=False)
        process = start_process(
            context, _run, self._runs[place], self._folder / place, theirs, daemon=False
        )
        theirs.close()
        self._attempts[place] += 1
        self._active[ours] = (place, process)

    def _hear(self, connection: Connection) -> list[str]:
        """Take one message; returns the run's place if it must be started again."""
        place, process = self._active[connection]
        try:
            message = connection.recv()
        except EOFError:
            message = "its process died"
        if isinstance(message, Progress):
            self._on_news(RunNews(place, message))
            return []
        del self._active[connection]
        connection.close()
        process.join()
        if message == "done":
            self._on_news(RunNews(place, None))
            return []
        if message == "its process died" and self._attempts[place] < ATTEMPTS:
            return [place]
        self._failures[place] = message
        return []


def _run(config: RunConfig, folder: Path, connection: Connection) -> None:
    """A worker's life: one run."""
    failure = folder / "error.txt"
    parent = os.getppid()

    def tell(progress: Progress) -> None:
        if os.getppid() != parent:  # the comparison was killed: leave the run to its successor
            os._exit(1)
        connection.send(progress)

    try:
        Run(config, folder, tell).execute()
        failure.unlink(missing_ok=True)
        connection.send("done")
    except KeyboardInterrupt:
        os._exit(1)
    except Exception as error:
        with contextlib.suppress(OSError):  # the comparison may be gone
            connection.send(explain(error))
        with contextlib.suppress(OSError):  # the disk may be full
            write_text(traceback.format_exc(), failure)
