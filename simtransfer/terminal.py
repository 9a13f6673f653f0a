"""What people see in a terminal: progress on the error stream, results on the output."""

from __future__ import annotations

import json
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

output = Console()
errors = Console(stderr=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress display on the error stream; bars are removed when it ends."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
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
