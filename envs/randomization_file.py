"""Randomizations by name or from a file: terms, and rows of parameters that are drawn together."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from envs.bounded_files import MEBIBYTE, read_text
from envs.interface import unknown
from envs.randomization import RANDOMIZATIONS, Randomization, Samples, Term
from envs.tables import build, checked, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LARGEST_FILE = 16 * MEBIBYTE
SUFFIXES = (".toml", ".json")
KEYS = ("term", "samples")


def find_randomization(name: str) -> Randomization:
    """The terms called ``name``, or those in the file of that name.

    Raises:
        ValueError: If there is neither, or the file is wrong.
    """
    if not isinstance(name, str | Path):
        raise ValueError(f"randomization: expected a name or a file of terms, got {shown(name)}")
    if name in RANDOMIZATIONS:
        return RANDOMIZATIONS[name]
    if is_file(name):
        return read_randomization(Path(name))
    raise ValueError(
        unknown("randomization", name, RANDOMIZATIONS) + ", or give a .toml or .json file of terms"
    )


def is_file(name: str) -> bool:
    """Whether a randomization is told by a file, which may change, and not by a name."""
    return name not in RANDOMIZATIONS and Path(name).suffix in SUFFIXES


def digest(terms: Randomization) -> str:
    """Fingerprint of what is drawn."""
    text = json.dumps([[type(term).__name__, asdict(term)] for term in terms], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_randomization(file: Path) -> Randomization:
    """Read terms from TOML or, if it is called so, JSON: ``[[term]]`` and ``[[samples]]``.

    Raises:
        ValueError: If the file cannot be read, or a key is missing, misspelt or out of range. The
            message names the file, the entry and the way out.
    """
    text = read_text(file, LARGEST_FILE)
    kind = "JSON" if file.suffix == ".json" else "TOML"
    try:
        data = json.loads(text) if kind == "JSON" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: truncated or not {kind} ({error})") from None
    try:
        return _parse(data)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _parse(data: Any) -> Randomization:
    if not isinstance(data, dict):
        raise ValueError(f"expected tables called {' and '.join(KEYS)}, got {shown(data)}")
    for key in data:
        if key not in KEYS:
            raise ValueError(unknown("key", key, KEYS))
        if not isinstance(data[key], list):
            raise ValueError(f"{key}: expected [[{key}]] tables, got {shown(data[key])}")
    terms: list[Term | Samples] = []
    for kind in KEYS:
        for i, entry in enumerate(data.get(kind, [])):
            where = f"{kind}[{i}]"
            try:
                found = build(Term, entry, "") if kind == "term" else _samples(entry)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            for other in terms:
                twice = set(found.names) & set(other.names)
                if twice and found.occasion == other.occasion:
                    raise ValueError(f"{where}: {min(twice)!r} is drawn at {found.occasion} before")
            terms.append(found)
    if not terms:
        raise ValueError("draws nothing: it needs a [[term]] or [[samples]]")
    return tuple(terms)


def _samples(entry: Any) -> Samples:
    rows = entry.get("rows") if isinstance(entry, dict) else None
    if isinstance(rows, list):
        read = tuple(checked(row, "tuple[float, ...]", f"rows[{k}]") for k, row in enumerate(rows))
        entry = entry | {"rows": read}
    elif rows is not None:
        raise ValueError(f"rows: expected a list of lists of numbers, got {shown(rows)}")
    samples: Samples = build(Samples, entry, "")
    return samples


def as_toml(terms: Sequence[Term | Samples], comment: str = "") -> str:
    """The inverse of `read_randomization`.

    Args:
        terms: What is drawn.
        comment: Lines to put before it.
    """
    # What cannot be printed, as in the name of a file, TOML does not take either.
    printed = [
        "".join(c if c.isprintable() else "?" for c in line) for line in comment.splitlines()
    ]
    lines = [f"# {line}".rstrip() for line in printed]
    for term in terms:
        lines += ["", f"[[{'term' if isinstance(term, Term) else 'samples'}]]"]
        if isinstance(term, Term):
            lines += [f"{key} = {json.dumps(value)}" for key, value in asdict(term).items()]
        else:
            lines += [f"names = {json.dumps(term.names)}", "rows = ["]
            lines += [f"  {json.dumps(row)}," for row in term.rows]
            lines += ["]"]
    return "\n".join(lines).lstrip("\n") + "\n"
