"""Where the vertices of a mesh are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.bounded_files import read_bytes
from envs.meshes import LARGEST, STL_HEADER

TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("_", "<u2")])


def mesh_points(path: Path) -> NDArray[np.float64] | None:
    """The vertices of an OBJ or a binary STL file, ``(n, 3)``, in the file's unit.

    Args:
        path: The file.

    Returns:
        The vertices, or None if the file is of another kind or cannot be read.
    """
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=64)
def _read(path: Path, modified: int) -> NDArray[np.float64] | None:
    del modified  # a file that was written again is read again
    content = read_bytes(path, LARGEST)
    if path.suffix.lower() == ".stl":
        triangles = np.frombuffer(content[STL_HEADER:], TRIANGLE)
        points = triangles["corners"].reshape(-1, 3).astype(np.float64)
    elif path.suffix.lower() == ".obj":
        rows = [line.split()[1:4] for line in content.splitlines() if line.startswith(b"v ")]
        points = np.asarray(rows, dtype=np.float64).reshape(-1, 3)
    else:
        return None
    return points if len(points) and np.isfinite(points).all() else None
