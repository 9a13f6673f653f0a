"""Keeping the engine's own prints out of the user's terminal, and out of JSON on the output."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what C code prints meanwhile (a build time on import, parser warnings)."""
    library = ctypes.CDLL(None)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by whoever started the process
            stream.flush()
    library.fflush(None)
    with contextlib.ExitStack() as restored:
        null = os.open(os.devnull, os.O_WRONLY)
        restored.callback(os.close, null)
        for target in (1, 2):
            with contextlib.suppress(OSError):  # closed: C has nowhere to print to
                saved = os.dup(target)
                restored.callback(os.close, saved)
                restored.callback(os.dup2, saved, target)
                os.dup2(null, target)
        # C's own buffer would else be flushed at exit, when the descriptors are back.
        restored.callback(library.fflush, None)
        yield
