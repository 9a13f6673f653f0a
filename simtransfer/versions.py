"""Which versions a result was made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("simtransfer", "torch", "numpy", "stable-baselines3", "gymnasium", "pybullet", "scipy")
FORKS = {"pybullet": "pybullet-arm64"}  # the same modules, where the original has no wheels


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def engine_version(simulator: str) -> str:
    """The version of a physics engine, whose package has the engine's name or is a fork of it."""
    return _version(simulator)


def _version(package: str) -> str:
    """A package's version, or its fork's with the fork's name.

    Raises:
        PackageNotFoundError: If neither is installed.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        if package not in FORKS:
            raise
        return f"{version(FORKS[package])} ({FORKS[package]})"
