"""Where installed packages keep their files, found without running any of their code."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def module_folders(module: str) -> list[Path]:
    """The folders that hold a module's files, without importing it or what contains it.

    Args:
        module: Dotted name. Only its first part is looked up; the rest is a path below it, since
            Python would import ``a`` to find ``a.b``.

    Returns:
        For a package its own folder (several for a namespace package), for a single file the
        folder that it is in.

    Raises:
        ValueError: If it is not installed.
    """
    top, *inner = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):  # ValueError: a module without a place, such as a script
        spec = None
    if spec is None or not (spec.has_location or spec.submodule_search_locations):
        raise ValueError(f"module {top!r} is not installed")
    if spec.submodule_search_locations is None:
        places = [] if inner else [Path(str(spec.origin)).parent]
    else:
        places = [
            folder
            for location in spec.submodule_search_locations
            if (folder := _inner_folder(Path(location), inner))
        ]
    if not places:
        raise ValueError(f"module {module!r} is not in the package {top!r}")
    return places


def _inner_folder(package: Path, inner: list[str]) -> Path | None:
    place = package.joinpath(*inner)
    if place.is_dir():
        return place
    return place.parent if any(place.parent.glob(f"{place.name}.*")) else None
