import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import find_robot
from envs.interface import Feature, Interface
from simtransfer.target.actuation import Actuation
from simtransfer.target.control_loop import Loop, Patience, Schedule
from simtransfer.target.hand import Hand, Skill
from simtransfer.target.safety import RobotSilentError
from simtransfer.target.wire import Kind, Message

DT = 0.1


def test_deadlines_are_absolute():
    schedule = Schedule(DT, 3, 1.0)
    assert schedule.due(3) == pytest.approx(1.0)
    assert schedule.due(13) == pytest.approx(2.0)
    assert [schedule.at(now) for now in (1.05, 1.15, 1.95)] == [3, 4, 12]


@given(st.lists(st.floats(-0.005, 0.005), min_size=100, max_size=100))
def test_jitter_moves_the_schedule_less_than_it_is(jitter):
    schedule = Schedule(DT, 0, 0.0)
    for step, late in enumerate(jitter):
        schedule.met(step, step * DT + late)
    assert abs(schedule.due(100) - 100 * DT) < 0.005


def test_a_robot_whose_clock_runs_slow_is_followed():
    schedule = Schedule(DT, 0, 0.0)
    slow = 1.01 * DT
    for step in range(500):
        schedule.met(step, step * slow)
    assert schedule.due(500) == pytest.approx(500 * slow, abs=0.025)  # 5 s off if it were not


def test_a_robot_that_halted_its_clock_is_followed_at_once():
    schedule = Schedule(DT, 0, 0.0)
    schedule.missed(10, 4.0)
    assert schedule.due(11) == pytest.approx(4.0 + DT)


@pytest.mark.parametrize("key", ["safe_after", "give_up"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_no_patience_is_refused(key, value):
    with pytest.raises(ValueError, match=f"{key} must be positive"):
        Patience(**{key: value})


class VirtualClock:
    """A robot's clock that advances only while the client waits."""

    speed = 1.0

    def __init__(self):
        self.time = 100.0

    def now(self):
        return self.time

    def wall(self, seconds):
        return seconds


class Wire:
    """Readings that come when they are due, and a client that may not run in between."""

    def __init__(self, readings, stopped=(0.0, 0.0)):
        self.clock, self._stopped, self._readings = VirtualClock(), stopped, readings

    def wait(self, until):
        begin, length = self._stopped
        if length and self.clock.time >= 100.0 + begin:
            self.clock.time += length
            self._stopped = (0.0, 0.0)
        if self._readings and self._readings[0].time + 100.0 <= max(until, self.clock.time):
            reading = self._readings.pop(0)
            self.clock.time = max(self.clock.time, reading.time + 100.0)
            return self.clock.time, reading
        self.clock.time = max(self.clock.time, until)
        return None


def play(wire):
    """A loop that answers readings with 0; what it sent, its hand, and why it ended."""
    robot, sent = find_robot("hatchback"), []
    interface = Interface((Feature("a", "1", -1.0, 1.0),), ())
    skill = Skill(lambda reading: np.zeros(2, np.float32), Actuation(robot, 10.0), interface, 7)
    hand = Hand(skill, 0, sent.append)
    first = wire._readings.pop(0)
    hand.takes(first, wire.clock.now())
    loop = Loop(wire, hand, Patience(safe_after=0.5, give_up=3.0), str)
    try:
        loop.in_real_time(first, DT)
    except RobotSilentError as silence:
        return sent, hand, str(silence)
    raise AssertionError("it goes on for ever")


def readings(count):
    return [
        Message(Kind.READING, 7, k * DT, 0, k, np.zeros(1, dtype=np.float32)) for k in range(count)
    ]


def test_without_readings_commands_are_held_then_safe_then_the_run_ends():
    sent, hand, ended = play(Wire(readings(4)))
    # A step is done without its reading half a step after it was due.
    assert [hand.counts[name] for name in ("answered", "held", "safe")] == [4, 4, 25]
    kinds = [message.kind for message in sent]
    assert kinds == [Kind.COMMAND] * 8 + [Kind.REST] * 25
    assert [message.sequence for message in sent] == list(range(33))
    assert ended == "nothing has come from the robot for 3.0 s"


def test_a_client_that_was_stopped_does_not_blame_the_robot():
    _, hand, ended = play(Wire(readings(40), stopped=(1.0, 60.0)))
    assert hand.counts["answered"] > 11  # it went on with the readings that came afterwards
    assert hand.counts["deadline_misses"] > 500
    assert re.fullmatch(
        r"nothing has come from the robot for 3\.\d s, "
        r"after this client itself did not run for 60\.\d s",
        ended,
    )


def test_a_robot_that_was_halted_for_long_is_driven_again_within_a_second():
    came = readings(60)
    # Its time stood still for 2.5 s, in which the client has counted 25 steps.
    later = [replace(reading, time=reading.time + 2.5) for reading in came[10:]]
    _, hand, _ = play(Wire(came[:10] + later))
    assert hand.counts["answered"] >= 60 - 12
