"""Meshes of collision shapes: where a URDF's file names lead, and whether a mesh is there."""

from __future__ import annotations

import difflib
import os
import re
import struct
import urllib.parse
from pathlib import Path

from envs.bounded_files import read_bytes
from envs.mesh_points import LARGEST, STL_HEADER, mesh_points
from envs.stand_in import stand_in
from envs.tables import shown

LONGEST_PATH = 1000  # bytes; PyBullet keeps a path in 1,024
STL_TRIANGLE = 50  # bytes of a triangle of a binary STL
PACKAGES = "package", "model"
SHAPES = "state its [[shapes]] instead"
NOT_FINITE = "a vertex is missing or not made of finite numbers; export it again"


def find_mesh(filename: str, urdf: Path) -> Path:
    """Find a mesh and check that it is one that engines read.

    Nothing is asked of ROS, and nothing is run: a package is a folder of that name beside or above
    the URDF.

    Args:
        filename: As in the URDF: relative to it, absolute, or a ``package://``, ``model://`` or
            ``file://`` address.
        urdf: The URDF file.

    Raises:
        ValueError: If there is no such file, or it is not a mesh.
    """
    path = _locate(filename, urdf)
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ValueError(
            f"mesh {shown(filename)}: its path is longer than {LONGEST_PATH} bytes, which PyBullet "
            "does not read; move the robot to a folder with a shorter path"
        )
    _check(path, read_bytes(path, LARGEST))
    return path


def _locate(filename: str, urdf: Path) -> Path:
    if not filename:
        raise ValueError("mesh lacks filename")
    folder = urdf.parent.absolute()
    scheme, separator, rest = filename.partition("://")
    if not separator:
        candidates = [folder / filename, folder / filename.replace("\\", "/")]
    elif scheme in PACKAGES:
        candidates = [above / rest for above in (folder, *folder.parents)]
    elif scheme == "file":
        candidates = [Path(urllib.parse.unquote(rest))]
        if not candidates[0].is_absolute():
            raise ValueError(
                f"mesh {shown(filename)}: a file:// address needs an absolute path "
                "(file:///folder/mesh.stl); better give a path relative to the URDF"
            )
    else:
        raise ValueError(
            f"mesh {shown(filename)}: {scheme[:20]}:// is not read; download the file and give its "
            "path relative to the URDF"
        )
    for candidate in candidates:
        if os.path.isfile(candidate):  # noqa: PTH113  (Path.is_file raises for long names)
            return candidate.parent.resolve() / candidate.name  # a link keeps its ending
    if scheme in PACKAGES and separator:
        package = rest.partition("/")[0]
        raise ValueError(
            f"mesh {shown(filename)}: not found; put the URDF into the folder {shown(package)} of "
            f"that package, or {SHAPES}"
        )
    if os.path.exists(candidates[-1]):  # noqa: PTH110
        raise ValueError(f"mesh {shown(filename)}: is not a regular file")
    raise ValueError(f"no mesh {shown(filename)}{_nearest(candidates[-1])}; or {SHAPES}")


def _nearest(missing: Path) -> str:
    """Where it should be, and what is there instead."""
    folder = missing.parent
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(missing.name, names, n=1)
    return f" in {folder.resolve()}" + (f"; did you mean {near[0]!r}?" if near else "")


def _check(path: Path, content: bytes) -> None:
    """Refuse what PyBullet would load as a shape of no size, or would crash or never end at."""
    problem = stand_in(content)
    kind = path.suffix.lower()
    if problem:
        problem = f"it is {problem}"
    elif kind == ".stl":
        problem = _stl(content)
    elif kind == ".obj":
        if not (
            re.search(rb"(?m)^[ \t]*v[ \t]", content) and re.search(rb"(?m)^[ \t]*f[ \t]", content)
        ):
            problem = "it has no vertices (v) or no faces (f)"
    elif kind == ".dae":
        if b"<COLLADA" not in content[:10_000] or not re.search(
            rb"<(triangles|polylist)\b", content
        ):
            problem = "it is not COLLADA with <triangles> or a <polylist>"
        elif re.search(rb"(?i)<float_array[^<]*\b(nan|inf)", content):
            problem = NOT_FINITE
    else:
        problem = f"engines read .stl, .obj and .dae, not {kind!r}"
    if not problem and kind in (".stl", ".obj") and mesh_points(path) is None:
        problem = NOT_FINITE
    if problem:
        raise ValueError(f"mesh {path}: {problem}; or {SHAPES}")


def _stl(content: bytes) -> str:
    if len(content) >= STL_HEADER:
        (triangles,) = struct.unpack_from("<I", content, STL_HEADER - 4)
        if triangles and len(content) == STL_HEADER + STL_TRIANGLE * triangles:
            return ""
    if content.lstrip().startswith(b"solid") and b"vertex" in content:
        return "it is an STL in text form, which PyBullet does not read; save it as a binary STL"
    return "it is not a complete binary STL; save it again"
