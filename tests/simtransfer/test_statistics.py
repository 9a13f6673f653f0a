"""Intervals and aggregate curves, against closed forms and simulated coverage."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtransfer.learning_curves import curve_matrix, forward_fill
from simtransfer.statistics import (
    aggregate_curves,
    interquartile_mean,
    percentile_interval,
    wilson_interval,
)


def table(runs, student="walker", suite="mixed"):
    """Curves from {(method, seed): {step: success}}."""
    return pd.DataFrame(
        [
            {
                "student": student,
                "method": method,
                "seed": seed,
                "step": step,
                "suite": suite,
                "episodes": 20,
                "success_rate": success,
                "collision_rate": 0.0,
                "return_mean": 0.0,
            }
            for (method, seed), points in runs.items()
            for step, success in points.items()
        ]
    )


def test_interquartile_mean_cuts_a_quarter_from_each_end():
    assert interquartile_mean(np.array([0.0, 1.0, 3.0, 100.0])) == 2.0
    assert interquartile_mean(np.array([1.0, 2.0, 6.0])) == 3.0


def test_wilson_interval_is_its_closed_form():
    z, n, p = 1.959963984540054, 20, 0.9
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    interval = wilson_interval(18, 20)
    assert interval.estimate == 0.9
    assert (interval.low, interval.high) == pytest.approx((centre - half, centre + half))


@given(st.integers(1, 500), st.data())
@settings(max_examples=40, deadline=None)
def test_wilson_interval_holds_its_estimate_within_0_and_1(episodes, data):
    interval = wilson_interval(data.draw(st.integers(0, episodes)), episodes)
    assert -1e-12 <= interval.low <= interval.estimate + 1e-12
    assert interval.estimate - 1e-12 <= interval.high <= 1.0 + 1e-12


@pytest.mark.parametrize(("successes", "episodes"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_interval_refuses_what_is_no_share(successes, episodes):
    with pytest.raises(ValueError, match="is not a share"):
        wilson_interval(successes, episodes)


def test_aggregate_is_the_interquartile_mean_at_each_step():
    runs = {("scratch", k): {0: 0.0, 100: k / 10} for k in range(8)}
    (curve,) = aggregate_curves(table(runs), np.random.default_rng(0))
    assert curve.steps.tolist() == [0, 100]
    assert curve.mean == pytest.approx([0.0, np.mean([0.2, 0.3, 0.4, 0.5])])
    assert curve.low[1] < curve.mean[1] < curve.high[1]
    assert curve.short_seeds == ()


def test_equal_seeds_have_a_band_without_width_and_one_seed_has_none():
    equal = table({("scratch", k): {0: 0.1, 100: 0.7} for k in range(4)})
    single = table({("scratch", 3): {0: 0.1, 100: 0.7}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (of_equal,) = aggregate_curves(equal, np.random.default_rng(0))
        (of_single,) = aggregate_curves(single, np.random.default_rng(0))
    assert of_equal.low == pytest.approx(of_equal.mean) == of_equal.high
    assert of_single.mean == pytest.approx([0.1, 0.7])
    assert np.isnan(of_single.low).all() and np.isnan(of_single.high).all()


def test_an_unfinished_run_shortens_the_aggregate_and_is_named():
    full = {0: 0.0, 100: 0.5, 200: 1.0}
    runs = {("scratch", 0): full, ("scratch", 1): {0: 0.0, 100: 0.3}, ("reuse", 0): full}
    scratch, reuse = aggregate_curves(table(runs), np.random.default_rng(0))
    assert scratch.steps.tolist() == [0, 100]
    assert scratch.short_seeds == (1,)
    assert scratch.budget == 200
    assert reuse.steps.tolist() == [0, 100, 200]


@pytest.mark.parametrize("points", [{0: 0.6}, {100: 0.6}, {0: 0.6, 100: 0.6, 200: 0.6}])
def test_zero_shot_is_flat_however_often_it_was_evaluated(points):
    runs = {("scratch", 0): {0: 0.0, 100: 0.5, 200: 1.0}, ("zero-shot", 0): points}
    curves = table(runs)
    before = curves.copy()
    matrix = curve_matrix(forward_fill(curves), "walker", "zero-shot")
    assert matrix.steps.tolist() == [0, 100, 200]
    assert matrix.success.tolist() == [[0.6, 0.6, 0.6]]
    assert matrix.short_seeds == ()
    pd.testing.assert_frame_equal(curves, before)


def test_other_suites_are_not_on_the_curve():
    mixed = table({("scratch", 0): {0: 0.0, 100: 0.5}})
    nominal = table({("scratch", 0): {100: 0.9}}, suite="nominal")
    (curve,) = aggregate_curves(pd.concat([mixed, nominal]), np.random.default_rng(0))
    assert curve.mean == pytest.approx([0.0, 0.5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(success_rate=np.nan), "success_rate is NaN in student walker"),
        (lambda t: t.assign(step=np.nan), "step is NaN"),
        (lambda t: t.assign(success_rate=1.5), "must be within 0 and 1"),
        (lambda t: t.drop(columns="suite"), "lack the column"),
        (lambda t: pd.concat([t, t]), "two rows for student walker"),
    ],
)
def test_a_table_that_means_nothing_is_refused(change, message):
    curves = change(table({("scratch", 0): {0: 0.0, 100: 0.5}}))
    with pytest.raises(ValueError, match=message):
        aggregate_curves(curves, np.random.default_rng(0))


def test_an_empty_table_has_no_curves():
    empty = table({("scratch", 0): {0: 0.0}}).iloc[:0]
    assert aggregate_curves(empty, np.random.default_rng(0)) == ()


def test_undefined_draws_widen_an_interval_until_there_is_none():
    draws = np.linspace(0.0, 1.0, 1001)
    whole = percentile_interval(0.5, draws)
    few = percentile_interval(0.5, np.concatenate([draws, [np.nan] * 10]))
    many = percentile_interval(0.5, np.concatenate([draws, [np.nan] * 100]))
    assert (whole.low, whole.high) == pytest.approx((0.025, 0.975))
    assert few.low < whole.low and few.high > whole.high
    assert np.isnan(many.low) and np.isnan(many.high) and many.estimate == 0.5


def test_the_same_generator_gives_the_same_band():
    runs = {("scratch", k): {0: 0.0, 100: k / 10} for k in range(8)}
    first, second = (aggregate_curves(table(runs), np.random.default_rng(5))[0] for _ in range(2))
    assert first.low.tolist() == second.low.tolist()
