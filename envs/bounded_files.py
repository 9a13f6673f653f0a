"""Files from elsewhere: only regular files of a limited size are read, only such are replaced."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

KIBIBYTE, MEBIBYTE = 2**10, 2**20


def read_bytes(file: Path, limit: int) -> bytes:
    """Read a regular file.

    A device or a named pipe is refused before it is opened, since reading one may never end.

    Args:
        file: The file; a link to a regular file is followed.
        limit: Largest size, bytes.

    Raises:
        ValueError: If it is missing, not a regular file, or larger than ``limit``.
    """
    require_readable(file, limit)
    try:
        with file.open("rb") as opened:
            content = opened.read(limit + 1)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror})") from None
    if len(content) > limit:  # it grew meanwhile, or its size was not the truth
        raise ValueError(f"{file}: is larger than {size_text(limit)}")
    return content


def read_text(file: Path, limit: int) -> str:
    """Read a regular UTF-8 file; a byte order mark at its beginning is left out.

    Raises:
        ValueError: As `read_bytes`, or if it is not UTF-8.
    """
    try:
        return read_bytes(file, limit).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file}: is not UTF-8 text; save it as UTF-8") from None


def sha256(file: Path, limit: int) -> str:
    """SHA-256 of a regular file's bytes, in hexadecimal digits.

    Args:
        file: The file.
        limit: Largest size, bytes.

    Raises:
        ValueError: As `require_readable`.
    """
    require_readable(file, limit)
    digest = hashlib.sha256()
    try:
        with file.open("rb") as opened:
            while block := opened.read(MEBIBYTE):
                digest.update(block)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror})") from None
    return digest.hexdigest()


def require_readable(file: Path, limit: int) -> None:
    """Check that ``file`` is a regular file of at most ``limit`` bytes.

    For files that a library reads by itself (safetensors, Parquet, meshes).

    Raises:
        ValueError: If it is not.
    """
    try:
        found = file.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"{file}: cannot be read ({reason})") from None
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{file}: is not a regular file")
    if found.st_size > limit:
        size = size_text(found.st_size)
        raise ValueError(f"{file}: has {size}, more than the limit of {size_text(limit)}")


def require_replaceable(file: Path) -> None:
    """Check that ``file`` may be written: a new path, or a regular file that is replaced.

    Raises:
        ValueError: If it is a link, a device, a folder or a named pipe, or no name at all.
    """
    if not file.name:
        raise ValueError(f"{str(file)!r}: is not the name of a file; give one")
    try:
        mode = file.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"{file}: cannot be written ({reason})") from None
    if stat.S_ISLNK(mode):
        raise ValueError(f"{file}: is a symbolic link; give the file itself")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{file}: exists and is not a regular file; give another name")


def size_text(size: int) -> str:
    """A number of bytes for people, e.g. ``16 MiB``."""
    if size >= MEBIBYTE:
        return f"{size / MEBIBYTE:.4g} MiB"
    return f"{size / KIBIBYTE:.4g} KiB" if size >= KIBIBYTE else f"{size} bytes"
