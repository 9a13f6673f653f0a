import os
import signal
import time

import pytest

import agents.line
from agents.line import ATTENTION, MAIL, ORDERED, Line
from agents.processes import forkserver

WORD = 7
STEP = 0.1 * ATTENTION  # s by which each word's reply is later


def work(memory, pipe, attention, ordered):
    """Reply to a word with nothing, to a message with it; as late as each says."""
    agents.line.ORDERED = ordered
    line = Line(memory, pipe, attention)
    try:
        while True:
            word, message = line.hear()
            time.sleep(float(message) if word == MAIL else word * STEP)
            line.reply(message if word == MAIL else b"")
    except EOFError:
        pass


class Echo:
    def __init__(self, attention, ordered=ORDERED):
        context = forkserver("envs.bullet", "envs.catalogue")
        memory = Line.memory(context)
        ours, theirs = context.Pipe()
        told = (memory, theirs, attention, ordered)
        self.process = context.Process(target=work, args=told, daemon=True)
        self.process.start()
        theirs.close()
        self.line = Line(memory, ours, attention)

    def ask(self, *order):
        self.line.ask(*order)
        return self.line.answer()


@pytest.fixture(
    params=[(0.0, ORDERED), (ATTENTION, ORDERED), (ATTENTION, False)],
    ids=["sleeps", "looks", "looks at the pipe"],
)
def echo(request, monkeypatch):
    attention, ordered = request.param
    monkeypatch.setattr("agents.line.ORDERED", ordered)
    made = Echo(attention, ordered)
    yield made
    made.line.close()
    made.process.join(120.0)
    assert made.process.exitcode == 0


def test_each_question_gets_its_own_answer_however_long_either_end_takes(echo):
    # Around the attention, one end falls asleep just as the other has something to tell.
    for k in range(400):
        pause = (0.0, 0.5, 0.95, 1.0, 1.05, 1.5)[k % 6] * ATTENTION
        time.sleep(pause)
        if k % 3:
            message = f"{pause * (k % 5 == 0):.6f}{k:04d}".encode()
            assert echo.ask(MAIL, message) == message
        else:
            assert echo.ask(1 + k % 25) == b""


@pytest.mark.skipif(not ORDERED, reason="nobody looks on this machine")
def test_who_looks_needs_no_message():
    class Deaf:
        def send_bytes(self, message):
            raise AssertionError("sent")

    memory = memoryview(bytearray(4))
    here, there = Line(memory, Deaf(), 1.0), Line(memory, Deaf(), 1.0)
    here.ask(WORD)
    assert there.hear() == (WORD, b"")
    there.reply()
    assert here.answer() == b""
    assert bytes(memory) == bytes(4)


def test_a_message_may_be_longer_than_a_pipe_holds(echo):
    message = b"0." + b"0" * 10**6
    assert echo.ask(MAIL, message) == message


def test_one_end_that_stops_for_a_while_is_waited_for(echo):
    os.kill(echo.process.pid, signal.SIGSTOP)
    echo.line.ask(WORD)
    time.sleep(0.05)
    os.kill(echo.process.pid, signal.SIGCONT)
    assert echo.line.answer() == b""


@pytest.mark.parametrize("attention", [0.0, ATTENTION])
def test_an_end_that_is_gone_is_noticed(attention):
    echo = Echo(attention)
    assert echo.ask(WORD) == b""
    echo.process.kill()
    echo.process.join()
    with pytest.raises((EOFError, OSError)):
        echo.ask(WORD)
