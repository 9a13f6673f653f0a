"""Where the vertices of a mesh are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.bounded_files import MEBIBYTE, read_bytes

LARGEST = 256 * MEBIBYTE
STL_HEADER = 84  # bytes of a binary STL
FARTHEST = 1e9  # of the file's unit; engines crash or never end at what is not finite
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("_", "<u2")])


def mesh_points(path: Path) -> NDArray[np.float64] | None:
    """The vertices of an OBJ or a binary STL file, ``(n, 3)``, in the file's unit.

    Args:
        path: The file.

    Returns:
        The vertices, or None if the file is of another kind, cannot be read, has a coordinate that
        is not finite or beyond `FARTHEST`, or a face without one of its vertices.
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
        lines = [line.split() for line in content.splitlines()]
        rows = [words[1:4] for words in lines if words[:1] == [b"v"]]
        points = np.asarray(rows, dtype=np.float64).reshape(-1, 3)
        faces = [words[1:] for words in lines if words[:1] == [b"f"]]
        corners = [int(word.partition(b"/")[0]) for face in faces for word in face]
        # They count from 1, and negative ones from the end.
        if not all(0 < abs(corner) <= len(points) for corner in corners):
            return None
    else:
        return None
    return points if len(points) and (np.abs(points) <= FARTHEST).all() else None  # false for NaN
