import optuna
import pytest

from agents.settings import PPOSettings
from experiments import driving_tuning
from experiments.driving_tuning import STUDENTS, Tuning, search_of, suggest


@pytest.fixture
def tried(monkeypatch):
    """Runs are a formula: the best learning rate is 1e-3."""
    asked = []

    def area(tuning, settings, robot, seed):
        asked.append((settings, robot, seed))
        return 1.0 - abs(settings.learning_rate - 1e-3) * 300

    monkeypatch.setattr(driving_tuning, "area", area)
    return asked


def test_the_settings_in_use_are_tried_first_and_on_every_student(tried):
    search = search_of(Tuning())
    assert suggest(optuna.trial.FixedTrial(search.first)) == PPOSettings(
        entropy=PPOSettings().entropy
    )
    worth = search.objective(optuna.trial.FixedTrial(search.first))
    assert worth == pytest.approx(1.0 - 0.0007 * 300)
    assert {settings for settings, _, _ in tried} == {PPOSettings()}
    assert [robot for _, robot, _ in tried] == list(STUDENTS)
    assert min(seed for _, _, seed in tried) >= 1000  # comparisons count from 0
