"""Where pages come from, and how what is data is kept from becoming markup."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def templates() -> Environment:
    """The pages that lie beside this file."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        # Names of students and methods are data; none may become markup.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
