import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtransfer.target.network_faults import Channel, Faults

PERIOD = 0.1


def sent_through(faults, count, seed=0, period=PERIOD):
    """Arrival time of each datagram that arrives, by number, in the order of arrival."""
    channel = Channel(faults, np.random.default_rng(seed))
    for k in range(count):
        channel.send(k, k * period)
    came = []
    while arrived := channel.arrive(math.inf):
        came.append(arrived)
    assert channel.lost == count - len(came)
    return came


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.2])
def test_the_share_that_is_lost_is_what_was_asked_for(loss):
    count = 20_000
    lost = count - len(sent_through(Faults(loss=loss), count))
    deviation = math.sqrt(count * loss * (1.0 - loss))
    assert abs(lost - count * loss) < 4.0 * deviation


def test_losses_come_one_by_one():
    came = {k for _, k in sent_through(Faults(loss=0.2), 20_000)}
    lost = np.asarray([k not in came for k in range(20_000)])
    assert np.mean(lost[1:][lost[:-1]]) == pytest.approx(0.2, abs=0.03)


def test_delays_have_the_mean_and_the_spread_that_were_asked_for():
    came = sent_through(Faults(delay=0.01, jitter=0.005), 5000)
    late = np.asarray([when - PERIOD * k for when, k in came])
    assert late.min() >= 0.005
    assert late.max() <= 0.015
    assert late.mean() == pytest.approx(0.01, abs=2e-4)
    assert late.std() == pytest.approx(0.005 / math.sqrt(3.0), rel=0.05)


def test_nothing_arrives_before_it_went():
    assert all(
        when >= PERIOD * k for when, k in sent_through(Faults(delay=0.001, jitter=0.05), 2000)
    )


def test_jitter_lets_some_overtake_others_and_only_jitter_does():
    def order(faults):
        return [k for _, k in sent_through(faults, 500, period=0.001)]

    assert order(Faults(delay=0.01)) == list(range(500))
    jumbled = order(Faults(delay=0.01, jitter=0.005))
    assert jumbled != sorted(jumbled) == list(range(500))


def test_a_seed_is_the_same_network_each_time():
    faults = Faults(0.2, 0.01, 0.005)
    assert sent_through(faults, 300, seed=5) == sent_through(faults, 300, seed=5)
    assert sent_through(faults, 300, seed=5) != sent_through(faults, 300, seed=6)


@given(st.floats(0.0, 0.1), st.integers(0, 50))
def test_a_good_network_only_takes_its_time(delay, count):
    came = sent_through(Faults(delay=delay), count)
    assert came == [(PERIOD * k + delay, k) for k in range(count)]


def test_what_is_under_way_arrives_when_it_is_due_or_is_forgotten():
    channel = Channel(Faults(delay=0.5), np.random.default_rng(0))
    channel.send("a", 1.0)
    assert channel.arrive(1.4) is None
    assert channel.next_arrival == 1.5
    assert channel.arrive(1.5) == (1.5, "a")
    channel.send("b", 2.0)
    channel.clear()
    assert channel.next_arrival == math.inf


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"loss": 1.0}, "loss must be from 0 to below 1"),
        ({"loss": -0.1}, "loss must be"),
        ({"loss": math.nan}, "loss must be"),
        ({"delay": -1.0}, "delay must be"),
        ({"jitter": math.inf}, "jitter must be"),
    ],
)
def test_no_network_is_like_that(faults, said):
    with pytest.raises(ValueError, match=said):
        Faults(**faults)
