"""Records on disk: written aside, then moved into place, so that none is ever half a record."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import parquet
from torch import Tensor

from agents.tensor_file import read_tensors, write_tensors
from envs.bounded_files import (
    MEBIBYTE,
    read_text,
    require_readable,
    require_replaceable,
    sha256,
)
from simtransfer.checksums import CHECKSUMS, RECORD_LIMIT, relisted, require_intact
from simtransfer.names import require_path

JSON_LIMIT = 64 * MEBIBYTE
TABLE_LIMIT = 256 * MEBIBYTE
MOST_ROWS = 10_000_000  # that a small compressed file may have
REMEDY = "restore it from a copy, or delete its folder to begin again"


@contextmanager
def locked(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold ``folder`` for this process alone.

    Raises:
        ValueError: If another process still holds it after ``patience`` seconds, or something
            stands where its lock should be.
    """
    with _lock_file(folder / ".lock") as descriptor:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise ValueError(
                        f"{folder}: another process is writing here; wait for it"
                    ) from None
                time.sleep(0.2)
        _remove_drafts(folder)
        yield


@contextmanager
def _lock_file(file: Path) -> Iterator[int]:
    require_replaceable(file)
    # Neither through a link that was put there meanwhile, nor waiting for a named pipe's reader.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(file, flags, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def replace_file(file: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a draft, then put it in the place of ``file`` in one step.

    Raises:
        ValueError: If ``file`` is a link, a device, a folder or a named pipe.
        OSError: If it cannot be written, as on a full disk; what stood there stands there still.
    """
    require_replaceable(file)
    draft = _draft(file)
    try:
        write(draft)
        _settle(draft)
        draft.replace(file)
    except OSError as error:  # of the draft, or of nothing: people know the file
        if error.errno:
            raise OSError(error.errno, os.strerror(error.errno), str(file)) from error
        raise
    finally:
        with suppress(OSError):  # of a file system that turned read-only
            draft.unlink(missing_ok=True)


def _settle(file: Path) -> None:
    """Have the disk take the content before its name: else a power cut leaves an empty file."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _draft(file: Path) -> Path:
    # Short, so that whatever name is short enough for the file system is so for its draft.
    return file.with_name(f".{file.name[:40]}.{os.getpid()}.draft")


def _remove_drafts(folder: Path) -> None:
    """Remove what processes left that were killed while they wrote."""
    for draft in folder.glob(".*.draft"):
        writer = re.search(r"\.(\d+)\.draft$", draft.name)  # a bundle's draft names none
        if writer and not _is_alive(int(writer[1])):
            with suppress(OSError):
                draft.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no number of a process
        return True
    return True


def claim(file: Path) -> None:
    """Check that a file can be written, before much is done for what goes into it.

    Raises:
        ValueError: If it is a link, a device, a folder or a named pipe, or no name that can be
            printed.
        OSError: If it cannot be written.
    """
    require_path(file)
    require_replaceable(file)
    _make(file.parent)
    _try_to_write(file)


def claim_folder(folder: Path) -> None:
    """Make a folder if there is none, and check that files can be written into it.

    A link to a folder is followed, so that runs may be kept on another disk.

    Raises:
        ValueError: If it is something else, or no name that can be printed.
        OSError: If it cannot be made or written to.
    """
    require_path(folder)
    _make(folder)
    try:
        _try_to_write(folder / "file")
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(folder)) from error


def _make(folder: Path) -> None:
    for place in (folder, *folder.parents):
        with suppress(OSError):
            if place.is_symlink() and not place.exists():
                raise ValueError(f"{place}: is a symbolic link to nothing; give another folder")
            if place.exists() and not place.is_dir():
                raise ValueError(f"{place}: exists and is not a folder; give another name")
    folder.mkdir(parents=True, exist_ok=True)


def _try_to_write(file: Path) -> None:
    draft = _draft(file)
    try:
        draft.touch()
        draft.unlink()
    except OSError as error:  # people know the file, not its draft
        raise OSError(error.errno, os.strerror(error.errno or 0), str(file)) from error


def write_text(text: str, file: Path) -> None:
    """Write text as UTF-8; what cannot be encoded is written as an escape."""
    write_bytes(text.encode("utf-8", "backslashreplace"), file)


def write_bytes(content: bytes, file: Path) -> None:
    """Write a file that is made already, like a picture."""

    def write(draft: Path) -> None:
        draft.write_bytes(content)

    replace_file(file, write)


def replace_record(file: Path, write: Callable[[Path], None]) -> None:
    """Replace a file as `replace_file` does, and list its checksum beside it.

    Raises:
        ValueError: If ``file`` is a link, a device, a folder or a named pipe.
        OSError: If it cannot be written.
    """

    def write_and_list(draft: Path) -> None:
        write(draft)
        write_text(relisted(file, sha256(draft, RECORD_LIMIT)), file.with_name(CHECKSUMS))

    replace_file(file, write_and_list)


def write_json(data: Any, file: Path) -> None:
    """Write plain data as JSON, with a checksum."""
    text = json.dumps(data, indent=1) + "\n"

    def write(draft: Path) -> None:
        draft.write_text(text, encoding="utf-8")

    replace_record(file, write)


def read_json(file: Path, remedy: str = REMEDY) -> Any:
    """Read JSON.

    Args:
        file: The file.
        remedy: What to do if it is damaged.

    Raises:
        ValueError: If the file is missing, not JSON, larger than 64 MiB, or damaged.
    """
    try:
        text = read_text(file, JSON_LIMIT)
        require_intact(file)
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{file}: truncated or not JSON ({error}); {remedy}") from None
    except ValueError as error:
        raise ValueError(f"{error}; {remedy}") from None


def plain(data: Any) -> Any:
    """Data as JSON gives it back: tuples are lists."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    return data


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write a table as Parquet, with a checksum."""
    replace_record(file, lambda draft: table.to_parquet(draft, index=False))


def read_table(file: Path, remedy: str = REMEDY) -> pd.DataFrame:
    """Read a table from Parquet.

    Args:
        file: The file.
        remedy: What to do if it is damaged.

    Raises:
        ValueError: If it is missing, not Parquet, too large (256 MiB or 10 million rows), or
            damaged.
    """
    try:
        require_readable(file, TABLE_LIMIT)
        require_intact(file)
    except ValueError as error:
        raise ValueError(f"{error}; {remedy}") from None
    try:
        # Opened here, so that a name is that of a file, never of a folder of them or of a bucket.
        with file.open("rb") as opened:
            rows = parquet.ParquetFile(opened).metadata.num_rows
            if rows > MOST_ROWS:
                raise ValueError(f"has {rows} rows, the limit is {MOST_ROWS}")
            opened.seek(0)
            return pd.read_parquet(opened)
    # Whatever a damaged file makes the Parquet reader raise, the user's remedy is the same.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{file}: cannot be read as Parquet ({reason}); {remedy}") from error


def save_state(tensors: Mapping[str, Tensor], about: Mapping[str, str], file: Path) -> None:
    """Write tensors and a few words about them as one safetensors file, with a checksum."""
    replace_record(file, lambda draft: write_tensors(tensors, draft, dict(about)))


def load_state(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The inverse of `save_state`.

    Raises:
        ValueError: If the file is truncated, not safetensors, or damaged.
    """
    try:
        require_intact(file)
        return read_tensors(file, RECORD_LIMIT)
    except ValueError as error:
        raise ValueError(f"{error}; not a checkpoint: remove it to begin again") from None
