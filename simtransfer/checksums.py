"""Checksums of a folder's records, by which damage is noticed when they are read.

The list stands beside the records, in ``checksums.json``: for each file's name the SHA-256 of its
bytes. The list is written before the file is replaced, with two checksums for it, the new one and
the old one, so that a kill between the two leaves a file whose checksum is listed.
"""

from __future__ import annotations

import json
from pathlib import Path

from envs.bounded_files import MEBIBYTE, read_text, sha256
from envs.tables import checked

CHECKSUMS = "checksums.json"
LIST_LIMIT = 16 * MEBIBYTE
ATTEMPTS = 3  # another process may replace the file meanwhile
RECORD_LIMIT = 16 * 1024 * MEBIBYTE  # SAC's checkpoint holds its replay buffer

Listed = dict[str, tuple[str, ...]]


def listed(folder: Path) -> Listed:
    """Checksums of the files in ``folder``; empty if it has no list, as older results have none.

    Raises:
        ValueError: If the list is damaged.
    """
    file = folder / CHECKSUMS
    if not file.exists():
        return {}
    try:
        entries = json.loads(read_text(file, LIST_LIMIT))
        if not isinstance(entries, dict):
            raise ValueError("not a table")
        return {name: checked(row, "tuple[str, ...]", name) for name, row in entries.items()}
    except (ValueError, RecursionError) as error:
        reason = str(error).removeprefix(f"{file}: ")
        raise ValueError(
            f"{file}: damaged ({reason}); restore it, or remove it to do without checksums"
        ) from None


def relisted(file: Path, digest: str) -> str:
    """The text of the list with which ``file`` may be replaced by one of another checksum.

    Args:
        file: The file that is about to be replaced, or is new.
        digest: Its next checksum.

    Raises:
        ValueError: If the list is damaged.
    """
    entries = listed(file.parent)
    current = sha256(file, RECORD_LIMIT) if file.exists() else None
    trusted = file.name not in entries or current in entries[file.name]
    kept = (current,) if current and current != digest and trusted else ()
    return json.dumps(entries | {file.name: (digest, *kept)}, indent=1) + "\n"


def require_intact(file: Path) -> None:
    """Check a file against its checksum, if it has one.

    Raises:
        ValueError: If it was changed after it was written, or the list is damaged.
    """
    for _ in range(ATTEMPTS):
        if not (file.parent / CHECKSUMS).exists():
            return
        digest = sha256(file, RECORD_LIMIT)  # before the list, which is written before the file
        entries = listed(file.parent)
        if file.name not in entries or digest in entries[file.name]:
            return
    raise ValueError(
        f"{file}: damaged: its checksum is not the one in {CHECKSUMS} beside it, which you may "
        "remove if you changed the file yourself"
    )
