"""Named tensors in one safetensors file."""

from __future__ import annotations

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
        raise OSError(f"{file}: cannot be written ({error}); is the disk full?") from None
