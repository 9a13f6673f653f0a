"""The memory that is available, to refuse early what does not fit in it."""

from __future__ import annotations

import re
import resource
from collections.abc import Mapping
from pathlib import Path

MEMINFO = Path("/proc/meminfo")


def available_memory() -> int | None:
    """Bytes that this process and its children may still take; None if that is unknown."""
    limits = []
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", MEMINFO.read_text(encoding="ascii"))
    except OSError:  # not Linux
        found = None
    if found:
        limits.append(1024 * int(found[1]))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        limits.append(soft)
    return min(limits, default=None)


def refuse_too_large(parts: Mapping[str, int], remedy: str) -> None:
    """Refuse what needs more memory than is available, before any is allocated.

    Args:
        parts: Bytes by the setting that needs them.
        remedy: What to change, for the message.

    Raises:
        ValueError: If all parts together exceed what is available.
    """
    needed, available = sum(parts.values()), available_memory()
    if available is not None and needed > available:
        largest = sorted(parts.items(), key=lambda part: -part[1])
        listed = ", ".join(f"{name} {_gigabytes(size)}" for name, size in largest if size)
        raise ValueError(
            f"this needs about {_gigabytes(needed)} of memory ({listed}), "
            f"but {_gigabytes(available)} are available; {remedy}"
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
