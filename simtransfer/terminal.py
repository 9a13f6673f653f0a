"""What people see in a terminal: progress on the error stream, results on the output."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from simtransfer.names import printable


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


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress display on the error stream; bars are removed when it ends."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as display:
        yield display


@contextmanager
def counting(description: str, total: int) -> Iterator[Callable[[object], None]]:
    """A bar that a callback moves on by one."""
    with progress() as display:
        bar = display.add_task(description, total=total, note="")
        yield lambda _: display.advance(bar)


def bar(display: Progress, description: str, total: int | None) -> TaskID:
    """Add a bar without a note."""
    return display.add_task(description, total=total, note="")


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
