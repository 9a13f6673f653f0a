import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import simtransfer
from agents.bundle import Network, load_bundle, save_bundle
from envs import find_robot
from envs.known_robots import FOLDERS
from simtransfer.cli import main
from simtransfer.deployment import Deployment, robot_of


@pytest.fixture
def mine(tmp_path):
    """A robot of one's own that has the name of a shipped one, but another wheelbase."""
    folder = Path(shutil.copytree(find_robot("hatchback").source.parent, tmp_path / "mine"))
    edit(folder / "robot.toml", "wheelbase = 2.5", "wheelbase = 2.4")
    return folder


@pytest.fixture
def of_mine(make_bundle, mine):
    """A bundle that was trained on it."""
    return replace(make_bundle(), robot_digest=find_robot(mine).digest)


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def seen(bundle, count=64):
    low, high = (np.asarray([getattr(f, k) for f in bundle.reads]) for k in ("low", "high"))
    return np.random.default_rng(0).uniform(low, high, (count, len(low))).astype(np.float32)


def test_on_its_own_robot_a_policy_acts_unmapped(make_bundle):
    bundle = make_bundle()
    deployed = Deployment(bundle)
    expected = bundle.policy(deployed.interface)(seen(bundle))
    assert np.array_equal(deployed.act(seen(bundle)), expected)


def test_a_copied_robot_is_driven_as_the_one_that_was_copied(tmp_path):
    bundle = load_bundle("hatchback-driving")
    shutil.copytree(find_robot("hatchback").source.parent, tmp_path / "copy")
    original, copied = (Deployment(bundle, robot) for robot in (None, tmp_path / "copy"))
    assert copied.robot.source.parent == tmp_path / "copy"
    assert np.array_equal(copied.act(seen(bundle)), original.act(seen(bundle)))


def test_a_robot_is_told_by_what_it_is_and_not_by_where_it_lies(tmp_path):
    robot = find_robot("van")
    shutil.copytree(robot.source.parent, tmp_path / "copy")
    copy = find_robot(tmp_path / "copy")
    assert copy.digest == robot.digest
    copy.urdf.write_text(copy.urdf.read_text().replace("<robot", "<!-- heavier --><robot", 1))
    assert copy.digest != robot.digest


def test_a_robot_that_was_moved_is_given_by_its_new_place(of_mine, mine, tmp_path):
    folder = mine.rename(tmp_path / "moved")
    deployed = Deployment(of_mine, folder)
    assert deployed.robot.source.parent == folder
    expected = of_mine.policy(deployed.interface)(seen(of_mine))
    assert np.array_equal(deployed.act(seen(of_mine)), expected)


def test_a_shipped_robot_is_not_taken_for_another_of_its_name(of_mine, tmp_path, capsys):
    folder = save_bundle(of_mine, tmp_path / "bundle")
    assert main(["evaluate", str(folder), "--episodes", "1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert of_mine.robot_digest in line and find_robot("hatchback").digest in line
    assert "give --robot PATH" in line


def test_a_robot_that_has_changed_is_refused(of_mine, mine):
    assert robot_of(of_mine, find_robot(mine)) == find_robot(mine)
    edit(mine / "robot.toml", "wheelbase = 2.4", "wheelbase = 2.6")
    with pytest.raises(ValueError, match=r"is not .*mine.robot\.toml .* or it has changed since"):
        Deployment(of_mine, mine)


def test_a_robot_is_found_by_its_digest_in_the_folders_that_the_user_names(
    of_mine, mine, monkeypatch
):
    with pytest.raises(ValueError, match=f"cannot be mapped to 'van'.* {FOLDERS}$"):
        Deployment(of_mine, "van")
    monkeypatch.setenv(FOLDERS, os.pathsep.join(["", str(mine.parent)]))
    assert robot_of(of_mine).source.parent == mine
    assert Deployment(of_mine, "van").robot == find_robot("van")


def test_a_bundle_reads_no_file_where_it_says_the_robot_is(of_mine, mine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where a folder has the robot's name
    elsewhere = replace(of_mine, robot="mine", provenance={"config": {"robot": str(mine)}})
    with pytest.raises(ValueError, match=r"'mine' .* is not known here; give --robot PATH"):
        Deployment(elsewhere)


SHORT = {"steps": 64, "interval": 64, "episodes": 1, "final_episodes": 1}
SMALL = {"worlds": 2, "rollout": 32, "batch": 32, "epochs": 1}


def test_a_student_in_memory_keeps_its_robot(mine):
    student = simtransfer.train(find_robot(mine), ppo=SMALL, **SHORT)
    assert student.bundle.robot == "hatchback" != student.robot.source.parent.name
    assert len(simtransfer.evaluate(student, episodes=1)) == 1
    assert len(simtransfer.evaluate(student, "van", episodes=1)) == 1


def test_a_run_is_the_same_where_its_robot_and_teacher_were_moved(mine, teacher_folder, tmp_path):
    output, moved = tmp_path / "run", (tmp_path / "robot", tmp_path / "other")
    settings = {**SHORT, "plan": "kickstart", "ppo": SMALL, "output": output}
    first = simtransfer.transfer(teacher_folder, mine, **settings)
    again = simtransfer.transfer(teacher_folder.rename(moved[0]), mine.rename(moved[1]), **settings)
    assert first.model is not None and again.model is None
    assert again.bundle.digest == first.bundle.digest
    edit(moved[1] / "robot.toml", "wheelbase = 2.4", "wheelbase = 2.6")
    with pytest.raises(ValueError, match="another configuration"):
        simtransfer.transfer(moved[0], moved[1], **settings)


def test_a_robot_that_is_not_what_its_file_says_is_not_trained_as_if_it_were():
    changed = replace(find_robot("hatchback"), height=0.7)
    with pytest.raises(ValueError, match="'hatchback' is not what its file says"):
        simtransfer.train(changed)


def test_what_could_not_be_saved_is_not_trained(mine, tmp_path):
    edit(mine / "robot.toml", '"drive"', f'"{"drive" * 50}"')
    with pytest.raises(ValueError, match="name: expected at most 200 printable characters"):
        simtransfer.train(mine, output=tmp_path / "run")
    wide = Network(hidden=(65_536, 1_460))
    with pytest.raises(ValueError, match=r"network: 100,\d+,\d+ weights, more than the limit"):
        simtransfer.train("hatchback", network=wide, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def described(folder, table, changes):
    """A bundle's description in which entries of features are changed, by their old names."""
    file = folder / "bundle.json"
    data = json.loads(file.read_text())
    del data["checksums"]
    for feature in data[table]:
        feature.update(changes.get(feature["name"], {}))
    file.write_text(json.dumps(data))


DRIVE, STEER = "drive/speed", "front_steering/position"
SPEED = "base/linear_velocity/x"
MISFITS = {
    "renamed action": ("acts", {DRIVE: {"name": "drive/sped"}}, "unknown action 'drive/sped'; did"),
    "unit of an action": ("acts", {DRIVE: {"unit": "m/s"}}, "acts: 'drive/speed' has unit 'm/s'"),
    "range of an action": ("acts", {DRIVE: {"high": 2.0}}, "'drive/speed' has high 2.0"),
    "unit of a reading": ("reads", {SPEED: {"unit": "km/h"}}, f"reads: '{SPEED}' has unit 'km/h'"),
    "unknown reading": ("reads", {SPEED: {"name": "base/speed"}}, "unknown observation"),
    "other beam": ("reads", {"lidar/0.0/range": {"coordinate": 5.0}}, "has coordinate 5.0"),
}


@pytest.mark.parametrize("robot", [[], ["--robot", "van"]], ids=["own robot", "another robot"])
@pytest.mark.parametrize("misfit", MISFITS)
def test_a_policy_that_does_not_fit_its_robot_is_refused(misfit, robot, teacher_folder, capsys):
    table, changes, said = MISFITS[misfit]
    described(teacher_folder, table, changes)
    assert main(["evaluate", str(teacher_folder), "--episodes", "1", *robot]) == 2
    printed = capsys.readouterr()
    assert said in printed.err and len(printed.err.splitlines()) == 1 and not printed.out


@pytest.mark.parametrize("command", ["evaluate", "watch", "transfer", "bridge", "deploy"])
def test_every_command_refuses_another_control_rate(command, teacher_folder, tmp_path, capsys):
    file = teacher_folder / "bundle.json"
    data = json.loads(file.read_text()) | {"control_rate": 99.0}
    del data["checksums"]
    file.write_text(json.dumps(data))
    output = tmp_path / "output"
    options = {
        "evaluate": ["--episodes", "1"],
        "watch": ["--output", str(output)],
        "transfer": ["--robot", "van", "--output", str(output)],
        "bridge": ["--robot", "van", "--output", str(output)],
        "deploy": ["--target", "udp://127.0.0.1:9"],
    }
    assert main([command, str(teacher_folder), *options[command]]) == 2
    said = capsys.readouterr().err
    assert "the policy acts at 99 Hz, but task 'driving' at 10 Hz" in said
    assert len(said.splitlines()) == 1 and not output.exists()


@pytest.mark.parametrize("robot", [None, "van"])
def test_actions_are_known_by_name_and_not_by_place(robot, teacher_folder, tmp_path):
    bundle = load_bundle(teacher_folder)
    tensors = dict(bundle.tensors)
    for name in ("actor.head.weight", "actor.head.bias"):
        tensors[name] = tensors[name].flip(0)
    turned = load_bundle(
        save_bundle(replace(bundle, acts=bundle.acts[::-1], tensors=tensors), tmp_path / "turned")
    )
    whole, same = Deployment(bundle, robot), Deployment(turned, robot)
    readings = np.random.default_rng(1).uniform(0.0, 5.0, (32, len(whole.interface.observation)))
    readings = readings.astype(np.float32)
    np.testing.assert_allclose(same.act(readings), whole.act(readings), atol=1e-6)
    single = same.controller()(readings[0])
    np.testing.assert_allclose(single, whole.act(readings[:1])[0], atol=1e-5)


def test_a_robot_elsewhere_takes_the_commands_that_are_given(make_bundle):
    deployed = Deployment(make_bundle())
    actuators = deployed.robot.actuators
    units, low, high = zip(*((a.unit, a.low, a.high) for a in actuators), strict=True)
    deployed.require_commands(10.0, units, low, high)
    for others in (
        (20.0, units, low, high),
        (10.0, ("deg", *units[1:]), low, high),
        (10.0, units, low, tuple(2.0 * value for value in high)),
        (10.0, units, low[:1], high),
    ):
        with pytest.raises(ValueError, match=r"the robot at the target"):
            deployed.require_commands(*others)
