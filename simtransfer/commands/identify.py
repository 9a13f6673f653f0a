"""``simtransfer identify``: a randomization that a robot's logs speak for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from agents.processes import workers_for
from envs import find_robot
from envs.randomization_file import as_toml, digest, find_randomization
from simtransfer.commands.options import PriorRandomization
from simtransfer.files import claim, write_text
from simtransfer.identification.identified import (
    BAND,
    UNTOLD,
    Effort,
    Identified,
    Listener,
)
from simtransfer.identification.identified import (
    identify as conclude,
)
from simtransfer.identification.log import read_logs
from simtransfer.identification.picture import draw
from simtransfer.identification.posterior import require_sbi
from simtransfer.identification.prior import Prior
from simtransfer.terminal import bar, output, print_json, progress

UNEXPLAINED = 0.7  # share of readings within their band below which a log is not explained


def identify(
    logs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    robot: str,
    prior: PriorRandomization = "wide",
    parameters: tuple[str, ...] = (),
    effort: Annotated[Effort, tyro.conf.arg(name="")] = Effort(),
    workers: int | None = None,
    output_file: Annotated[Path, tyro.conf.arg(name="output")] = Path("identified.toml"),
    json: bool = False,
) -> None:
    """Infer from logs what a robot's parameters may be, and write a randomization that draws them.

    Args:
        logs: Parquet files of one robot.
        robot: A robot's name or the path of a robot.toml.
        prior: What is thought of the parameters before.
        parameters: Those to infer. Default: all of the prior that a robot without a task feels.
        effort: How much is spent.
        workers: Processes that replay. Default: the number of cores.
        output_file: The randomization; a picture is put beside it.
        json: Print JSON instead of a table.
    """
    processes = workers_for(workers)
    if output_file.suffix != ".toml":
        raise ValueError(f"--output: a randomization is a .toml file, got {output_file}")
    require_sbi()
    picture = output_file.with_suffix(".png")
    for file in (output_file, picture):
        claim(file)
    who = find_robot(robot)
    log = read_logs(logs, who)
    before = Prior.of(find_randomization(prior), parameters)
    with progress() as display:
        replays = bar(display, "replays", effort.replays + min(BAND, effort.draws))
        learning = bar(display, "learning", None)
        listener = Listener(
            lambda: display.advance(replays),
            lambda epoch: display.update(learning, completed=epoch, note=f"epoch {epoch}"),
        )
        found = conclude(log, before, effort, processes, listener)
    told = ", ".join(map(str, logs))
    comment = f"What {who.name}'s parameters may be, from {told}; before: {prior}."
    draw(found, picture)
    write_text(as_toml(found.randomization, comment), output_file)
    if json:
        print_json(
            {
                "randomization": str(output_file),
                "digest": digest(found.randomization),
                "picture": str(picture),
                "parameters": found.rows(),
                "explained": found.explained(),
            }
        )
        return
    output.print(_table(found, who.name))
    for name, share in found.explained().items():
        if share < UNEXPLAINED:
            output.print(
                f"{name}: only {100 * share:.0f} % of readings lie where 90 % should; "
                "the simulator does not explain this log, so mistrust narrow intervals",
                highlight=False,
                soft_wrap=True,
            )
    output.print(f"randomization: {output_file}", highlight=False, soft_wrap=True)
    output.print(f"picture: {picture}", highlight=False, soft_wrap=True)


def _table(found: Identified, robot: str) -> Table:
    table = Table(title=f"{robot}, from {len(found.log.readings)} rows of log")
    rows = found.rows()
    # A narrow terminal breaks lines between words, and cuts nothing short.
    table.add_column("parameter", min_width=1 + max(len(row["parameter"]) for row in rows))
    for column in ("prior 90 %", "median", "90 %"):
        table.add_column(column)
    for column in ("width", "told"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        unit = "" if row["unit"] == "1" else f", {row['unit']}"
        table.add_row(
            row["parameter"] + unit,
            "{:.2g} to {:.2g}".format(*row["prior"]),
            f"{row['median']:.3g}",
            "{:.3g} to {:.3g}".format(*row["interval"]),
            f"{row['width']:.2f}",
            "yes" if row["told"] else "no",
        )
    table.caption = (
        f"width: of the 90 %, over the prior's; above {UNTOLD:g} the log says next to nothing"
    )
    return table
