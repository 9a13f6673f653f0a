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
    saved = [os.dup(1), os.dup(2)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        os.dup2(null, 2)
        yield
    finally:
        # C's own buffer would else be flushed at exit, when the descriptors are back.
        library.fflush(None)
        for target, descriptor in zip((1, 2), saved, strict=True):
            os.dup2(descriptor, target)
            os.close(descriptor)
        os.close(null)
