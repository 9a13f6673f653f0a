"""What people see in a terminal that shows less than they would like."""

import io
import json
import sys

import pytest

from simtransfer.terminal import (
    bar,
    counting,
    errors,
    explain,
    never_fail_to_encode,
    output,
    print_json,
    progress,
)


def test_what_a_terminal_cannot_encode_costs_no_result(monkeypatch):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2)]
    for name, stream in zip(("stdout", "stderr"), streams, strict=True):
        monkeypatch.setattr(sys, name, stream)
    never_fail_to_encode()
    output.print("5–6 % [b]", "Ø \udcff", soft_wrap=True)
    print_json({"ended": "–"})
    errors.print("×")
    for stream in streams:
        stream.flush()
    printed = [stream.buffer.getvalue().decode("ascii") for stream in streams]
    first, _, rest = printed[0].partition("\n")
    assert first == r"5\u20136 % [b] \xd8 \udcff"
    assert json.loads(rest) == {"ended": "–"}
    assert printed[1] == "\\xd7\n"


@pytest.mark.parametrize("name", ["[/x]", "[red]x[/red]", "[link=a]b"])
def test_names_are_text_and_not_markup(name, capsys):
    output.print(name)
    with progress() as display:
        bar(display, name, 1)
    with counting(name, 1) as count:
        count(None)
    assert name in capsys.readouterr().out


@pytest.mark.parametrize(
    "error",
    [ValueError("a\x1b[31m\nb\udcff"), OSError(28, "No space left on device", "a\x1b[31m\udcff")],
)
def test_an_error_is_one_line_without_what_steers_a_terminal(error):
    said = explain(error)
    assert r"\x1b[31m" in said and r"\udcff" in said
    assert said.isprintable() and said.encode("utf-8")
