import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtransfer.target.control_loop import Patience, Schedule

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
