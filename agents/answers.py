"""What processes send each other: work, and what came of it or went wrong in it."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from torch import Tensor, nn

Answer = tuple[Exception | None, str, Any]  # what went wrong and where, or what was asked for


class Sender(ForkingPickler):
    """Sends tensors by what they hold: torch's own way shares memory that an update may change."""

    def reducer_override(self, thing: Any) -> Any:
        """As `pickle.Pickler`'s."""
        if isinstance(thing, Tensor):
            return _tensor, (thing.detach().numpy(), isinstance(thing, nn.Parameter))
        return NotImplemented


def _tensor(values: Any, trained: bool) -> Tensor:
    tensor = torch.tensor(values)
    return nn.Parameter(tensor) if trained else tensor


def answer(work: Callable[..., Any], *arguments: Any, **named: Any) -> bytes:
    """What some work gives, or what went wrong in it and where, ready to be sent.

    Empty where it gives nothing, as nearly every step does.
    """
    try:
        given = work(*arguments, **named)
        return b"" if given is None else packed(given)
    except Exception as error:
        where = traceback.format_exc()
        try:
            return bytes(ForkingPickler.dumps((error, where, None)))
        except Exception:  # there are errors that cannot be sent
            said = RuntimeError(f"{type(error).__name__}: {error}")
            return bytes(ForkingPickler.dumps((said, where, None)))


def packed(given: Any) -> bytes:
    """An `answer` that is there already."""
    return bytes(ForkingPickler.dumps((None, "", given)))


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
            "a worker process died; most often it was killed for want of memory: use fewer workers"
        ) from None
