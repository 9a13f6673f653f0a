"""A line between a process and one that works for it: bytes that both see, and a pipe to sleep at.

A word in shared memory is seen within a microsecond by who looks for it, where a message through a
pipe costs both ends tens: with sixteen processes that is as long as a step of their worlds.
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

# Only these processors let others see what is written in the order in which it is written.
ORDERED = platform.machine().lower() in {"x86_64", "amd64", "i686"}


class Line:
    """One end of it; each end has its own pipe's end and the same memory.

    One end calls `ask` and then `answer`, the other `hear` and then `reply`, in turns.

    Args:
        memory: Four bytes in memory that both ends share; see `Line.memory`.
        pipe: This end of a pipe.
        attention: For how long to look for a word before falling asleep, s; 0 never looks, which
            is right where both ends share a core. The same at both ends.

    Raises:
        EOFError, OSError: By every method, if the other end is gone.
    """

    def __init__(self, memory: Any, pipe: Connection, attention: float) -> None:
        self._state = memoryview(memory).cast("B")
        self._pipe = pipe
        self._attention = attention if ORDERED else 0.0

    @staticmethod
    def memory(context: Any) -> Any:
        """What both ends look at, from a `multiprocessing` context."""
        return context.RawArray(c_ubyte, 4)

    def ask(self, word: int, message: bytes = b"") -> None:
        """Let the other end work: a word of its own other than `NOTHING`, `MAIL` with a message."""
        state = self._state
        state[ANSWERED] = NOTHING
        state[ASKED] = word
        if message or state[ASLEEP] or not self._attention:
            self._pipe.send_bytes(message)

    def answer(self) -> bytes:
        """What the other end replied; empty if it has nothing to tell."""
        state = self._state
        if self._attention and not self._seen(ANSWERED):
            state[WAITING] = 1
            while not state[ANSWERED] and not self._pipe.poll(NAP):
                pass
            state[WAITING] = 0
        return b"" if state[ANSWERED] == DONE else self._pipe.recv_bytes()

    def hear(self) -> tuple[int, bytes]:
        """What is asked for, a word and a message, as soon as it is."""
        state, message = self._state, b""
        if not self._attention:
            message = self._pipe.recv_bytes()
        elif not self._seen(ASKED):
            state[ASLEEP] = 1
            while not state[ASKED]:
                if self._pipe.poll(NAP):
                    message = self._pipe.recv_bytes()  # empty if it is only to wake
            state[ASLEEP] = 0
        word = state[ASKED]
        state[ASKED] = NOTHING
        while word == MAIL and not message:  # what was to wake may come too late
            message = self._pipe.recv_bytes()
        return word, message

    def reply(self, message: bytes = b"") -> None:
        """Answer what was asked for."""
        state = self._state
        if message or state[WAITING] or not self._attention:
            state[ANSWERED] = MAIL  # before it is sent: who hears it may already ask anew
            self._pipe.send_bytes(message)
        else:
            state[ANSWERED] = DONE

    def close(self) -> None:
        """Hang up."""
        self._pipe.close()

    def _seen(self, place: int) -> bool:
        """Look for a word until it is there, or for as long as one is attentive."""
        state, until = self._state, time.perf_counter() + self._attention
        while not state[place]:
            if time.perf_counter() > until:
                return bool(state[place])
        return True
