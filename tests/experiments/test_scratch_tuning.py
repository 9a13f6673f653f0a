from dataclasses import replace

import optuna
import pytest

from agents.settings import settle
from experiments import driving_tuning, parcel_tuning, scratch_tuning
from experiments.scratch_tuning import search_of, suggest

WORLDS = pytest.mark.parametrize("script", [driving_tuning, parcel_tuning])


@pytest.fixture
def tried(monkeypatch):
    """Runs are a formula: the best learning rate is 1e-3."""
    asked = []

    def area(scratch, tuning, settings, robot, seed):
        asked.append((settings, robot, seed))
        return 1.0 - abs(settings.learning_rate - 1e-3) * 300

    monkeypatch.setattr(scratch_tuning, "area", area)
    return asked


@WORLDS
def test_the_settings_in_use_are_tried_first_and_on_every_student(script, tried):
    search, now = search_of(script.SCRATCH, script.TUNING), settle(script.SCRATCH.task, {})
    worth = search.objective(optuna.trial.FixedTrial(search.first))
    assert worth == pytest.approx(1.0 - abs(now.learning_rate - 1e-3) * 300)
    assert {settings for settings, _, _ in tried} == {now}
    assert [robot for _, robot, _ in tried] == list(script.SCRATCH.students)
    assert min(seed for _, _, seed in tried) >= 1000  # comparisons count from 0


@pytest.mark.filterwarnings("error::UserWarning")  # for what is out of range, optuna warns
@WORLDS
def test_what_is_in_use_is_within_every_range_and_each_is_tried(script):
    search = search_of(script.SCRATCH, script.TUNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(dict(search.first))
    first = study.ask()
    assert suggest(script.SCRATCH, first) == settle(script.SCRATCH.task, {})
    others = [suggest(script.SCRATCH, study.ask()) for _ in range(20)]
    for name in script.SCRATCH.ranges:
        field = name.removeprefix(scratch_tuning.REST)
        assert len({getattr(settings, field) for settings in others}) > 1, name


@WORLDS
@pytest.mark.parametrize("name", ["trials", "steps", "interval", "episodes"])
def test_a_search_of_nothing_is_refused(script, name):
    with pytest.raises(ValueError, match=f"--{name} must be at least 1, got 0"):
        replace(script.TUNING, **{name: 0})


@WORLDS
def test_finalists_are_trained_with_seeds_that_they_were_not_chosen_by(script, tried):
    search = search_of(script.SCRATCH, script.TUNING)
    trial = optuna.trial.FixedTrial(search.first)
    again = scratch_tuning.mean_area(script.SCRATCH, script.TUNING, range(1100, 1300, 100), trial)
    assert again == pytest.approx(search.objective(trial))
    students = len(script.SCRATCH.students)
    seeds = [seed for _, _, seed in tried]
    assert len(seeds) == len(set(seeds)) == 3 * students
    assert [robot for _, robot, _ in tried] == 3 * list(script.SCRATCH.students)
