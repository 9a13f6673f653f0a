"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import tyro

from envs.randomization import RANDOMIZATIONS

SetOfTerms = Annotated[
    str,
    tyro.conf.arg(
        help=f"What is drawn anew of the world: {', '.join(RANDOMIZATIONS)}, or a file of terms."
    ),
]
