import numpy as np
import pandas as pd
import pytest

from envs import find_robot
from envs.randomization import RANDOMIZATIONS
from experiments.identification import ENGINES, Study, conduct, judge, study_coverage
from experiments.identification_evolution import evolve
from simtransfer.identification.excitation import excitation
from simtransfer.identification.prior import Prior
from simtransfer.identification.recording import record

TINY = {"replays": 60, "evolutions": 1, "generations": 1, "episodes": 1, "seconds": 2.0}


def test_what_is_within_is_counted_as_often_as_it_should_be():
    rng = np.random.default_rng(0)
    inside = [
        judge(rng.normal(size=(500, 1)), rng.normal(size=1), 0.5)[0]["inside"] for _ in range(400)
    ]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.04)


def test_evolution_finds_what_a_log_without_noise_tells():
    robot = find_robot("hatchback")
    prior = Prior.of(RANDOMIZATIONS["wide"], ["servo_speed", "steering_offset"])
    truth = np.array([0.8, -1.1])
    values = dict(zip(prior.names, prior.values(truth[None])[0].tolist(), strict=True))
    log = record(robot, excitation(robot, 10.0, 1, 5.0, 0), values, 0)
    found = evolve(log, prior, generations=40, seed=1)
    np.testing.assert_allclose(found.mean, truth, atol=0.05)
    assert (np.sqrt(np.diag(found.covariance)) < 0.1).all()


def test_a_study_goes_on_where_it_stopped_and_is_summed_up(tmp_path, capsys):
    study_coverage(Study(trials=1, workers=1, output=tmp_path, **TINY))
    first = pd.read_parquet(tmp_path / "trials.parquet")
    more = Study(trials=2, workers=1, output=tmp_path, **TINY)
    table = conduct(more)
    pd.testing.assert_frame_equal(table.iloc[: len(first)], first)
    trials = table.groupby(["method", "engine"])["trial"].nunique()
    assert trials.to_dict() == {
        (method, engine): count
        for engine in ENGINES
        for method, count in (("network", 2), ("evolution", 1))
    }
    coverage = pd.read_csv(tmp_path / "coverage.csv")
    assert {"each", "jointly", "friction"} <= set(coverage["parameter"])
    assert coverage["coverage"].between(0.0, 1.0).all()
    assert (tmp_path / "coverage.png").exists()
