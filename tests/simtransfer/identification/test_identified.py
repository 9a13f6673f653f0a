import json
import multiprocessing
import sys

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

from envs import find_robot, make_environment
from envs.parameters import PARAMETERS
from envs.randomization import RANDOMIZATIONS, Samples, Term
from envs.randomization_file import find_randomization
from simtransfer import cli
from simtransfer.commands.identify import _table
from simtransfer.identification.excitation import excitation
from simtransfer.identification.identified import Effort, Identified, identify
from simtransfer.identification.log import Episode, Log
from simtransfer.identification.posterior import Replayed, learn
from simtransfer.identification.prior import Prior
from simtransfer.identification.recording import hidden, record
from simtransfer.identification.replay import replaying
from simtransfer.run_config import RunConfig

TERMS = (
    Term("mass", "reset", "scale", 0.5, 2.0, "log_uniform"),
    Term("friction", "reset", "scale", 0.5, 1.5, "truncated"),
    Term("motor_strength", "reset", "scale", 0.9, 1.1, "normal"),
    Term("steering_offset", "reset", "add", -0.05, 0.05),
    Term("lidar_noise", "reset", "set", 0.0, 0.1),
    Term("push", "interval", "set", -0.2, 0.2, period=4.0),
)


def test_a_prior_draws_as_training_would():
    prior = Prior.of(TERMS)
    assert prior.names == ("mass", "friction", "motor_strength", "steering_offset")
    assert prior.others == TERMS[4:]
    values = prior.values(prior.draw(np.random.default_rng(0), 3000))
    rng = np.random.default_rng(1)
    for k, term in enumerate(prior.terms):
        drawn = [term.draw(rng) for _ in range(3000)]
        assert stats.ks_2samp(values[:, k], drawn).pvalue > 1e-3


def test_a_prior_with_nothing_to_tell_of_is_refused():
    with pytest.raises(ValueError, match="nothing to identify"):
        Prior.of(TERMS[4:])
    with pytest.raises(ValueError, match="did you mean 'friction'"):
        Prior.of(TERMS, ["fricton"])
    assert Prior.of(TERMS, ["mass"]).others == TERMS[1:]


def test_a_worker_that_dies_ends_the_replays():
    robot = find_robot("hatchback")
    told = excitation(robot, 10.0, 1, 2.0, 0)
    before = set(multiprocessing.active_children())
    with replaying(robot, told, 2) as play:
        for worker in set(multiprocessing.active_children()) - before:
            worker.kill()
            worker.join()
        with pytest.raises(RuntimeError, match="a worker process died"):
            list(play([{"mass": 1.0}] * 40, 0))


def test_the_number_of_processes_changes_no_replay():
    robot = find_robot("hatchback")
    told = excitation(robot, 10.0, 1, 2.0, 0)
    sets = [{"mass": mass} for mass in np.linspace(0.7, 1.4, 12)]
    found = []
    for workers in (1, 2):
        with replaying(robot, told, workers) as play:
            found.append(np.asarray(list(play(sets, 0))))
    np.testing.assert_array_equal(*found)


def test_what_the_log_tells_is_learned_and_what_it_does_not_stays_the_prior():
    """Readings that are twice one parameter; a second parameter plays no part in them."""
    prior = Prior.of(TERMS, ["mass", "friction"])
    rng = np.random.default_rng(0)
    robot = find_robot("hatchback")
    features = tuple(record(robot, excitation(robot, 10.0, 1, 1.0, 0), {}, 0).channels)
    normal = prior.draw(rng, 600)
    shape = rng.normal(size=(20, len(features))) * [0.1 * f.scale for f in features]
    clean = (normal[:, :1, None] * shape).astype(np.float32)
    posterior = learn(prior, Replayed(normal, clean, (20,), features), seed=0)
    truth = np.array([0.8, 1.5])
    samples = posterior.sample(truth[0] * shape, 2000, seed=1)
    low, high = np.quantile(samples, (0.05, 0.95), axis=0)
    assert low[0] < 0.8 < high[0]
    assert high[0] - low[0] < 1.0
    assert 0.8 < (high[1] - low[1]) / 3.29 < 1.2
    density = posterior.log_density(truth[0] * shape, np.array([[0.8, 0.0], [-1.5, 0.0]]))
    assert density[0] > density[1]
    again = posterior.sample(truth[0] * shape, 2000, seed=1)
    np.testing.assert_array_equal(samples, again)


def test_a_robot_that_is_hidden_repeats_with_its_seed():
    terms = RANDOMIZATIONS["wide"]
    assert hidden(terms, 3) == hidden(terms, 3) != hidden(terms, 4)
    assert "lidar_noise" not in hidden(terms, 3)
    rows = (Samples(("mass", "friction"), ((0.8, 0.6), (1.2, 0.9))),)
    assert tuple(hidden(rows, 0).values()) in {(0.6, 0.8), (0.9, 1.2)}


def test_humanoids_are_identified_too():
    robot = find_robot("porter")
    log = record(robot, excitation(robot, 40.0, 1, 0.6, 0), {"mass": 1.2}, 0)
    prior = Prior.of(RANDOMIZATIONS["full"], ["mass", "motor_strength"])
    found = identify(log, prior, Effort(replays=50, draws=20), workers=1)
    assert found.values.shape == (20, 2)
    assert np.isfinite(found.values).all()


@pytest.fixture(scope="module")
def log_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("logs") / "log.parquet"
    short = ["--episodes", "1", "--seconds", "3", "--output", str(file)]
    assert cli.main(["record", "--seed", "5", *short]) == 0
    return file


def test_the_command_writes_what_training_takes(log_file, tmp_path, capsys):
    output = tmp_path / "found" / "identified.toml"
    words = ["identify", str(log_file), "--robot", "hatchback", "--output", str(output)]
    few = ["--replays", "60", "--draws", "40", "--workers", "1", "--json"]
    capsys.readouterr()
    assert cli.main([*words, *few]) == 0
    told = json.loads(capsys.readouterr().out)
    names = [row["parameter"] for row in told["parameters"]]
    for row in told["parameters"]:
        low, high = PARAMETERS[row["parameter"]].low, PARAMETERS[row["parameter"]].high
        assert low <= row["interval"][0] <= row["median"] <= row["interval"][1] <= high
    assert set(told["explained"]) == set(pd.read_parquet(log_file).filter(regex="base|joint|wheel"))
    terms = find_randomization(str(output))
    assert isinstance(terms[-1], Samples)
    assert terms[-1].names == tuple(names)
    assert len(terms[-1].rows) == 40
    drawn = {name for term in terms for name in term.names}
    assert drawn == {term.parameter for term in RANDOMIZATIONS["wide"]}
    assert output.with_suffix(".png").stat().st_size > 10_000
    world = make_environment(randomization=str(output))
    assert np.isfinite(world.reset(seed=0)[0]).all()
    world.close()
    config = RunConfig(randomization=str(output))
    assert config.files == {"randomization": told["digest"]}
    output.write_text(output.read_text().replace("names", "name"))
    with pytest.raises(ValueError, match=r"identified.toml: samples\[0\]: unknown key 'name'"):
        RunConfig(randomization=str(output))


def test_what_is_not_installed_or_too_much_is_told(log_file, monkeypatch, capsys):
    words = ["identify", str(log_file), "--robot", "hatchback"]
    assert cli.main([*words, "--replays", "9999999"]) == 2
    assert "replays must be between 50 and 1000000" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setitem(sys.modules, "sbi", None)
    assert cli.main(words) == 2
    assert "pip install 'simtransfer[identify]'" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--robot", "hatchbak"], "did you mean 'hatchback'"),
        (["--robot", "van"], "recorded on 'hatchback'"),
        (["--robot", "hatchback", "--prior", "wid"], "did you mean 'wide'"),
        (["--robot", "hatchback", "--prior", "none"], "nothing to identify"),
        (["--robot", "hatchback", "--parameters", "mas"], "did you mean 'mass'"),
        (["--robot", "hatchback", "--replays", "3"], "replays must be between 50 and"),
        (["--robot", "hatchback", "--draws", "0"], "draws must be between"),
        (["--robot", "hatchback", "--output", "a.parquet"], "a randomization is a .toml file"),
    ],
)
def test_mistakes_are_told_in_a_line(words, said, log_file, capsys):
    capsys.readouterr()
    assert cli.main(["identify", str(log_file), *words]) == 2
    printed = capsys.readouterr().err
    assert said in " ".join(printed.split())


@pytest.mark.parametrize("command", ["identify", "record"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_done(
    command, log_file, tmp_path, monkeypatch, capsys
):
    def done(*_, **__):
        raise AssertionError("it was done for nothing")

    monkeypatch.setattr("simtransfer.commands.identify.conclude", done)
    monkeypatch.setattr("simtransfer.commands.record.carry_out", done)
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "file").write_text("")
    words = [str(log_file), "--robot", "hatchback"] if command == "identify" else []
    for place, said in (
        ("folder.toml", "exists and is not a regular file"),
        ("file/x.toml", "exists"),
    ):
        capsys.readouterr()
        assert cli.main([command, *words, "--output", str(tmp_path / place)]) == 2
        printed = capsys.readouterr().err.strip()
        assert said in printed
        assert len(printed.splitlines()) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.toml"]


def test_a_narrow_terminal_cuts_no_answer_short(capsys):
    log = Log(find_robot("hatchback"), (), (Episode(np.zeros((10, 2)), np.zeros((10, 0))),))
    prior = Prior.of(find_randomization("wide"))
    normal = np.random.default_rng(0).normal(size=(50, len(prior.names)))
    Console(width=80).print(
        _table(Identified(prior, normal, np.zeros((2, 10, 0)), log), "hatchback")
    )
    assert "…" not in capsys.readouterr().out
