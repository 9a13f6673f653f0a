"""Transfer from teacher to student, experiments, statistics and reports."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs import make_environment as make
    from simtransfer.library import Student, evaluate, load, train, transfer
    from simtransfer.plan import PLANS, Schedule, TransferPlan

__all__ = [
    "PLANS",
    "Schedule",
    "Student",
    "TransferPlan",
    "evaluate",
    "load",
    "make",
    "train",
    "transfer",
]
__version__ = "0.1.0"

_MODULES = {
    "make": "envs",
    **dict.fromkeys(("Student", "evaluate", "load", "train", "transfer"), "simtransfer.library"),
    **dict.fromkeys(("PLANS", "Schedule", "TransferPlan"), "simtransfer.plan"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command line must answer at once."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_MODULES[name])
    return getattr(module, "make_environment" if name == "make" else name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
