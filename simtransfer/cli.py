"""The command ``simtransfer``."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import tyro
from rich.markup import escape

from envs.interface import unknown
from simtransfer.commands.bench import bench
from simtransfer.commands.bridge import bridge
from simtransfer.commands.compare import CompareOptions, compare
from simtransfer.commands.deploy import deploy
from simtransfer.commands.evaluate import evaluate
from simtransfer.commands.identify import identify
from simtransfer.commands.record import record
from simtransfer.commands.report import report
from simtransfer.commands.robots import robots
from simtransfer.commands.target import serve
from simtransfer.commands.train import train
from simtransfer.commands.transfer import transfer
from simtransfer.commands.watch import watch
from simtransfer.experiment import ExperimentConfig
from simtransfer.names import require_printable
from simtransfer.terminal import errors, explain, never_fail_to_encode, write_out

Command = Callable[[], int | None]

COMMANDS: dict[str, Callable[..., int | None]] = {
    "train": train,
    "transfer": transfer,
    "compare": compare,
    "evaluate": evaluate,
    "bridge": bridge,
    "report": report,
    "watch": watch,
    "robots": robots,
    "bench": bench,
    "record": record,
    "identify": identify,
    "deploy": deploy,
    "target serve": serve,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 success, 1 a failed check, 2 a user's mistake."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands = {name: deferred(command) for name, command in COMMANDS.items()}
    if " ".join(given[:2]) in commands:  # some names are two words
        given[:2] = [" ".join(given[:2])]

    def parse() -> Command:
        require_words(given)
        if given and not given[0].startswith("-") and given[0] not in commands:
            raise ValueError(unknown("command", given[0], commands))
        command: Command = tyro.extras.subcommand_cli_from_dict(
            commands,
            prog="simtransfer",
            description="Move a robot policy to a differently built robot, and prove its worth.",
            args=given,
        )
        return command

    return guarded(parse)


def launch(defaults: ExperimentConfig, arguments: Sequence[str] | None = None) -> int:
    """Run an experiment script: ``compare`` with other defaults."""

    def script(
        experiment: Annotated[ExperimentConfig, tyro.conf.arg(name="")] = defaults,
        options: Annotated[CompareOptions, tyro.conf.arg(name="")] = CompareOptions(),
    ) -> None:
        compare(experiment, options)

    script.__doc__ = compare.__doc__
    given = list(sys.argv[1:] if arguments is None else arguments)

    def parse() -> Command:
        require_words(given)
        return tyro.cli(deferred(script), args=given)

    return guarded(parse)


def require_words(arguments: Sequence[str]) -> None:
    """Check the words of a command line, which become names, paths and records.

    Raises:
        ValueError: If one is empty, or cannot be printed or written as UTF-8.
    """
    for before, word in zip(["", *arguments], arguments, strict=False):
        option = before if before.startswith("--") else "an argument"
        require_printable(word, option)
        if not word or re.fullmatch("--[^=]*=", word):
            raise ValueError(f"{word.rstrip('=') or option}: is empty; give a value")


def deferred(command: Callable[..., int | None]) -> Callable[..., Command]:
    """A command that, given its arguments, is yet to be run: parsing ends before work begins."""

    @functools.wraps(command)
    def bind(*args: object, **kwargs: object) -> Command:
        return functools.partial(command, *args, **kwargs)

    return bind


def guarded(parse: Callable[[], Command]) -> int:
    """Parse and run a command; a mistake becomes one line on the error stream."""
    never_fail_to_encode()
    try:
        code, said = int(understood(parse)() or 0), ""
        write_out()
    except BrokenPipeError:  # whoever read the output has seen enough
        code, said = 0, ""
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        code, said = 2, f"[red]simtransfer:[/red] {escape(explain(error))}"
    except KeyboardInterrupt:
        code, said = 130, "interrupted; a training goes on from its last checkpoint when run again"
    with contextlib.suppress(OSError):  # nobody may be there to be told
        if said:
            errors.print(said, soft_wrap=True, markup=True)
    with contextlib.suppress(OSError):
        write_out()
    return code


def understood(parse: Callable[[], Command]) -> Command:
    """The command that ``parse`` finds.

    Raises:
        ValueError: If it finds none: tyro's frame in one line.
    """
    framed = io.StringIO()
    try:
        with contextlib.redirect_stderr(framed):
            return parse()
    except SystemExit as end:
        if not end.code:  # it was asked for help, and gave it
            return lambda: None
    raise ValueError(_unframed(framed.getvalue()))


def _unframed(text: str) -> str:
    """What tyro says in a frame, in one line: the mistake and the nearest option."""
    lines = [line.strip("│| ") for line in text.splitlines()]
    sections: list[list[str]] = [[]]
    for line in lines:
        if re.fullmatch("[─-]{5,}", line):
            sections.append([])
        elif line and line[0] not in "╭╰":
            sections[-1].append(line)
    if "╭" not in text and len(sections) > 1:  # without Unicode, the title is a section
        del sections[0]
    said = " ".join(sections[0]).rstrip(".")
    said = re.sub(r"^Error parsing __tyro\S+: ", "", said)  # an inner name that nobody gave
    hint = ""
    for section in sections:
        options = [line.split()[0] for line in section if line.startswith("--")]
        if section[:1] == ["Perhaps you meant:"] and options:
            hint = f"; perhaps you meant {options[0]}"
    return f"{said[:1].lower()}{said[1:]}{hint}; --help tells more"


def at_least_one(options: object, *names: str) -> None:
    """Refuse options below 1, by the names that the command line has for them.

    Raises:
        ValueError: If one of them is less than 1.
    """
    for name in names:
        if (value := getattr(options, name)) < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {value}")


if __name__ == "__main__":
    sys.exit(main())
