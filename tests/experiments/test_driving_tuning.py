import pytest

from agents.settings import PPOSettings
from experiments import driving_tuning
from experiments.driving_tuning import Tuning, draw, finished, open_study, work


@pytest.fixture
def tuning(tmp_path, monkeypatch):
    """A search whose runs are a formula: the best learning rate is 1e-3."""
    tried = []

    def area(tuning, settings, robot, seed):
        tried.append((settings, robot, seed))
        return 1.0 - abs(settings.learning_rate - 1e-3) * 300

    monkeypatch.setattr(driving_tuning, "area", area)
    return Tuning(trials=10, output=tmp_path), tried


def test_the_settings_in_use_are_tried_first_and_on_every_student(tuning):
    search, tried = tuning
    work(search, 0)
    assert {settings for settings, _, _ in tried[:3]} == {PPOSettings()}
    assert len({robot for _, robot, _ in tried[:3]}) == 3
    assert min(seed for _, _, seed in tried) >= 1000  # comparisons count from 0


def test_a_search_goes_on_and_ends_with_its_trials(tuning):
    search, tried = tuning
    work(Tuning(trials=4, output=search.output), 0)
    before = len(tried)
    work(search, 0)
    study = open_study(search)
    assert len(finished(study)) == 10
    assert len(tried) > before
    work(search, 0)
    assert len(finished(study)) == 10
    draw(study, search.output / "settings.png")
    assert (search.output / "settings.png").stat().st_size > 10_000
