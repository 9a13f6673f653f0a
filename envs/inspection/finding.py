"""What an inspection says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What, in a word or two.
        passed: Whether it is as it should be.
        detail: Measured against expected and, if it failed, how to mend it.
    """

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Report:
    """All that was found about one robot.

    Attributes:
        robot: Its name, or what the user gave if its file could not be read.
        source: Its ``robot.toml``, if it could be read.
        findings: In the order in which to mend them.
    """

    robot: str
    source: Path | None
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(finding.passed for finding in self.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What failed."""
        return tuple(finding for finding in self.findings if not finding.passed)


def judge(name: str, problems: Iterable[str], otherwise: str) -> Finding:
    """A finding that fails if there are ``problems``, and says ``otherwise`` if there are none."""
    found = "; ".join(problems)
    return Finding(name, not found, found or otherwise)


def near(measured: float, expected: float, tolerance: float) -> bool:
    """Whether ``measured`` is within the fraction ``tolerance`` of ``expected``."""
    return abs(measured - expected) <= tolerance * abs(expected)
