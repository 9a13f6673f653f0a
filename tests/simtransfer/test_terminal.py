"""What people see in a terminal that shows less than they would like."""

import io
import json
import os
import sys

import pytest
from rich.console import Console

from simtransfer.terminal import (
    Display,
    Terminal,
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


class Clock:
    """A clock that is set by hand."""

    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def shown(clock, terminal=False):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    return Display(console, clock), console.file


def test_a_file_gets_a_line_every_ten_seconds_and_at_each_evaluation(clock):
    display, file = shown(clock)
    with display:
        task = bar(display, "scratch van seed 0", 40_960, "steps")
        for clock.seconds in range(0, 41):
            note = "success 0.42" if clock.seconds >= 13 else ""
            display.update(task, completed=512 * clock.seconds, note=note)
    assert file.getvalue().splitlines() == [
        "scratch van seed 0: 0 of 40,960 steps",
        "scratch van seed 0: 5,120 of 40,960 steps, about 70 s left",
        "scratch van seed 0: 6,656 of 40,960 steps, success 0.42, about 67 s left",
        "scratch van seed 0: 11,776 of 40,960 steps, success 0.42, about 57 s left",
        "scratch van seed 0: 16,896 of 40,960 steps, success 0.42, about 47 s left",
    ]


def test_a_resumed_run_does_not_count_its_earlier_steps_as_speed(clock):
    display, file = shown(clock)
    with display:
        task = bar(display, "run", 1_000, "steps")
        clock.seconds = 5.0  # it takes some time to begin
        display.update(task, completed=800)
        clock.seconds = 25.0
        display.update(task, completed=900)
    assert file.getvalue().splitlines() == [
        "run: 800 of 1,000 steps",
        "run: 900 of 1,000 steps, about 20 s left",
    ]


def test_runs_that_were_done_before_do_not_count_as_speed(clock):
    display, file = shown(clock)
    with display:
        task = bar(display, "demo", 12, "runs")
        for _ in range(6):
            display.advance(task)
        clock.seconds = 60.0
        display.advance(task)
    assert file.getvalue() == "demo: 7 of 12 runs, about 5 min left\n"


def test_the_first_of_several_runs_tells_how_long_the_others_take(clock):
    display, file = shown(clock)
    with display:
        task = bar(display, "demo", 12, "runs")
        clock.seconds = 30.0
        display.advance(task)
    assert file.getvalue() == "demo: 1 of 12 runs, about 6 min left\n"


def test_what_takes_a_moment_prints_no_line(clock):
    display, file = shown(clock)
    with display:
        task = bar(display, "van, mixed", 20, "episodes")
        for _ in range(20):
            clock.seconds += 0.1
            display.advance(task)
    assert file.getvalue() == ""


def test_many_tasks_print_no_more_lines_than_one(clock):
    display, file = shown(clock)
    with display:
        tasks = [bar(display, f"run {i}", 10_000) for i in range(16)]
        for _ in range(320):
            clock.seconds += 1.0
            for task in tasks:
                display.advance(task)
    assert 16 <= len(file.getvalue().splitlines()) <= 320 / 10


def test_a_terminal_gets_bars_and_no_lines(clock):
    display, file = shown(clock, terminal=True)
    with display:
        task = bar(display, "run", 100, "steps")
        clock.seconds = 60.0
        display.update(task, completed=50)
        display.announce("run: started")
    assert "about" not in file.getvalue()
    assert "run: started" not in file.getvalue()
    assert "50/100" in file.getvalue()


def test_a_log_whose_reader_is_gone_ends_no_training(clock, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=1, encoding="utf-8", closefd=False) as log:
        monkeypatch.setattr("sys.stderr", log)
        with Display(Terminal(stderr=True), clock) as display:
            display.announce("run: started")
            task = bar(display, "run", 100, "steps")
            display.update(task, completed=50, note="success 0.50")
        assert display.tasks[0].completed == 50
        with pytest.raises(BrokenPipeError):
            log.close()
    os.close(writer)
