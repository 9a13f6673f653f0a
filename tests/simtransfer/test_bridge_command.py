"""`simtransfer bridge`: the matrix, what a killed one loses, and mistakes."""

import json
from dataclasses import replace

import pytest

from agents.bundle import save_bundle
from envs import find_robot
from simtransfer.bridge.policies import ENGINES, find_rows
from simtransfer.cli import main
from simtransfer.commands.bridge import name_of

pytest.importorskip("mujoco")


@pytest.fixture
def trained(make_bundle, tmp_path):
    """Untrained bundles that say they were trained in either engine."""

    def make(engine, seed=0, folder=None):
        bundle = make_bundle(seed)
        told = {**bundle.provenance, "config": {"simulator": engine}}
        place = folder or tmp_path / f"from-{engine}"
        return save_bundle(replace(bundle, provenance=told), place)

    return make


def command(*arguments, output):
    fixed = ["--episodes", "2", "--workers", "1", "--output", str(output), "--json"]
    return main(["bridge", *map(str, arguments), *fixed])


def test_the_matrix_is_two_by_two_and_is_not_played_twice(trained, tmp_path, capsys):
    output = tmp_path / "out"
    places = [trained("mujoco", 1), trained("pybullet")]
    assert command(*places, output=output) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [row["trained_in"] for row in summary["matrix"]] == list(ENGINES)
    for row in summary["matrix"]:
        assert list(row["evaluated_in"]) == list(ENGINES)
        assert row["verdict"] == "nothing to keep"
        assert row["retention"] == {"estimate": None, "low": None, "high": None}
    kept = sorted((output / "episodes").glob("*.parquet"))
    assert len(kept) == 4
    before = [file.stat().st_mtime_ns for file in kept]
    kept[0].unlink()  # as if killed before that
    assert command(*places, output=output) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["matrix"] == summary["matrix"]
    assert sorted((output / "episodes").glob("*.parquet")) == kept
    assert [file.stat().st_mtime_ns for file in kept[1:]] == before[1:]
    text = (output / "table.txt").read_text()
    assert "Success on mixed, 2 episodes" in text


def test_a_damaged_file_of_episodes_says_what_to_do(trained, tmp_path, capsys):
    output = tmp_path / "out"
    assert command(trained("pybullet"), output=output) == 0
    capsys.readouterr()
    file = next((output / "episodes").glob("*-mujoco-*"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert command(tmp_path / "from-pybullet", output=output) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "damaged: its checksum is not the one" in said
    assert "remove it to play these episodes again" in said


def test_seeds_of_one_method_are_one_row(trained, tmp_path):
    experiment = tmp_path / "mine"
    for seed in (0, 1, 10):
        trained("pybullet", seed, experiment / f"runs/hatchback/scratch/seed-{seed}/bundle")
    (row,) = find_rows([str(experiment)])
    assert (row.label, len(row.bundles)) == ("hatchback, scratch", 3)
    (run,) = find_rows([str(experiment / "runs/hatchback/scratch/seed-1")])
    assert run.bundles[0].digest == row.bundles[1].digest
    trained("mujoco", 5, experiment / "runs/hatchback/scratch/seed-2/bundle")
    with pytest.raises(ValueError, match="its seeds were trained in"):
        find_rows([str(experiment)])


def test_before_there_was_a_choice_policies_were_trained_in_pybullet():
    (row,) = find_rows(["hatchback-driving"])
    assert row.trained_in == "pybullet"
    assert row.robot == find_robot("hatchback")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-here"], "no such folder, and no bundle of that name"),
        ([""], "is empty; give a value"),
        (["EMPTY"], "no bundle in it"),
        (["hatchback-driving", "hatchback-driving"], "is named twice"),
        (["hatchback-driving", "porter-parcel"], "one task at a time"),
        (["hatchback-driving", "--suite", "mixd"], "did you mean 'mixed'"),
        (["hatchback-driving", "--seed", "-1"], "--seed must not be negative"),
        (["hatchback-driving", "--episode", "-1"], "--episode must not be negative"),
        (["hatchback-driving", "--episodes", "0"], "--episodes must be at least 1"),
        (["hatchback-driving", "--workers", "0"], "workers must be at least 1"),
        (["hatchback-driving", "--randomization", "nominall"], "did you mean 'nominal'"),
        (["hatchback-driving", "--robot", "vann"], "did you mean 'van'"),
        (["hatchback-driving", "--robot", "porter"], "made for parcel, not for 'driving'"),
        ([], "name an experiment's folder"),
    ],
)
def test_a_mistake_is_one_line(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["bridge", *("empty" if a == "EMPTY" else a for a in arguments)]) == 2
    printed = capsys.readouterr()
    assert said in " ".join(printed.err.split())
    assert len(printed.err.strip().splitlines()) == 1


def test_an_engine_that_there_is_not_is_refused(trained):
    place = trained("mujocco")
    with pytest.raises(ValueError, match=r"unknown simulator 'mujocco'; did you mean 'mujoco'"):
        find_rows([str(place)])


@pytest.mark.parametrize(
    ("place", "name"), [("runs/mine/bundle", "mine"), ("hatchback-driving", "hatchback-driving")]
)
def test_a_report_is_called_as_what_it_is_of(place, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert name_of(place) == name
