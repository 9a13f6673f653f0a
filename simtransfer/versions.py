"""Which versions a result was made with."""

from __future__ import annotations

import platform
from importlib.metadata import version

PACKAGES = ("simtransfer", "torch", "numpy", "stable-baselines3", "gymnasium", "pybullet", "scipy")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def engine_version(simulator: str) -> str:
    """The version of a physics engine, whose package is called as it is."""
    return version(simulator)
