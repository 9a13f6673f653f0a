import numpy as np
import pytest

from envs import find_robot
from simtransfer.target.actuation import Actuation
from simtransfer.target.orders import Orders
from simtransfer.target.wire import Kind, Message

DIGEST, DT, SAFE_AFTER = 7, 0.1, 0.5
FAST, SLOW = np.asarray([0.0, 9.0]), np.asarray([0.1, 3.0])


@pytest.fixture
def orders():
    actuation = Actuation(find_robot("hatchback"), 1.0 / DT)
    return Orders(actuation, 4, DIGEST, np.asarray([0.0, 5.0]), 0.0, ahead=10)


def command(sequence, values, kind=Kind.COMMAND, episode=4, digest=DIGEST):
    return Message(kind, digest, 0.0, episode, sequence, np.asarray(values))


def decide(orders, step):
    return orders.decide(step * DT, (step + 1) * DT, SAFE_AFTER)


def test_a_command_acts_from_when_it_came(orders):
    orders.hear(0.03, command(0, FAST))
    assert decide(orders, 0) == pytest.approx(0.3)
    assert orders.targets.tolist() == [0.0, 9.0]
    assert not orders.halted


def test_of_several_the_newest_counts_whichever_came_last(orders):
    orders.hear(0.01, command(1, FAST))
    orders.hear(0.02, command(0, SLOW))  # was overtaken
    decide(orders, 0)
    assert orders.targets.tolist() == [0.0, 9.0]
    assert (orders.counts["commands"], orders.counts["outdated"]) == (1, 1)


def test_without_a_command_the_last_is_held_and_then_the_robot_is_safe(orders):
    orders.hear(0.0, command(0, FAST))
    driven = []
    for step in range(8):
        assert decide(orders, step) == 0.0
        driven.append((orders.targets[1], orders.halted))
    assert driven == [(9.0, False)] * 5 + [(0.0, True)] * 3
    assert (orders.counts["held"], orders.counts["safe"]) == (4, 3)
    orders.hear(8 * DT, command(1, SLOW))  # and it goes on when it is told to
    decide(orders, 8)
    assert (orders.targets.tolist(), orders.halted) == ([0.1, 3.0], False)


def test_a_client_that_goes_to_rest_halts_the_robot(orders):
    orders.hear(0.0, command(0, [0.0, 0.0], Kind.REST))
    decide(orders, 0)
    assert orders.halted
    decide(orders, 1)  # still, while nothing else is said
    assert orders.halted


def test_limits_hold_whatever_the_client_says(orders):
    orders.hear(0.0, command(0, [99.0, 1e300]))
    decide(orders, 0)
    assert orders.targets.tolist() == pytest.approx([0.15, 10.0])
    assert orders.counts["limited"] == 1


@pytest.mark.parametrize(
    "message",
    [
        command(0, [np.nan, 1.0]),
        command(0, [np.inf, 1.0]),
        command(0, [0.0]),
        command(0, []),
        command(0, FAST, digest=8),
    ],
)
def test_a_command_that_cannot_be_meant_is_not_done(orders, message):
    orders.hear(0.0, message)
    decide(orders, 0)
    assert orders.targets.tolist() == [0.0, 5.0]
    assert orders.counts["unusable"] == 1


@pytest.mark.parametrize("sequence", [11, 2**31, 2**32 - 1])
def test_a_command_from_the_far_future_does_not_lock_out_later_ones(sequence, orders):
    orders.hear(0.0, command(sequence, SLOW))
    orders.hear(0.01, command(10, FAST))
    decide(orders, 0)
    assert orders.targets.tolist() == [0.0, 9.0]
    assert (orders.counts["commands"], orders.counts["unusable"]) == (1, 1)
    orders.hear(0.11, command(11, SLOW))  # a control step later it is near enough
    decide(orders, 1)
    assert orders.targets.tolist() == [0.1, 3.0]


def test_another_episodes_command_is_not_heard(orders):
    orders.hear(0.0, command(0, FAST, episode=3))
    assert orders.sequence == -1


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (Message(Kind.STOP, text="smoke"), "stopped: smoke"),
        (Message(Kind.STOP, text="\x1b[2J\nsmoke"), "stopped: ?[2J?smoke"),
        (Message(Kind.BYE), "the client left"),
    ],
)
def test_a_stop_goes_before_any_command(orders, message, why):
    orders.hear(0.0, command(0, FAST))
    orders.hear(0.0, message)
    orders.hear(0.0, command(1, FAST))
    decide(orders, 0)
    assert orders.targets.tolist() == [0.0, 0.0]
    assert (orders.ended, orders.halted) == (why, True)
