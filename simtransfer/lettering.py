"""How text gets into a picture: as it is written."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import matplotlib as mpl

P = ParamSpec("P")
R = TypeVar("R")


def literal(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw text literally: names are data, and one with two dollar signs is no formula."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context({"text.parse_math": False}):
            result: R = draw(*args, **kwargs)
        return result

    return drawn
