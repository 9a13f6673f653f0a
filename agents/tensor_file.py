"""Named tensors in one safetensors file."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor


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
