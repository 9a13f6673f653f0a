"""Records on disk: written aside, then moved into place, so that none is ever half a record."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError, safe_open
from torch import Tensor

from agents.tensor_file import write_tensors


@contextmanager
def locked(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold ``folder`` for this process alone.

    Raises:
        ValueError: If another process still holds it after ``patience`` seconds.
    """
    with (folder / ".lock").open("w") as file:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise ValueError(
                        f"{folder}: another process is writing here; wait for it"
                    ) from None
                time.sleep(0.2)
        yield


def replace_file(file: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a draft, then put it in the place of ``file`` in one step.

    Raises:
        OSError: If it cannot be written, as on a full disk; what stood there stands there still.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        write(draft)
        draft.replace(file)
    except OSError as error:  # of the draft, or of nothing: people know the file
        if error.errno:
            raise OSError(error.errno, os.strerror(error.errno), str(file)) from error
        raise
    finally:
        with suppress(OSError):  # of a file system that turned read-only
            draft.unlink(missing_ok=True)


def claim(file: Path) -> None:
    """See that a file can be written, before much is done for what goes into it.

    Raises:
        OSError: If it cannot.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.touch()
    except OSError as error:  # people know the file, not its draft
        raise OSError(error.errno, os.strerror(error.errno or 0), str(file)) from error
    draft.unlink()


def write_json(data: Any, file: Path) -> None:
    """Write plain data as JSON."""
    write_text(json.dumps(data, indent=1) + "\n", file)


def write_text(text: str, file: Path) -> None:
    """Write text as UTF-8."""
    write_bytes(text.encode("utf-8"), file)


def write_bytes(content: bytes, file: Path) -> None:
    """Write a file that is made already, like a picture."""

    def write(draft: Path) -> None:
        draft.write_bytes(content)

    replace_file(file, write)


def read_json(file: Path) -> Any:
    """Read JSON.

    Raises:
        ValueError: If the file is missing or not JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: truncated or not JSON ({error})") from None


def plain(data: Any) -> Any:
    """Data as JSON gives it back: tuples are lists."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    return data


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write a table as Parquet."""
    replace_file(file, lambda draft: table.to_parquet(draft, index=False))


def save_state(tensors: Mapping[str, Tensor], about: Mapping[str, str], file: Path) -> None:
    """Write tensors and a few words about them as one safetensors file."""
    replace_file(file, lambda draft: write_tensors(tensors, draft, dict(about)))


def load_state(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The inverse of `save_state`.

    Raises:
        ValueError: If the file is truncated or not safetensors.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata()  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{file}: not a checkpoint ({error}); remove it to begin again") from None
