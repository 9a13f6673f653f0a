"""`report.html` of a bridge: one page that needs no other file and no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from simtransfer.bridge import tables
from simtransfer.bridge.divergence import APART, EARLY, ELSEWHERE, LASTING
from simtransfer.bridge.findings import TITLES, Course, Findings
from simtransfer.bridge.matrix import elsewhere
from simtransfer.bridge.retention import AT_LEAST, WANTED, Kept
from simtransfer.report import wording
from simtransfer.report.templates import templates

TEMPLATE = "bridge.html"
COLOURS = {
    Kept.YES.value: "good",
    Kept.NO.value: "bad",
    Course.AT_ONCE.value: "bad",
    Course.CUT_SHORT.value: "bad",
}


def render_page(findings: Findings, pictures: Sequence[bytes]) -> str:
    """Render the page with its pictures inside.

    Args:
        findings: What the page says.
        pictures: Of each crossing, as a PNG.
    """
    environment = templates()
    environment.filters.update(percent=wording.percent, share=tables.one_decimal)
    environment.globals.update(
        matrix_cells=tables.matrix_cells,
        kept_cell=tables.kept_cell,
        divergences=tables.divergences,
        onset_lines=tables.onset_lines,
        elsewhere=elsewhere,
        colour=lambda word: COLOURS.get(word, ""),
    )
    encoded = [base64.b64encode(picture).decode() for picture in pictures]
    return environment.get_template(TEMPLATE).render(
        findings=findings,
        episodes=findings.episodes,
        titles=TITLES,
        matrix_columns=tables.MATRIX_COLUMNS,
        onset_columns=tables.ONSET_COLUMNS,
        crossings=list(zip(findings.crossings, encoded, strict=True)),
        apart=APART,
        early=EARLY,
        misplaced=ELSEWHERE,
        lasting=LASTING,
        wanted=WANTED,
        at_least=AT_LEAST,
    )
