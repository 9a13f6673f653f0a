"""The command ``simtransfer``."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.markup import escape

from simtransfer.interruption import code_and_text, raised
from simtransfer.names import require_printable
from simtransfer.terminal import errors, explain, never_fail_to_encode, write_out

if TYPE_CHECKING:
    from simtransfer.experiment import ExperimentConfig

Command = Callable[[], int | None]


class Commands(Mapping[str, Callable[..., int | None]]):
    """The functions of commands by their names, each imported when it is asked for.

    What a command needs takes seconds to import; a list of commands must not.

    Args:
        places: Module in `simtransfer.commands` and function of each command.
    """

    def __init__(self, places: Mapping[str, tuple[str, str]]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Callable[..., int | None]:
        module, function = self._places[name]
        imported = importlib.import_module(f"simtransfer.commands.{module}")
        command: Callable[..., int | None] = getattr(imported, function)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


PLACES = {
    **{
        name: (name, name)
        for name in (
            "train",
            "transfer",
            "compare",
            "evaluate",
            "bridge",
            "report",
            "watch",
            "robots",
            "bench",
            "record",
            "identify",
            "deploy",
        )
    },
    "target serve": ("target", "serve"),
}
COMMANDS: Mapping[str, Callable[..., int | None]] = Commands(PLACES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 success, 1 a failed check, 2 a user's mistake."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if " ".join(given[:2]) in COMMANDS:  # some names are two words
        given[:2] = [" ".join(given[:2])]
    chosen = given[0] if given else ""

    def parse() -> Command:
        require_words(given)
        if chosen and not chosen.startswith("-") and chosen not in COMMANDS:
            from envs.interface import unknown  # which imports every engine

            raise ValueError(unknown("command", chosen, COMMANDS))
        command: Command = tyro.extras.subcommand_cli_from_dict(
            {
                name: deferred(COMMANDS[name]) if name == chosen else _placeholder(name)
                for name in COMMANDS
            },
            prog="simtransfer",
            description="Move a robot policy to a differently built robot, and prove its worth.",
            args=given,
        )
        return command

    return guarded(parse)


def _placeholder(name: str) -> Callable[[], Command]:
    """Stands for a command that was not chosen: only its description is of use."""

    def bind() -> Command:
        raise AssertionError(f"{name} was not chosen")

    module, function = PLACES[name]
    source = (Path(__file__).parent / "commands" / f"{module}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            bind.__doc__ = (ast.get_docstring(node) or "").split("\n\n")[0]
    return bind


def launch(defaults: ExperimentConfig, arguments: Sequence[str] | None = None) -> int:
    """Run an experiment script: ``compare`` with other defaults."""
    from simtransfer.commands.compare import CompareOptions

    compare, no_prefix = COMMANDS["compare"], tyro.conf.arg(name="")

    def script(experiment: object = defaults, options: object = CompareOptions()) -> None:
        compare(experiment, options)

    script.__annotations__ = {
        "experiment": Annotated[type(defaults), no_prefix],
        "options": Annotated[CompareOptions, no_prefix],
    }
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
        command = understood(parse)
        with raised():
            code, said = int(command() or 0), ""
            write_out()
    except BrokenPipeError:  # whoever read the output has seen enough
        code, said = 0, ""
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        code, said = 2, f"[red]simtransfer:[/red] {escape(explain(error))}"
    except KeyboardInterrupt as interruption:
        code, what = code_and_text(interruption)
        said = f"{what}; run the same command again to resume a training from its checkpoint"
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
