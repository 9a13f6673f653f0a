"""The command ``simtransfer``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import tyro
from rich.markup import escape

from simtransfer.commands.bench import bench
from simtransfer.commands.compare import CompareOptions, compare
from simtransfer.commands.evaluate import evaluate
from simtransfer.commands.report import report
from simtransfer.commands.robots import robots
from simtransfer.commands.train import train
from simtransfer.commands.transfer import transfer
from simtransfer.commands.watch import watch
from simtransfer.experiment import ExperimentConfig
from simtransfer.terminal import errors

COMMANDS: dict[str, Callable[..., int | None]] = {
    "train": train,
    "transfer": transfer,
    "compare": compare,
    "evaluate": evaluate,
    "report": report,
    "watch": watch,
    "robots": robots,
    "bench": bench,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 success, 1 a failed check, 2 a user's mistake."""
    return guarded(
        lambda: tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="simtransfer",
            description="Move a robot policy to a differently built robot, and prove its worth.",
            args=list(arguments) if arguments is not None else None,
        )
    )


def launch(defaults: ExperimentConfig, arguments: Sequence[str] | None = None) -> int:
    """Run an experiment script: ``compare`` with other defaults."""

    def script(
        experiment: Annotated[ExperimentConfig, tyro.conf.arg(name="")] = defaults,
        options: Annotated[CompareOptions, tyro.conf.arg(name="")] = CompareOptions(),
    ) -> None:
        compare(experiment, options)

    script.__doc__ = compare.__doc__
    return guarded(
        lambda: tyro.cli(script, args=list(arguments) if arguments is not None else None)
    )


def guarded(command: Callable[[], int | None]) -> int:
    """Run ``command``; a mistake becomes one line on the error stream."""
    try:
        return int(command() or 0)
    except (ValueError, OSError, RuntimeError) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        errors.print(f"[red]simtransfer:[/red] {escape(explain(error))}", soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        errors.print("interrupted; the same command goes on from the last evaluation")
        return 130


def explain(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        hint = "; free some space, then run the same command again" if error.errno == 28 else ""
        return f"{where}{error.strerror}{hint}"
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())
