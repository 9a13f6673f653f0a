"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated, Any

import tyro

from envs.randomization import RANDOMIZATIONS

KNOWN = f"{', '.join(RANDOMIZATIONS)}, or a file of terms"


def _randomization(meaning: str) -> Any:
    return tyro.conf.arg(help=f"{meaning}: {KNOWN}.")


SetOfTerms = Annotated[str, _randomization("Domain randomization of the environments")]
TrainingRandomization = Annotated[str, _randomization("Domain randomization of training")]
RecordedRandomization = Annotated[
    str, _randomization("What the recorded robot's parameters are drawn from, once")
]
PriorRandomization = Annotated[
    str, _randomization("What is known of the parameters before, as a domain randomization")
]
