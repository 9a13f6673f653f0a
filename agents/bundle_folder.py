"""A bundle's folder: replaced as a whole, and with a checksum of each of its files."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from envs.bounded_files import MEBIBYTE, read_text, sha256
from envs.tables import shown

TENSORS, DESCRIPTION = "policy.safetensors", "bundle.json"
CHECKSUMS = "checksums"  # key of the description
TENSORS_LIMIT = 1024 * MEBIBYTE
DESCRIPTION_LIMIT = 16 * MEBIBYTE


def with_checksums(description: dict[str, Any], tensors: Path) -> dict[str, Any]:
    """A description that also says what the checksums of both files are.

    Args:
        description: Everything else in the description.
        tensors: The file of tensors.
    """
    return description | {
        CHECKSUMS: {TENSORS: sha256(tensors, TENSORS_LIMIT), DESCRIPTION: _sha256(description)}
    }


def require_intact(folder: Path) -> None:
    """Check a bundle against its checksums; one from before there were any has none.

    Raises:
        ValueError: If one of its files was changed after it was written.
    """
    description = json.loads(read_text(folder / DESCRIPTION, DESCRIPTION_LIMIT))
    if CHECKSUMS not in description:
        return
    stated = description.pop(CHECKSUMS)
    found = {TENSORS: sha256(folder / TENSORS, TENSORS_LIMIT), DESCRIPTION: _sha256(description)}
    if not isinstance(stated, dict) or stated.keys() != found.keys():
        raise ValueError(
            f"{folder / DESCRIPTION}: {CHECKSUMS}: expected the SHA-256 of "
            f"{' and '.join(found)}, got {shown(stated)}; restore the bundle from a copy"
        )
    for name, digest in found.items():
        if stated[name] != digest:
            raise ValueError(
                f"{folder / name}: damaged, or changed after it was saved: its checksum differs; "
                f"restore it from a copy, or, if you changed it, remove '{CHECKSUMS}' from "
                f"{DESCRIPTION}"
            )


def _sha256(description: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def replace_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` fill a new folder, then put it in the place of ``folder``.

    A folder cannot be replaced in one step: the old one steps aside, and comes back if the new one
    cannot take its place. After a kill in between, `restore` puts the new one there.

    Raises:
        OSError: If it cannot be written; what stood there stands there still.
    """
    draft, old = _draft(folder), _old(folder)
    with _held(folder.parent):
        _take_up(folder)
        for left in (draft, old):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            draft.mkdir()
            fill(draft)
            if folder.exists():
                folder.rename(old)
            draft.rename(folder)
        except BaseException:
            if old.exists() and not folder.exists():
                old.rename(folder)
            shutil.rmtree(draft, ignore_errors=True)
            raise
        shutil.rmtree(old, ignore_errors=True)


def restore(folder: Path) -> None:
    """Put a folder back whose replacement was interrupted by a kill; else do nothing.

    Raises:
        OSError: If it cannot be put back.
    """
    if folder.name and not folder.exists() and _old(folder).exists():
        with _held(folder.parent):
            _take_up(folder)


def _take_up(folder: Path) -> None:
    """Finish a replacement, if the old folder has stepped aside: then the new one is whole."""
    draft, old = _draft(folder), _old(folder)
    if old.exists() and not folder.exists():
        (draft if draft.exists() else old).rename(folder)


def _draft(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.draft")


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep other processes from replacing folders in this one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # of a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
