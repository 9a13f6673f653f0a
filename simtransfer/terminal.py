"""What people see in a terminal: progress on the error stream, results on the output."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from simtransfer.names import printable

LINE_SECONDS = 10.0  # at least so long between two lines of progress
LINE_SHARE = 0.02  # of a task's duration so far: a long training does not fill its log


class Terminal(Console):
    """A console on which names are text, and that leaves it to callers what a closed pipe means."""

    def __init__(self, *, stderr: bool = False) -> None:
        # No markup: a robot or a folder may be called "[left]".
        super().__init__(stderr=stderr, markup=False)

    def on_broken_pipe(self) -> None:
        """Rich would end the program as if it had failed."""
        raise BrokenPipeError


output = Terminal()
errors = Terminal(stderr=True)


def never_fail_to_encode() -> None:
    """Print what the terminal's encoding lacks as an escape: no result is lost for a dash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_out() -> None:
    """Write what the output still holds, while it can be told that it cannot be written.

    Raises:
        OSError: If it cannot: the pipe is closed, the disk is full. It is given up then, since the
            interpreter would try again at its end.
    """
    try:
        if sys.stdout is not None:  # closed by whoever started the process
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


class Display(Progress):
    """Progress bars on a terminal; in a file or a pipe, a line for each task now and then.

    Args:
        console: Where progress is shown.
        get_time: A clock in seconds. Default: the console's.
    """

    def __init__(self, console: Console, get_time: Callable[[], float] | None = None) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._has_bars = console.is_terminal and not console.is_dumb_terminal
        self._lines: dict[TaskID, _Line] = {}
        super().__init__(
            *columns,
            console=console,
            transient=True,
            disable=not self._has_bars,
            get_time=get_time,
        )

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Update a task as `rich.progress.Progress.update` does, and print its line if one is due.

        Args:
            task_id: The task.
            **changes: What changed, and the task's fields ``note`` and ``unit``.
        """
        super().update(task_id, **changes)
        task = self._tasks[task_id]
        # What a resumed task had completed before says nothing about its speed.
        self._print_if_due(task, _Line(self.get_time(), self.get_time(), task.completed, None))

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Advance a task, and print its line if one is due."""
        super().advance(task_id, advance)
        task = self._tasks[task_id]
        began = self.get_time() if task.start_time is None else task.start_time
        self._print_if_due(task, _Line(began, began, 0.0, ""))

    def announce(self, text: str) -> None:
        """Print a line where there are no bars that show the same.

        A log that cannot be written, because its disk is full or its reader gone, ends no training.
        """
        if not self._has_bars:
            with suppress(OSError):
                self.console.print(text, highlight=False, soft_wrap=True, markup=False)

    def _print_if_due(self, task: Task, begun: _Line) -> None:
        """Print a line for a new note, and else at intervals that grow with a task's duration."""
        if self._has_bars or task.total is None or task.finished:
            return
        line = self._lines.setdefault(task.id, begun)
        now, note = self.get_time(), task.fields["note"]
        if now - line.began < 1.0:  # finished by an earlier process
            line.first = task.completed
        running = sum(not each.finished for each in self.tasks)
        period = running * max(LINE_SECONDS, LINE_SHARE * (now - line.began))
        if note == line.note and now - line.printed < period:
            return
        line.printed, line.note = now, note
        self.announce(_progress_line(task, now - line.began, line.first))


@dataclass
class _Line:
    """What was printed of a task: times in seconds, what was completed before, the last note."""

    began: float
    printed: float
    first: float
    note: str | None


def _progress_line(task: Task, elapsed: float, first: float) -> str:
    """A task's progress in one line, with the time left at the mean speed so far."""
    total, done = task.total or 0.0, task.completed
    text = f"{task.description}: {done:,.0f} of {total:,.0f}"
    text += f" {task.fields['unit']}" if task.fields["unit"] else ""
    text += f", {task.fields['note']}" if task.fields["note"] else ""
    if done > first:
        text += f", about {_duration(elapsed * (total - done) / (done - first))} left"
    return text


def _duration(seconds: float) -> str:
    """A duration in its largest unit."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def progress() -> Iterator[Display]:
    """A progress display on the error stream; bars are removed when it ends."""
    with Display(errors) as display:
        yield display


@contextmanager
def counting(description: str, total: int, unit: str = "") -> Iterator[Callable[[object], None]]:
    """A bar that a callback moves on by one."""
    with progress() as display:
        task = bar(display, description, total, unit)
        yield lambda _: display.advance(task)


def bar(display: Progress, description: str, total: int | None, unit: str = "") -> TaskID:
    """Add a bar without a note; ``unit`` is the plural of what it counts."""
    return display.add_task(description, total=total, note="", unit=unit)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show what is being done: a spinner on a terminal, else a line."""
    if errors.is_terminal and not errors.is_dumb_terminal:
        with errors.status(what):
            yield
    else:
        errors.print(what, highlight=False, soft_wrap=True)
        yield


def print_json(data: Any) -> None:
    """Print plain data as JSON, alone on the output stream."""
    print(json.dumps(data, indent=1))


def explain(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        hint = (
            "; free some space, then run the same command again"
            if error.errno == errno.ENOSPC
            else ""
        )
        return printable(f"{where}{error.strerror}{hint}")
    if isinstance(error, MemoryError):
        return "out of memory; ask for fewer worlds, workers or episodes"
    return printable(" ".join(str(error).split()))
