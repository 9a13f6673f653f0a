import itertools

import numpy as np
import pytest

from envs import make_environment
from envs.driving.scenario import (
    MAX_DRIVERS,
    MAX_JAYWALKERS,
    MAX_PARKED,
    ROUTE_LENGTH,
    START,
    SUITES,
    draw_scenario,
)
from envs.environment import EVALUATION, TRAINING

COUNT = 300


def draws(suite):
    return [draw_scenario(suite, np.random.default_rng(seed)) for seed in range(COUNT)]


def against(scenario):
    return [driver for driver in scenario.drivers if driver.speed < 0.0]


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_every_draw_fits_the_world_that_was_loaded(suite):
    for scenario in draws(suite):
        assert len(scenario.parked) <= MAX_PARKED
        assert len(scenario.drivers) <= MAX_DRIVERS
        assert len(scenario.jaywalkers) <= MAX_JAYWALKERS
        assert sum(length for length, _ in scenario.bends) >= 100.0
        assert all(START + 20.0 < s < START + ROUTE_LENGTH for s, _ in scenario.parked)


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_parked_cars_leave_room_to_weave_and_nobody_starts_in_another(suite):
    for scenario in draws(suite):
        places = sorted(s for s, _ in scenario.parked)
        assert all(b - a > 10.0 for a, b in itertools.pairwise(places))
        assert all(abs(driver.s - START) > 10.0 for driver in scenario.drivers)
        assert all(d + 0.9 < -2.4 for _, d in scenario.parked)  # at most a metre into the lane


def test_nominal_holds_no_hazard():
    assert not any(scenario.jaywalkers or against(scenario) for scenario in draws("nominal"))


def test_each_jaywalker_episode_holds_one_or_two_and_nobody_against_the_traffic():
    counts = [len(scenario.jaywalkers) for scenario in draws("jaywalker")]
    assert set(counts) == {1, 2}
    assert not any(map(against, draws("jaywalker")))


def test_each_wrong_way_episode_holds_exactly_one_and_no_jaywalker():
    assert {len(against(scenario)) for scenario in draws("wrong_way")} == {1}
    assert not any(scenario.jaywalkers for scenario in draws("wrong_way"))


def test_mixed_holds_all_combinations():
    kinds = {(len(s.jaywalkers), len(against(s))) for s in draws("mixed")}
    assert kinds == {(walkers, cars) for walkers in (0, 1, 2) for cars in (0, 1)}
    share = np.mean([bool(against(scenario)) for scenario in draws("mixed")])
    assert share == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("suite", ["jaywalker", "mixed"])
def test_jaywalkers_wait_behind_a_parked_car_each_behind_their_own(suite):
    for scenario in draws(suite):
        cars = {round(s + 3.2, 6) for s, _ in scenario.parked}
        spots = [round(walker.s, 6) for walker in scenario.jaywalkers]
        assert set(spots) <= cars
        assert len(set(spots)) == len(spots)


def test_an_unknown_suite_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="unknown suite 'jaywalkers'; did you mean 'jaywalker'"):
        draw_scenario("jaywalkers", np.random.default_rng(0))


def play(env, episode, steps=40):
    observation, _ = env.reset(options={"episode": episode})
    seen = [observation]
    for _ in range(steps):
        observation, _, done, _, _ = env.step(np.asarray([0.0, 0.5], np.float32))
        seen.append(observation)
        if done:
            break
    return np.asarray(seen)


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_evaluation_episodes_are_fixed_to_the_bit_whatever_was_played_before(suite):
    one = make_environment(suite=suite, randomization="nominal")
    other = make_environment(suite=suite, randomization="nominal")
    other.reset(seed=123)
    for episode in (3, 0, 41):
        np.testing.assert_array_equal(play(one, episode), play(other, episode))
    assert not np.array_equal(play(one, 0), play(one, 1))
    one.close()
    other.close()


def test_suites_do_not_share_their_episodes():
    starts = []
    for suite in SUITES:
        env = make_environment(suite=suite)
        env.reset(options={"episode": 0})
        starts.append(env.task.scenario.bends)
        env.close()
    assert len(set(starts)) == len(SUITES)


def test_no_training_seed_can_draw_an_evaluation_episode():
    # Their seed sequences begin with different words, so their streams differ from the start.
    assert TRAINING != EVALUATION
    training = {np.random.default_rng([TRAINING, seed]).bytes(8) for seed in range(3000)}
    evaluation = {
        np.random.default_rng([EVALUATION, suite, episode]).bytes(8)
        for suite in range(len(SUITES))
        for episode in range(500)
    }
    assert len(training) == 3000
    assert len(evaluation) == 500 * len(SUITES)
    assert training.isdisjoint(evaluation)


def test_the_environment_seeds_as_that_test_assumes():
    env = make_environment(suite="mixed")
    for words, arguments in (
        ([TRAINING, 5], {"seed": 5}),
        ([EVALUATION, env.task.suites.index("mixed"), 5], {"options": {"episode": 5}}),
    ):
        env.reset(**arguments)
        assert env.task.scenario == draw_scenario("mixed", np.random.default_rng(words))
    env.close()
