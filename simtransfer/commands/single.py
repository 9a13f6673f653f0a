"""One run in this process, with a bar, and what came of it."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from agents.processes import workers_for
from simtransfer.commands.robots import warn_of_files
from simtransfer.files import claim_folder, write_bytes
from simtransfer.footprint import require_memory
from simtransfer.report.ranges import draw_ranges
from simtransfer.results_table import results_table
from simtransfer.run import Progress, Run
from simtransfer.run_config import RunConfig
from simtransfer.run_records import TensorRecord, read_done, read_ranges, read_transfer
from simtransfer.terminal import bar, errors, output, print_json, progress


def train_once(config: RunConfig, folder: Path, json: bool, workers: int | None) -> None:
    """Train, or go on, and print what was transferred and how well the result does."""
    if config.plan.trainable == "none":
        raise ValueError(
            f"{config.method} trains nothing: simtransfer evaluate TEACHER --robot {config.robot}"
        )
    workers = workers_for(workers)
    run = Run(config, folder)
    if not run.is_done():
        require_memory(config, workers)
        warn_of_files(run.robot, config.task)
        if rounding := run.segments.rounding(config):
            errors.print(rounding, highlight=False, soft_wrap=True)
        claim_folder(folder)
        with progress() as display:
            name = f"{config.method} {run.robot.name} seed {config.seed}"
            line = bar(display, name, None, "steps")

            def show(state: Progress) -> None:
                rate = state.success_rate
                note = "" if math.isnan(rate) else f"success {rate:.2f}"
                display.update(line, completed=state.steps, total=state.total, note=note)
                if state.steps == state.total:
                    display.announce(f"{name}: {state.steps:,} steps done, evaluating every suite")

            command = shlex.join(["simtransfer", *sys.argv[1:]])
            run = Run(config, folder, show, command, workers)
            run.execute()
    run.trained()
    done, transferred = read_done(folder), read_transfer(folder)
    ranges = _draw(folder)
    if json:
        print_json(
            {
                "bundle": str(folder / "bundle"),
                "steps": done.steps,
                "suites": done.measured,
                "ranges": str(ranges) if ranges else None,
                "transferred": [asdict(row) for row in transferred],
            }
        )
        return
    if config.teacher:
        output.print(_tensor_table(transferred))
    title = f"{config.robot} after {done.steps:,} steps"
    output.print(results_table(title, done.measured))
    output.print(f"bundle: {folder / 'bundle'}", highlight=False, soft_wrap=True)
    if ranges:
        output.print(f"what was drawn from: {ranges}", highlight=False, soft_wrap=True)


def _draw(folder: Path) -> Path | None:
    """A picture of what a run drew from, if that changed while it trained."""
    table, picture = read_ranges(folder / "ranges.parquet"), folder / "ranges.png"
    if table is None or table.empty:
        return None
    write_bytes(draw_ranges(table), picture)
    return picture


def _tensor_table(rows: Sequence[TensorRecord]) -> Table:
    table = Table(title="what was transferred")
    for column in ("tensor", "shape", "status", "how"):
        table.add_column(column)
    for row in rows:
        shape = " × ".join(map(str, row.shape))
        table.add_row(row.tensor, shape, row.status, row.detail)
    return table
