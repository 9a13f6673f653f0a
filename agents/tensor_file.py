"""Named tensors in one safetensors file."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from envs.bounded_files import require_readable


def write_tensors(
    tensors: Mapping[str, Tensor], file: Path, about: dict[str, str] | None = None
) -> None:
    """Write ``tensors``, with a few words ``about`` them.

    Raises:
        OSError: If the file cannot be written, as on a full disk.
    """
    whole = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    try:
        save_file(whole, file, metadata=about)
    except SafetensorError as error:
        told = re.search(r"os error (\d+)", str(error))
        number = int(told[1]) if told else errno.EIO
        raise OSError(number, os.strerror(number), str(file)) from None


def read_tensors(file: Path, limit: int) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The inverse of `write_tensors`: tensors by name, and the words about them.

    Args:
        file: The file.
        limit: Largest size, bytes.

    Raises:
        ValueError: If it is missing, not a regular file, too large, truncated or not safetensors.
    """
    require_readable(file, limit)
    try:
        with safe_open(file, framework="pt") as opened:
            names = opened.keys()
            return {name: opened.get_tensor(name) for name in names}, opened.metadata() or {}
    # Whatever a damaged file makes the reader raise, it is not one that can be used.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{file}: truncated or not safetensors ({reason})") from None
