"""What transfer was worth, on curves for which the answer is known."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simtransfer.curve_quantities import first_at_threshold, learning_slope
from simtransfer.transfer_metrics import measure_all
from simtransfer.verdicts import Outcome, best_verdict, judge

STEPS = np.arange(0, 101) * 1000


def ramp(length, top=1.0, start=0.0):
    """A curve that rises in a straight line over `length` steps and then stays."""
    return start + (top - start) * np.minimum(STEPS / length, 1.0)


def table(methods, steps=STEPS):
    """Curves from {method: array (S, T)}."""
    return pd.DataFrame(
        [
            {
                "student": "walker",
                "method": method,
                "seed": seed,
                "step": int(step),
                "suite": "mixed",
                "success_rate": float(np.clip(value, 0.0, 1.0)),
            }
            for method, runs in methods.items()
            for seed, run in enumerate(runs)
            for step, value in zip(steps, run, strict=False)
        ]
    )


def measure(methods, steps=STEPS, **options):
    options = {"resamples": 400, **options}
    rows = measure_all(table(methods, steps), np.random.default_rng(0), **options)
    return {row.method: row for row in rows}


def noisy(curve, seeds=10, scale=0.03, seed=0):
    noise = np.random.default_rng(seed).normal(0.0, scale, (seeds, len(curve)))
    return np.clip(curve + noise, 0.0, 1.0)


def repeat(curve, seeds=6):
    return np.tile(curve, (seeds, 1))


def test_a_method_that_learns_five_times_earlier_has_speed_up_five():
    rows = measure({"scratch": repeat(ramp(50_000)), "reuse": repeat(ramp(10_000))})
    assert rows["scratch"].time_to_threshold.estimate == 45_000
    speed_up = rows["reuse"].speed_up
    assert (speed_up.low, speed_up.estimate, speed_up.high) == (5.0, 5.0, 5.0)
    sentence = judge(rows["reuse"]).sentence
    assert sentence == "reached the level 5.0× faster (95 % interval 5.0–5.0)"


def test_identical_methods_show_no_difference():
    runs = noisy(ramp(50_000))
    reuse = measure({"scratch": runs, "reuse": runs})["reuse"]
    assert (reuse.speed_up.low, reuse.speed_up.high) == (1.0, 1.0)
    assert reuse.probability_of_improvement.estimate == 0.5
    assert reuse.final_level_difference.estimate == reuse.area_ratio.estimate == 0.0
    assert judge(reuse).sentence == "no difference shown"


def test_methods_that_differ_by_noise_alone_show_no_difference():
    runs = {
        "scratch": noisy(ramp(50_000), scale=0.1, seed=1),
        "reuse": noisy(ramp(50_000), scale=0.1, seed=2),
    }
    reuse = measure(runs)["reuse"]
    assert reuse.speed_up.low <= 1.0 <= reuse.speed_up.high
    assert reuse.probability_of_improvement.low < 0.5 < reuse.probability_of_improvement.high
    assert judge(reuse).outcome is Outcome.NO_DIFFERENCE


def test_closed_forms_of_two_ramps():
    rows = measure(
        {"scratch": repeat(ramp(100_000)), "reuse": repeat(ramp(100_000, start=0.5))},
        teacher_success=0.8,
    )
    reuse = rows["reuse"]
    # Final level of the ramp to 1: mean of 0.98, 0.99, 1.0.
    assert reuse.threshold == pytest.approx(0.9 * 0.99)
    assert reuse.jumpstart.estimate == pytest.approx(0.5)
    assert reuse.jumpstart_of_teacher.estimate == pytest.approx(0.5 / 0.8)
    assert reuse.slope.estimate == pytest.approx(0.5)
    assert rows["scratch"].slope.estimate == pytest.approx(1.0)
    assert reuse.area_ratio.estimate == pytest.approx((0.75 - 0.5) / 0.5)
    assert reuse.final_level.estimate == pytest.approx(0.995)
    assert rows["scratch"].speed_up.estimate == 1.0


def test_the_teachers_steps_are_charged():
    reuse = measure(
        {"scratch": repeat(ramp(80_000)), "reuse": repeat(ramp(16_000))}, teacher_steps=200_000
    )["reuse"]
    assert reuse.speed_up_charged.estimate == pytest.approx(
        72_000 / (reuse.time_to_threshold.estimate + 200_000)
    )
    unknown = measure({"scratch": repeat(ramp(80_000)), "reuse": repeat(ramp(16_000))})["reuse"]
    assert math.isnan(unknown.speed_up_charged.estimate)


def test_a_method_at_the_threshold_from_the_start_is_counted_as_one_interval():
    scratch = repeat(ramp(80_000))
    runs = table({"scratch": scratch, "zero_shot": np.ones((6, 1))})
    rows = {row.method: row for row in measure_all(runs, np.random.default_rng(0), resamples=50)}
    assert rows["zero_shot"].time_to_threshold.estimate == 1000
    assert rows["zero_shot"].speed_up.estimate == pytest.approx(72.0)
    assert rows["zero_shot"].horizon == 100_000


def test_a_curve_that_never_gets_there_is_censored_and_worse():
    stuck = measure({"scratch": repeat(ramp(50_000)), "frozen": repeat(ramp(50_000, top=0.3))})[
        "frozen"
    ]
    assert stuck.censored
    assert stuck.time_to_threshold.estimate == 100_000
    assert stuck.seeds_at_threshold == 0
    assert stuck.speed_up.high <= 1.0
    verdict = judge(stuck)
    assert verdict.outcome is Outcome.NEGATIVE
    assert verdict.sentence.startswith("negative transfer: final level lower by 0.70")


def test_negative_transfer_is_said_even_of_a_method_that_was_faster():
    early = measure({"scratch": repeat(ramp(80_000)), "frozen": repeat(ramp(8_000, top=0.93))})[
        "frozen"
    ]
    sentence = judge(early).sentence
    assert early.speed_up.above(1.0)
    assert sentence.startswith("negative transfer:")
    assert "although it reached the level" in sentence


def test_learning_where_scratch_learns_nothing_is_higher_without_a_ratio():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reuse = measure({"scratch": np.zeros((6, 101)), "reuse": repeat(ramp(50_000))})["reuse"]
    assert math.isnan(reuse.threshold) and math.isnan(reuse.speed_up.estimate)
    assert math.isnan(reuse.area_ratio.estimate)
    assert not reuse.censored
    assert judge(reuse).sentence.startswith("ended higher by 1.00")


def test_one_seed_shows_nothing_and_says_why():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reuse = measure({"scratch": ramp(80_000)[None], "reuse": ramp(10_000)[None]})["reuse"]
    assert reuse.speed_up.estimate > 5.0 and math.isnan(reuse.speed_up.low)
    assert judge(reuse).sentence == "no difference shown; one seed: no interval"


def test_few_seeds_are_said_with_the_verdict():
    reuse = measure({"scratch": repeat(ramp(80_000), 3), "reuse": repeat(ramp(10_000), 3)})["reuse"]
    assert judge(reuse).sentence.endswith("only 3 seeds: the interval is too narrow")


def test_an_unfinished_method_is_compared_where_both_have_been():
    scratch, reuse = repeat(ramp(80_000)), repeat(ramp(80_000))[:, :21]
    row = measure({"scratch": scratch, "reuse": reuse})["reuse"]
    assert (row.horizon, row.budget) == (20_000, 100_000)
    # Not there by step 20 000, as scratch was not: no speed-up may follow from stopping early.
    assert row.censored and row.baseline_censored and row.speed_up.estimate == 1.0
    assert judge(row).sentence == "no difference shown; so far: step 20,000 of 100,000"


def test_stopping_early_can_only_lower_a_speed_up():
    scratch, reuse = repeat(ramp(50_000)), repeat(ramp(10_000))
    row = measure({"scratch": scratch, "reuse": reuse[:, :21]})["reuse"]
    assert row.baseline_censored and not row.censored
    assert row.speed_up.estimate == pytest.approx(20_000 / 9_000)


def test_seeds_that_only_one_of_the_two_has_are_left_out():
    row = measure({"scratch": repeat(ramp(80_000), 6), "reuse": repeat(ramp(16_000), 5)})["reuse"]
    assert row.seeds == (0, 1, 2, 3, 4)


def test_what_has_no_baseline_or_nothing_in_common_is_left_out():
    assert measure({"reuse": repeat(ramp(50_000))}) == {}
    other = table({"scratch": repeat(ramp(80_000), 2)})
    other["seed"] += 10
    both = pd.concat([other, table({"reuse": repeat(ramp(80_000), 2)})])
    rows = measure_all(both, np.random.default_rng(0), resamples=10)
    assert [row.method for row in rows] == ["scratch"]


def test_nan_is_refused():
    curves = table({"scratch": repeat(ramp(80_000), 2)})
    curves.loc[3, "success_rate"] = np.nan
    with pytest.raises(ValueError, match="success_rate is NaN in student walker, method scratch"):
        measure_all(curves, np.random.default_rng(0))


def test_a_single_spike_is_not_learning():
    spike = np.zeros(20)
    spike[5], spike[12:] = 1.0, 1.0
    index, reached = first_at_threshold(spike, np.array(0.9))
    assert (int(index), float(reached)) == (13, 1.0)


@given(st.floats(-1.0, 1.0), st.floats(0.0, 1.0), st.integers(1, 20))
@settings(max_examples=50, deadline=None)
def test_slope_of_a_straight_line_is_its_slope(slope, start, last):
    steps = np.arange(21) * 50_000
    line = start + slope * steps / 100_000
    assert learning_slope(steps, line, np.array(last)) == pytest.approx(slope, abs=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_estimates_lie_within_their_intervals_and_nothing_depends_on_seed_order(seed):
    runs = {
        "scratch": noisy(ramp(70_000), scale=0.08, seed=seed),
        "reuse": noisy(ramp(40_000), scale=0.08, seed=seed + 1),
    }
    shuffled = {name: curves[::-1] for name, curves in runs.items()}
    row, mirrored = measure(runs)["reuse"], measure(shuffled)["reuse"]
    for name in ("jumpstart", "final_level", "area_ratio", "speed_up", "slope"):
        interval = getattr(row, name)
        assert interval.low <= interval.estimate <= interval.high
        assert interval.estimate == pytest.approx(getattr(mirrored, name).estimate)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(7)
    steps, trials, covered = STEPS[:3], 120, 0
    for _ in range(trials):
        scratch = generator.normal(0.3, 0.05, (10, 1)) + np.zeros((1, 3))
        reuse = scratch + generator.normal(0.2, 0.05, (10, 1))
        row = measure({"scratch": scratch, "reuse": reuse}, steps, resamples=300)["reuse"]
        interval = row.final_level_difference
        covered += interval.low <= 0.2 <= interval.high
    assert 0.85 <= covered / trials <= 0.99


def test_the_best_method_is_the_best_shown_not_the_luckiest_estimate():
    fast, faster = repeat(ramp(20_000)), repeat(ramp(10_000))
    rows = measure(
        {
            "scratch": repeat(ramp(80_000)),
            "fast": fast,
            "faster": faster,
            "stuck": repeat(ramp(5_000, top=0.5)),
        }
    )
    metrics, verdict = best_verdict(list(rows.values()))
    assert metrics.method == verdict.method == "faster"
    assert best_verdict([rows["scratch"]]) is None


def test_where_scratch_never_succeeds_the_best_method_is_the_one_that_ends_highest():
    nothing = np.zeros(len(STEPS))
    rows = measure(
        {
            "scratch": repeat(nothing),
            "zero_shot": repeat(nothing + 0.4),
            "finetune": repeat(ramp(50_000, top=0.8, start=0.4)),
        }
    )
    metrics, _ = best_verdict(list(rows.values()))
    assert metrics.method == "finetune"
