import json
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.driving_transfer import EXPERIMENT
from simtransfer.recorded_config import completed, differences, said, settled

RECORDED = Path(__file__).parents[2] / "experiments/results/driving_transfer"


def recorded(**changes):
    """Differences of each recorded run of the first seed from the experiment with ``changes``."""
    experiment = replace(EXPERIMENT, steps=98_304, interval=4_096, seeds=1, **changes)
    for place, config in experiment.runs():
        there = completed(json.loads((RECORDED / place / "config.json").read_text()))
        yield [each for each in differences(there, settled(config)) if each[0] != "digests"]


def test_recorded_runs_are_those_of_a_learning_rate_that_fell_over_their_budget():
    assert list(recorded(ppo={"decay": 98_304})) == [[]] * 9
    assert list(recorded()) == [[("ppo.decay", 98_304, 1_024_000)]] * 9


def test_differences_are_named_by_dotted_keys_and_the_rest_are_counted():
    there = {"a": {"b": 1, "c": [1, 2]}, "d": 4, "e": 5, "f": 6, "g": 7}
    here = {"a": {"b": 2, "c": [1, 3]}, "d": 0, "e": 0, "f": 0, "h": 8}
    differing = list(differences(there, here))
    assert differing[:2] == [("a.b", 1, 2), ("a.c", [1, 2], [1, 3])]
    assert said(differing).startswith("a.b is 1 there, 2 here; a.c is [1, 2] there, [1, 3] here; ")
    assert said(differing).endswith("; and 3 more")
    assert list(differences(there, there)) == []
    assert said(list(differences([], here))).startswith("the record is [] there")


@pytest.mark.parametrize("damaged", [[], 3, None, {"steps": "many"}, {"ppo": 3}, {"ppo": {}}])
def test_a_damaged_record_differs_and_raises_nothing(damaged):
    here = settled(next(iter(EXPERIMENT.runs()))[1])
    assert list(differences(completed(damaged), here))
