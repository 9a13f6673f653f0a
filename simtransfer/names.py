"""Names and paths of what is written, checked before hours of work go into it."""

from __future__ import annotations

import unicodedata
from pathlib import Path

LONGEST = 255  # bytes of one name in the file systems in use
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, stray bytes, line separators


def printable(text: str) -> str:
    """``text`` with every character that cannot be printed as an escape."""
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in UNPRINTABLE else c
        for c in text
    )


def require_name(name: str, what: str) -> None:
    """Check a name that becomes a folder's and stands in reports.

    Args:
        name: The name.
        what: What it is called in messages.

    Raises:
        ValueError: If it is empty, longer than 255 bytes, holds characters that cannot be printed
            or encoded, or leads to another folder.
    """
    require_printable(name, what)
    if not name or name in (".", ".."):
        raise ValueError(f"{what}: expected a name, got {name!r}")
    if "/" in name:
        raise ValueError(f"{what}: must not contain '/', got {name!r}; try {_flat(name)!r}")
    if len(name.encode()) > LONGEST:
        raise ValueError(
            f"{what}: has {len(name.encode())} bytes, the limit is {LONGEST}; give a shorter one"
        )


def require_printable(text: str, what: str) -> None:
    """Check that a text can be printed and written as UTF-8.

    Raises:
        ValueError: If it holds control characters, or bytes that are no UTF-8.
    """
    if printable(text) != text:
        raise ValueError(
            f"{what}: has characters that cannot be printed or are not UTF-8: "
            f"'{printable(text)}'; give a name without them"
        )


def require_path(path: Path) -> None:
    """Check the path of a file or folder that is to be written.

    Raises:
        ValueError: If it cannot be printed, or a part of it is longer than 255 bytes.
    """
    require_printable(str(path), "path of the output")
    if any(len(part.encode()) > LONGEST for part in path.parts):
        raise ValueError(f"{path}: a name in it has more than {LONGEST} bytes; give a shorter one")


def _flat(name: str) -> str:
    return name.strip("./").replace("/", "-")
