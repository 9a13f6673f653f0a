"""What processes send each other: work, and what came of it or went wrong in it."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.reduction import ForkingPickler
from typing import Any

Answer = tuple[Exception | None, str, Any]  # what went wrong and where, or what was asked for


def answer(work: Callable[..., Any], *arguments: Any, **named: Any) -> bytes:
    """What some work gives, or what went wrong in it and where, ready to be sent.

    Empty where it gives nothing, as nearly every step does.
    """
    try:
        given = work(*arguments, **named)
        return b"" if given is None else bytes(ForkingPickler.dumps((None, "", given)))
    except Exception as error:
        where = traceback.format_exc()
        try:
            return bytes(ForkingPickler.dumps((error, where, None)))
        except Exception:  # there are errors that cannot be sent
            told = RuntimeError(f"{type(error).__name__}: {error}")
            return bytes(ForkingPickler.dumps((told, where, None)))


def opened(message: bytes) -> Any:
    """What an `answer` gives.

    Raises:
        Exception: What went wrong there, with where it was.
    """
    error, where, given = ForkingPickler.loads(message) if message else (None, "", None)
    if error is not None:
        raise error from RuntimeError(where)
    return given


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Say in words that the other end of a pipe is gone."""
    try:
        yield
    except (EOFError, OSError):
        raise RuntimeError(
            "a process that steps worlds died: for want of memory, or because the script that "
            "started it lacks its `if __name__ == '__main__':`"
        ) from None
