import numpy as np
import optuna
import pytest

from envs import make_environment
from envs.parcel.balance import Reflex, Reflexes
from envs.parcel.gait import Walk
from experiments.parcel_reflexes import Reference, Tuning, search_of, suggest, worth

NOTHING = Reflexes(Reflex(0.0, 0.0), Reflex(0.0, 0.0), Reflex(0.0, 0.0))


def test_the_numbers_in_use_are_tried_first():
    first = search_of(Tuning()).first
    assert suggest(optuna.trial.FixedTrial(first)) == Reference()


def test_reflexes_are_worth_something():
    env = make_environment("parcel", "porter", randomization="none")
    with_reflexes = worth(env, Reference(), range(5))
    without = worth(env, Reference(sagittal=NOTHING, frontal=NOTHING), range(5))
    env.close()
    assert 3.0 >= with_reflexes > 1.3 * without > 0.0


def test_steps_that_legs_cannot_make_are_worth_nothing():
    first = dict(search_of(Tuning()).first)
    objective = search_of(Tuning(episodes=1)).objective
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "experiments.parcel_reflexes.suggest", lambda trial: Reference(Walk(lift=2.0))
        )
        assert objective(optuna.trial.FixedTrial(first)) == 0.0
    assert np.isfinite(list(first.values())).all()
