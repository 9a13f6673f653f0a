"""A line between a process and one that works for it: bytes that both see, and a pipe to sleep at.

A word in shared memory is seen within a microsecond by who looks for it, where a message through a
pipe costs both ends tens: sixteen processes take half as long for those as for a step of a world.
"""

from __future__ import annotations

import platform
import time
from ctypes import c_ubyte
from multiprocessing.connection import Connection
from typing import Any

ATTENTION = 0.003  # s that one looks for a word: to sleep and be woken takes longer than most waits
NAP = 0.1  # s after which a sleeper looks up, in case it was not woken
NOTHING, DONE, MAIL = 0, 1, 255  # words: none; a bare answer; there is a message in the pipe
ASKED, ASLEEP, ANSWERED, WAITING = range(4)  # what each byte tells

# Only these processors let others see what is written in the order in which it is written. Others
# look at the pipe.
ORDERED = platform.machine().lower() in {"x86_64", "amd64", "i686"}


class Line:
    """One end of it; each end has its own pipe's end and the same memory.

    One end calls `ask` and then `answer`, the other `hear` and then `reply`, in turns; a first
    reply may come unasked.

    Args:
        memory: Four bytes in memory that both ends share; see `Line.memory`.
        pipe: This end of a pipe.
        attention: For how long to look for a word before falling asleep, s; 0 never looks, which
            is right where both ends share a core. The same at both ends.

    Raises:
        EOFError, OSError: By `answer` and `hear`, if the other end is gone; who asks or replies
            need not notice.
    """

    def __init__(self, memory: Any, pipe: Connection, attention: float) -> None:
        self._state = memoryview(memory).cast("B")
        self._pipe = pipe
        self._attention = attention
        self._shared = ORDERED and attention > 0.0  # else every word comes with a message

    @staticmethod
    def memory(context: Any) -> Any:
        """What both ends look at, from a `multiprocessing` context."""
        return context.RawArray(c_ubyte, 4)

    def ask(self, word: int, message: bytes = b"") -> None:
        """Let the other end work: a word of its own other than `NOTHING`, `MAIL` with a message."""
        self._tell(ASKED, ASLEEP, word, message)

    def answer(self) -> bytes:
        """What the other end replied; empty if it has nothing to tell."""
        return self._await(ANSWERED, WAITING)[1]

    def hear(self) -> tuple[int, bytes]:
        """What is asked for, a word and a message, as soon as it is."""
        return self._await(ASKED, ASLEEP)

    def reply(self, message: bytes = b"") -> None:
        """Answer what was asked for."""
        self._tell(ANSWERED, WAITING, MAIL if message else DONE, message)

    def close(self) -> None:
        """Hang up."""
        self._pipe.close()

    def _tell(self, place: int, asleep: int, word: int, message: bytes) -> None:
        self._state[place] = word
        if message or self._state[asleep] or not self._shared:
            self._pipe.send_bytes(message)  # empty if it is only to wake

    def _await(self, place: int, asleep: int) -> tuple[int, bytes]:
        state, message = self._state, b""
        until = time.perf_counter() + self._attention
        if not self._shared:
            while not self._pipe.poll(0) and time.perf_counter() < until:
                pass
            message = self._pipe.recv_bytes()
        else:
            while not state[place] and time.perf_counter() < until:
                pass
            if not state[place]:
                state[asleep] = 1
                while not state[place]:
                    if self._pipe.poll(NAP):
                        message = self._pipe.recv_bytes()
                state[asleep] = 0
        word = state[place]
        state[place] = NOTHING
        while word == MAIL and not message:  # what was to wake may come too late
            message = self._pipe.recv_bytes()
        return word, message
