"""What a demo found, in plain sentences with numbers."""

from __future__ import annotations

from pathlib import Path

from simtransfer.files import read_json


def findings(folder: Path) -> list[str]:
    """Say for each student of a finished comparison how often it succeeds, and with what training.

    Args:
        folder: The comparison's folder, with its report.

    Returns:
        A sentence for each student, and one about the teacher's own training.
    """
    summary, teacher = read_json(folder / "summary.json"), read_json(folder / "experiment.json")
    rows = {(row["student"], row["method"]): row for row in summary["metrics"]}
    said = []
    for headline in summary["headlines"]:
        student = headline["student"]
        scratch, tuned = rows[student, "scratch"], rows[student, "finetune"]
        said.append(
            f"{student}: after {scratch['budget']:,} steps, training from scratch succeeds in "
            f"{_percent(scratch['final_level'])} of the episodes and fine-tuning the teacher's "
            f"policy in {_percent(tuned['final_level'])}; before its first step the fine-tuned "
            f"policy succeeds in {_percent(tuned['start'])} "
            f"(interquartile means of {len(scratch['seeds'])} seeds)."
        )
    name, steps = teacher["teacher"]["name"], teacher["teacher"]["steps"]
    said.append(f"The teacher {name} was trained for {steps:,} steps, which are not counted here.")
    return said


def _percent(interval: dict[str, float]) -> str:
    return f"{100 * interval['estimate']:.0f} %"
