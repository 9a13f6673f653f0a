import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from agents.bundle import Network
from agents.settings import PPOSettings, SACSettings
from simtransfer.experiment import ExperimentConfig
from simtransfer.plan import Schedule, TransferPlan, constant
from simtransfer.run_config import RunConfig
from simtransfer.schedule import Schedule as RangeSchedule


@pytest.mark.parametrize(
    ("kind", "field", "value", "said"),
    [
        (RunConfig, "randomization", 5, "randomization: expected text"),
        (RunConfig, "teacher", 5, "teacher: expected text"),
        (RunConfig, "seed", True, "seed: expected a whole number"),
        (ExperimentConfig, "seeds", 2.5, "seeds: expected a whole number"),
        (ExperimentConfig, "students", "van", "students: expected a list of names"),
        (Network, "hidden", (1.5,), "network.hidden: expected a whole number"),
        (Network, "hidden", 64, "network.hidden: expected a list of whole numbers"),
        (RangeSchedule, "episodes", math.nan, "schedule.episodes: expected a whole number"),
        (RangeSchedule, "measure", None, "schedule.measure: expected text"),
        (SACSettings, "updates", "many", "sac.updates: expected a number"),
    ],
)
def test_settings_of_another_type_are_refused_when_they_are_made(kind, field, value, said):
    with pytest.raises(ValueError, match=said):
        kind(**{field: value})
    with pytest.raises(ValueError, match=said):
        replace(kind(), **{field: value})


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"summary": 5}, "summary: expected text"),
        ({"remember": "no"}, "remember: expected true or false"),
        ({"exploration": "wide"}, "exploration: expected a number"),
        ({"imitation": 0.5}, "imitation: expected a Schedule"),
        ({"teacher_control": constant(2.0), "reinforcement": constant(0.0)}, "at most 1"),
    ],
)
def test_plans_of_another_type_are_refused_when_they_are_made(figures, said):
    with pytest.raises(ValueError, match=said):
        TransferPlan(**{"summary": "x", **figures})


@pytest.mark.parametrize("points", [5, None, ((0, 1, 2),), ((0, "x"),), ((0, 10**400),)])
def test_a_schedule_is_of_pairs_of_numbers(points):
    with pytest.raises(ValueError, match="expected pairs of a fraction and a value"):
        Schedule(points)


def test_numbers_of_numpy_are_taken_and_recorded():
    ppo = PPOSettings(rollout=np.int64(64), discount=np.float64(0.5))
    config = RunConfig(seed=np.int64(3), network=Network([8], [8]), ppo=ppo)
    assert (type(config.seed), config.network) == (int, Network((8,), (8,)))
    assert json.loads(json.dumps(asdict(config)))["ppo"]["rollout"] == 64


def test_what_takes_nothing_from_a_teacher_is_given_none():
    with pytest.raises(ValueError, match="'scratch' takes nothing from a teacher"):
        RunConfig(teacher="hatchback-driving")
