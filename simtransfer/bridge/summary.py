"""`summary.json`: every number of a bridge's report, for another program."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from simtransfer.bridge.divergence import APART, EARLY, ELSEWHERE, LASTING, Divergence, Onset
from simtransfer.bridge.findings import Crossing, Findings
from simtransfer.bridge.matrix import MatrixRow
from simtransfer.bridge.recording import Recording
from simtransfer.bridge.retention import AT_LEAST, WANTED
from simtransfer.report.summary import as_json
from simtransfer.statistics import CONFIDENCE


def render_summary(findings: Findings) -> str:
    """The findings as JSON text: keys in a fixed order, what is not defined as null."""
    return json.dumps(as_json(summarize(findings)), indent=2, allow_nan=False) + "\n"


def summarize(findings: Findings) -> dict[str, Any]:
    """The findings as nested dictionaries, in the report's order."""
    return {
        "name": findings.name,
        "task": findings.task,
        "matrix": [_row(row, findings.robots[row.label]) for row in findings.matrix],
        "divergence": [_crossing(crossing) for crossing in findings.crossings],
        "episodes": asdict(findings.episodes),
        "confidence": CONFIDENCE,
        "kept": {"estimate": WANTED, "low": AT_LEAST},
        "apart": {"distance": APART, "lasting": LASTING},
        "misplaced": {"share_of_range": ELSEWHERE, "steps": EARLY},
        "command": findings.command,
        "versions": findings.versions,
    }


def _row(row: MatrixRow, robot: str) -> dict[str, Any]:
    return {
        "policy": row.label,
        "robot": robot,
        "trained_in": row.trained_in,
        "suite": row.suite,
        "seeds": row.seeds,
        "episodes": row.episodes,
        "evaluated_in": {
            cell.engine: {"success": asdict(cell.success), "median_length": cell.length}
            for cell in row.cells
        },
        "retention": asdict(row.retention),
        "verdict": row.kept.value,
    }


def _crossing(crossing: Crossing) -> dict[str, Any]:
    passage = crossing.passage
    return {
        "policy": passage.label,
        "trained_in": passage.home,
        "suite": passage.suite,
        "episode": passage.episode,
        "parts": crossing.course.value,
        "sentence": crossing.sentence,
        "reference": _play(passage.reference),
        "closed_loop": _play(passage.closed) | _diverging(passage.closed_divergence),
        "replay": _play(passage.replayed) | _diverging(passage.replay_divergence),
    }


def _play(recording: Recording) -> dict[str, Any]:
    return {"steps": recording.steps, "ended": recording.ended, "success": recording.success}


def _diverging(divergence: Divergence) -> dict[str, Any]:
    onsets = [_onset(onset) for onset in divergence.onsets]
    misplaced = [_onset(onset) for onset in divergence.misplaced]
    return {
        "first": onsets[0] if onsets else None,
        "diverging": onsets,
        "misplaced": misplaced,
    }


def _onset(onset: Onset) -> dict[str, Any]:
    feature = onset.feature
    told = {"observation": feature.name, "unit": feature.unit, "group": feature.group}
    return told | {k: v for k, v in asdict(onset).items() if k != "feature"}
