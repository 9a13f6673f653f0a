"""An optimizer's moments as plain named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


def pack(optimizer: Optimizer, prefix: str) -> dict[str, Tensor]:
    """The optimizer's state, each tensor named ``prefix.<parameter>.<entry>``."""
    entries = optimizer.state_dict()["state"].items()
    return {f"{prefix}.{i}.{k}": v.clone() for i, state in entries for k, v in state.items()}


def unpack(optimizer: Optimizer, prefix: str, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `pack`, into an optimizer of the same parameters."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        if name.startswith(f"{prefix}."):
            index, entry = name.removeprefix(f"{prefix}.").split(".")
            state.setdefault(int(index), {})[entry] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
