"""What Ctrl-C and SIGTERM do to a command: one line and an exit code, never a traceback."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 128  # to which a shell adds the number of the signal that ended a program


class Interruption(KeyboardInterrupt):
    """A command was interrupted.

    Attributes:
        signal: The signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


def code_and_text(interruption: KeyboardInterrupt) -> tuple[int, str]:
    """The exit code after an interruption, and what happened in a word or two."""
    number = interruption.signal if isinstance(interruption, Interruption) else signal.SIGINT
    return EXIT_CODE + number, _text(number)


def leave_at_once() -> None:
    """From now on, a signal ends the process with one line.

    For the time in which modules are imported: nothing has to be cleaned up yet, and an exception
    would appear as the failure of whichever import it comes in.
    """
    for each in SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:  # as in a background job of a shell
            signal.signal(each, _leave)


@contextmanager
def raised() -> Iterator[None]:
    """While this lasts, a signal raises `Interruption`, so that what has begun is cleaned up."""
    if threading.current_thread() is not threading.main_thread():  # signals do not reach it
        yield
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, _raise)
    try:
        yield
    finally:
        for each, handler in before.items():
            if handler is not None:  # a handler that was not installed by Python
                signal.signal(each, handler)


def _text(number: int) -> str:
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"


def _leave(number: int, _: FrameType | None) -> NoReturn:
    with suppress(OSError):  # the error stream may be closed
        os.write(2, f"simtransfer: {_text(number)}\n".encode())
    os._exit(EXIT_CODE + number)


def _raise(number: int, _: FrameType | None) -> NoReturn:
    raise Interruption(number)
