"""The command ``simtransfer``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import tyro

from simtransfer.commands.bench import bench
from simtransfer.commands.compare import compare
from simtransfer.commands.evaluate import evaluate
from simtransfer.commands.report import report
from simtransfer.commands.robots import robots
from simtransfer.commands.train import train
from simtransfer.commands.transfer import transfer
from simtransfer.commands.watch import watch
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
    try:
        result = tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="simtransfer",
            description="Move a robot policy to a differently built robot, and prove its worth.",
            args=list(arguments) if arguments is not None else None,
        )
    except (ValueError, OSError, RuntimeError) as error:
        errors.print(f"[red]simtransfer:[/red] {explain(error)}", soft_wrap=True, highlight=False)
        return 2
    except KeyboardInterrupt:
        errors.print("interrupted; the same command goes on from the last evaluation")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return int(result or 0)


def explain(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        hint = "; free some space, then run the same command again" if error.errno == 28 else ""
        return f"{where}{error.strerror}{hint}"
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())
