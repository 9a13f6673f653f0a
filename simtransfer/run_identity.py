"""What makes two runs the same: what they name, not where it is."""

from __future__ import annotations

from typing import Any


def without_places(record: Any) -> Any:
    """A run's record without the names and paths of what it knows by digest.

    A folder of a robot or a bundle may be moved, and the run that it belongs to resumed.

    Args:
        record: As read from ``config.json``; whatever is no record stays as it is.
    """
    if not isinstance(record, dict) or not isinstance(record.get("digests"), dict):
        return record
    known = [key for key in ("robot", "teacher") if record["digests"].get(key)]
    return {key: value for key, value in record.items() if key not in known}
