"""All that a bridge's report says, computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from simtransfer.bridge.cells import Cells, Episodes
from simtransfer.bridge.divergence import EARLY, ELSEWHERE, is_joint
from simtransfer.bridge.matrix import MatrixRow, matrix
from simtransfer.bridge.passage import Passage
from simtransfer.bridge.policies import Row

TITLES = {"pybullet": "PyBullet", "mujoco": "MuJoCo"}
SHORT = 0.25  # of an episode's length at home, within which few policies fail by physics alone


class Course(Enum):
    """How two worlds part when the same is done in both."""

    AT_ONCE = "at once"
    CUT_SHORT = "cut short"
    GRADUALLY = "gradually"
    NEVER = "never"


@dataclass(frozen=True)
class Crossing:
    """A policy's passage, and what it says.

    Attributes:
        passage: The three plays of an episode.
        course: How the worlds part.
        sentence: The same for people, with what to look for.
    """

    passage: Passage
    course: Course
    sentence: str


@dataclass(frozen=True)
class Findings:
    """Everything a bridge's report says.

    Attributes:
        name: Of what was bridged.
        task: The policies' task.
        episodes: Which were played.
        matrix: Success, suite by suite.
        crossings: Of each row's first policy.
        robots: Whom each row drives, by its label.
        command: How to make it again.
        versions: Of what results depend on.
    """

    name: str
    task: str
    episodes: Episodes
    matrix: tuple[MatrixRow, ...]
    crossings: tuple[Crossing, ...]
    robots: Mapping[str, str]
    command: str
    versions: Mapping[str, str]

    def of_suite(self, suite: str) -> list[MatrixRow]:
        """The rows of one matrix."""
        return [row for row in self.matrix if row.suite == suite]


def find(
    name: str,
    rows: Sequence[Row],
    cells: Cells,
    episodes: Episodes,
    passages: Sequence[Passage],
    command: str,
    versions: Mapping[str, str],
) -> Findings:
    """Compute everything that a report says of policies and their passages, in the same order."""
    table = matrix(rows, cells, episodes)
    first = table[: len(rows)]  # of the first suite, which the passages are of
    return Findings(
        name=name,
        task=rows[0].bundles[0].task,
        episodes=episodes,
        matrix=table,
        crossings=tuple(
            crossing(passage, row) for passage, row in zip(passages, first, strict=True)
        ),
        robots={row.label: row.robot.name for row in rows},
        command=command,
        versions=versions,
    )


def crossing(passage: Passage, row: MatrixRow) -> Crossing:
    """What a passage says, together with how long the row's other episodes last."""
    away, home = TITLES[passage.away], TITLES[passage.home]
    replay = passage.replay_divergence
    early = replay.misplaced
    lengths = row.cell(passage.away).length, row.cell(passage.home).length
    if early:
        names = ", ".join(onset.feature.name for onset in early[:4])
        more = f" and {len(early) - 4} more" if len(early) > 4 else ""
        return Crossing(
            passage,
            Course.AT_ONCE,
            f"Told the same actions, {names}{more} differ in {away} by more than "
            f"{100 * ELSEWHERE:g} % of the range within {EARLY} control steps, from step "
            f"{early[0].step}. Engines do not part so soon: look for a swapped joint order, a "
            "sign, a zero or a unit.",
        )
    if not passage.closed.success and max(lengths[0], passage.closed.steps) < SHORT * lengths[1]:
        first = ""
        if replay.onsets:
            named = replay.onsets[:1]
            # A trunk tells of a swap as soon as joints do; which, only they tell.
            named += tuple(onset for onset in replay.onsets if is_joint(onset.feature))[:1]
            told = [
                f"{onset.feature.name} (after {onset.step / passage.rate:.2f} s)"
                for onset in dict.fromkeys(named)
            ]
            first = f" Told the same actions, the first to diverge is {told[0]}" + (
                f", of joints {told[1]}." if len(told) > 1 else "."
            )
        return Crossing(
            passage,
            Course.CUT_SHORT,
            f"Half of the episodes in {away} are over within {lengths[0]:.0f} control steps, in "
            f"{home} within {lengths[1]:.0f}. Where that is so everywhere, look for two joints of "
            "like posture that are swapped, left and right, before blaming physics." + first,
        )
    if replay.onsets:
        onset = replay.onsets[0]
        return Crossing(
            passage,
            Course.GRADUALLY,
            f"Told the same actions, no joint differs in {away} by {100 * ELSEWHERE:g} % of its "
            f"range within {EARLY} control steps: no sign of a swapped joint order. "
            f"{onset.feature.name} is the first to diverge, after "
            f"{onset.step / passage.rate:.2f} s: physics.",
        )
    return Crossing(
        passage,
        Course.NEVER,
        f"Told the same actions, nothing diverges in {away} in {replay.sizes.shape[0] - 1} "
        "control steps.",
    )
