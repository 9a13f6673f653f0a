import numpy as np
import pytest

from simtransfer.convergence import not_learned, still_improving
from simtransfer.learning_curves import CurveMatrix

EPISODES = 50


def curve(levels, seeds, seed=0, short=()):
    """So many runs whose success in each evaluation is drawn about ``levels``."""
    generator = np.random.default_rng(seed)
    success = generator.binomial(EPISODES, levels, size=(seeds, len(levels))) / EPISODES
    steps = np.arange(len(levels)) * 1_000
    return CurveMatrix("van", "scratch", tuple(range(seeds)), steps, success, short, int(steps[-1]))


RISING = np.linspace(0.1, 0.9, 21)
FLAT = np.minimum(np.linspace(0.0, 1.6, 21), 0.8)  # half of the way is enough


@pytest.mark.parametrize("seeds", [1, 3, 5, 10])
def test_a_curve_that_rises_to_the_end_is_found(seeds):
    found = still_improving(curve(RISING, seeds), EPISODES)
    assert found is not None
    assert found.seeds == seeds
    assert found.gain == pytest.approx(0.16, abs=0.06)  # a fifth of 0.8
    assert 0.0 < found.low < found.gain
    assert f"+{found.gain:.2f} over the last fifth" in found.sentence


@pytest.mark.parametrize("seeds", [1, 3, 5, 10])
def test_a_flat_and_noisy_curve_is_seldom_taken_for_a_rising_one(seeds):
    found = [still_improving(curve(FLAT, seeds, seed), EPISODES) for seed in range(200)]
    assert sum(each is not None for each in found) <= 20  # 5 % expected at most


def test_a_curve_that_falls_or_has_converged_is_not_found():
    assert still_improving(curve(RISING[::-1], 5), EPISODES) is None
    assert still_improving(curve(np.ones(21), 5), EPISODES) is None


def test_of_unfinished_runs_and_of_two_evaluations_nothing_is_said():
    assert still_improving(curve(RISING, 5, short=(2,)), EPISODES) is None
    assert still_improving(curve(RISING[[0, -1]], 5), EPISODES) is None


def test_a_demo_of_five_intervals_is_long_enough():
    assert still_improving(curve(RISING[::4], 3), EPISODES) is not None


def test_success_far_below_the_teachers_is_found_whether_it_rises_or_not():
    for levels in (np.zeros(21), 0.4 * FLAT):
        found = not_learned(curve(levels, 3), teacher=0.97)
        assert found is not None
        assert found.final == pytest.approx(levels[-1], abs=0.05)
        assert f"({found.final:.2f}, the teacher 0.97)" in found.sentence
    assert not_learned(curve(FLAT, 3), teacher=0.97) is None
    assert not_learned(curve(np.zeros(21), 3), teacher=np.nan) is None
    assert not_learned(curve(np.zeros(21), 3, short=(0,)), teacher=0.97) is None
