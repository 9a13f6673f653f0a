import numpy as np
import pandas as pd
import pytest

from experiments.scaling import (
    MODEL,
    Scaling,
    collection,
    fitted,
    least_of,
    power,
    processes_up_to,
    seconds_of,
    terms,
)
from simtransfer.terminal import progress


@pytest.mark.parametrize(("most", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6])])
def test_processes_double_up_to_the_most(most, counts):
    assert processes_up_to(most) == counts


def test_the_model_finds_what_measurements_were_made_of():
    made = np.asarray([3e-5, 2e-5, 1e-5, 1e-3])
    counts = [(p, w) for p in (1, 2, 4) for w in (1, 4, 16)]
    table = pd.DataFrame(counts, columns=["processes", "worlds"])
    table["seconds"] = terms(table["processes"].to_numpy(), table["worlds"].to_numpy()) @ made
    np.testing.assert_allclose(fitted(table), made, rtol=1e-6)
    assert len(MODEL) == len(made)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_the_power_is_that_of_what_is_added(exponent):
    amounts = [10.0, 20.0, 40.0, 80.0, 160.0]
    seconds = [5.0 + (amount - 10.0) ** exponent for amount in amounts]
    assert power(amounts, seconds) == pytest.approx(exponent)


def test_a_call_is_timed():
    calls = []
    assert 0.0 < seconds_of(lambda: calls.append(1), 0.01) < 0.001
    assert len(calls) > 10


def test_the_least_counts_of_what_is_taken_in_turns():
    taken, times = [], iter([3.0, 1.0, 2.0, 5.0])
    work = {name: lambda name=name: (taken.append(name), next(times))[1] for name in "ab"}
    with progress() as display:
        assert least_of(work, 2, display, "work") == {"a": 2.0, "b": 1.0}
    assert taken == ["a", "b", "a", "b"]


def test_worlds_in_processes_are_timed():
    assert 0.0 < collection("driving", 2, 1, 0.05) < 1.0


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0.0}, {"rounds": 0}, {"worlds": ()}, {"worlds": (0,)}]
)
def test_figures_that_measure_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Scaling(**wrong)
