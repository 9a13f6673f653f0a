import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import find_robot, make_environment, robots
from envs.bullet import Bullet
from envs.catalogue import SHIPPED
from envs.robot_file import read_robot


@pytest.fixture
def folder(tmp_path):
    """A copy of the hatchback to break."""
    return Path(shutil.copytree(SHIPPED / "hatchback", tmp_path / "mine"))


def edit(folder, old, new, file="robot.toml"):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def complaint(folder, load=False):
    """The one line that reading (and loading) the robot in ``folder`` ends with."""
    with pytest.raises(ValueError) as caught:
        robot = read_robot(folder)
        if load:
            world = Bullet()
            try:
                world.load(robot, (), 60.0)
            finally:
                world.close()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", sorted(robots("driving")))
def test_every_shipped_robot_reads(name):
    robot = find_robot(name)
    assert robot.name == name
    assert robot.urdf.is_file()
    assert "driving" in robot.tasks


def test_a_robot_is_found_by_folder_by_file_and_by_name(folder):
    by_folder, by_file = find_robot(folder), find_robot(str(folder / "robot.toml"))
    assert by_folder == by_file
    assert by_folder.urdf.parent == folder
    assert find_robot("hatchback").actuators == by_folder.actuators


def test_a_robot_of_ones_own_drives_without_touching_the_library(folder):
    env = make_environment(robot=folder)
    env.reset(seed=0)
    observation, *_ = env.step(np.zeros(2, np.float32))
    assert env.observation_space.contains(observation)
    env.close()


MISTAKES = {
    "missing key": ("cruise_speed = 9.0", "", "missing key 'cruise_speed'"),
    "missing table": ("[lidar]", "[lidar_old]", "missing key 'lidar'"),
    "misspelt key": ("wheel_radius =", "wheel_raduis =", "did you mean 'wheel_radius'"),
    "misspelt nested key": ("beams = 31", "beems = 31", "did you mean 'lidar.beams'"),
    "key in an actuator": ('kind = "position"', 'kind = "position"\ngain = 3', "actuators[0].gain"),
    "text for a number": ("length = 4.0", 'length = "4.0"', "length: expected a number, got '4.0'"),
    "truth for a number": ("length = 4.0", "length = true", "length: expected a number, got True"),
    "not a number": ("length = 4.0", "length = nan", "length: expected a number, got nan"),
    "endless": ("length = 4.0", "length = inf", "length: expected a number, got inf"),
    "fraction for a count": ("beams = 31", "beams = 31.5", "lidar.beams: expected a whole number"),
    "number for text": ('name = "hatchback"', "name = 7", "name: expected text in quotes, got 7"),
    "two of three": ("mount = [0.0, 0.0, 0.4]", "mount = [0.0, 0.4]", "expected three numbers"),
    "text for a list": ('tasks = ["driving"]', 'tasks = "driving"', "tasks: expected a list"),
    "number in a list": ('tasks = ["driving"]', "tasks = [1]", "tasks: expected text in quotes"),
    "unknown kind": ('kind = "position"', 'kind = "positon"', "did you mean 'position'"),
    "unknown model": ('model = "ackermann"', 'model = "ackerman"', "did you mean 'ackermann'"),
    "no model": ('model = "ackermann"', "model = []", "command.model: unknown model '[]'"),
    "huge count": ("beams = 31", f"beams = {10**30}", "lidar.beams: expected a whole number"),
    "unknown role": ('drive = "drive"', 'drive = "drove"', "command.drive: unknown role 'drove'"),
    "limits swapped": ("low = -0.5", "low = 0.6", "front_steering: low must be below high"),
    "negative force": ("force = 800.0", "force = -800.0", "force and rate must be positive"),
    "negative brake": ("brake = 520.0", "brake = -520.0", "brake not negative"),
    "no joints": (
        'joints = ["front_left_steer", "front_right_steer"]',
        "joints = []",
        "actuators.front_steering.joints: names at least one joint",
    ),
    "negative length": ("length = 4.0", "length = -4.0", "length: must be positive, got -4.0"),
    "negative height": ("height = 0.6", "height = -0.6", "height: must not be negative, got -0.6"),
    "one beam": ("beams = 31", "beams = 1", "lidar: needs at least two beams"),
    "one role twice": ('role = "drive"', 'role = "front_steering"', "two share a role"),
    "missing URDF": ('"hatchback.urdf"', '"hatchbak.urdf"', "urdf: no file 'hatchbak.urdf' at"),
    "missing package": ('"hatchback.urdf"', '"no_such_package:a.urdf"', "'no_such_package' is not"),
    "missing module": ('"hatchback.urdf"', '"envs.robot:a.urdf"', "urdf: no file 'a.urdf' at"),
    "inner package": ('"hatchback.urdf"', '"envs.none:a.urdf"', "'envs.none' is not in the"),
    "no package": ('"hatchback.urdf"', '"../x:a.urdf"', "'../x' is not the name of a package"),
    "out of a package": (
        '"hatchback.urdf"',
        '"envs:../a.urdf"',
        "must be a path inside the package",
    ),
    "root of all": ('"hatchback.urdf"', '"envs:/etc/passwd"', "must be a path inside the package"),
    "drive": ('"hatchback.urdf"', '"envs:C:/a.urdf"', "must be a path inside the package 'envs'"),
    "backslashes": ('"hatchback.urdf"', "'envs:robots\\..\\..\\a'", "must be a path inside"),
    "nothing in it": ('"hatchback.urdf"', '"envs:"', "must be a path inside the package 'envs'"),
    "no name": ('"hatchback.urdf"', '""', "is not a regular file"),
    "a device": ('"hatchback.urdf"', '"/dev/zero"', "urdf: /dev/zero: is not a regular file"),
    "a long name": ('"hatchback.urdf"', f'"{"u" * 5000}"', "urdf: no file 'uuu"),
    "a null": ('"hatchback.urdf"', '"a\\u0000b"', "urdf: no file"),
    "too many shapes": ("[lidar]", "[[shapes]]\n" * 1001 + "[lidar]", "shapes: has 1001 entries"),
    "too many held": (
        "[lidar]",
        "[held]\n" + "".join(f"j{k} = 0\n" for k in range(1001)) + "[lidar]",
        "held: has 1001 entries; at most 1000 are read",
    ),
    "not TOML": ("length = 4.0", "length = ", "not valid TOML"),
    "XML": ('name = "hatchback"', "<robot/>", "is XML; give the robot.toml that names it"),
    "nested TOML": ("length = 4.0", "length = " + "[" * 5000, "not valid TOML"),
    "too many digits": ("length = 4.0", "length = " + "9" * 5000, "not valid TOML"),
}


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_each_mistake_is_named_with_the_file_and_the_key(folder, mistake):
    old, new, expected = MISTAKES[mistake]
    edit(folder, old, new)
    message = complaint(folder)
    assert expected in message
    assert message.startswith(str(folder / "robot.toml"))


def test_an_actuator_that_is_no_table_is_refused(folder):
    text = (folder / "robot.toml").read_text(encoding="utf-8")
    before, after = text.index("[[actuators]]"), text.index("[command]")
    text = "actuators = [1]\n" + text[:before] + text[after:]
    (folder / "robot.toml").write_text(text, encoding="utf-8")
    assert "actuators[0]: expected a table, got 1" in complaint(folder)


def test_a_folder_without_a_robot_says_what_to_give(tmp_path):
    assert "cannot be read (No such file or directory); give a robot.toml" in complaint(tmp_path)


def test_a_byte_order_mark_is_left_out_and_other_encodings_are_named(folder):
    file = folder / "robot.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8-sig")
    assert read_robot(folder) == read_robot(file)
    file.write_text(text, encoding="utf-16")
    assert "robot.toml: is not UTF-8 text; save it as UTF-8" in complaint(folder)


def test_files_that_never_end_are_refused(tmp_path):
    os.mkfifo(tmp_path / "robot.toml")
    for robot in (tmp_path, Path("/dev/urandom")):
        assert "is not a regular file; give a robot.toml" in complaint(robot)


def test_more_actuators_than_engines_drive_are_refused(folder):
    text = (folder / "robot.toml").read_text(encoding="utf-8")
    before, after = text.index("[[actuators]]"), text.index("[command]")
    text = text[:before] + text[before:after] * 51 + text[after:]
    (folder / "robot.toml").write_text(text, encoding="utf-8")
    assert "actuators: has 102 entries; at most 100 are read" in complaint(folder)


def test_a_package_is_found_without_running_it(folder, tmp_path, monkeypatch):
    for name, code in (("fails_acme", "raise SystemExit"), ("names_acme", None)):
        package = tmp_path / name
        shutil.copytree(SHIPPED / "hatchback", package / "robots")
        if code is not None:  # the other is a namespace package
            (package / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w'); {code}")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("fails_acme", "names_acme"):
        file = folder / "robot.toml"
        text = (SHIPPED / "hatchback" / "robot.toml").read_text(encoding="utf-8")
        urdf = f"{name}:robots/hatchback.urdf"
        file.write_text(text.replace("hatchback.urdf", urdf), encoding="utf-8")
        assert read_robot(folder).urdf == tmp_path / name / "robots" / "hatchback.urdf"
        edit(folder, "robots/hatchback", "robots/hatchbak")
        assert "urdf: no file 'hatchbak.urdf' at" in complaint(folder)
        assert name not in sys.modules
    assert not (tmp_path / "ran").exists()


def test_an_unknown_name_suggests_the_nearest_and_a_path():
    with pytest.raises(ValueError, match=r"did you mean .husky.*or give the path of a robot\.toml"):
        find_robot("huskey")


LOADING = {
    "unknown joint": (
        "robot.toml",
        '"front_left_steer"',
        '"front_left_stear"',
        "'front_left_steer'",
    ),
    "unknown wheel": ("robot.toml", 'wheels = ["front_left_wheel"', 'wheels = ["fl"', "joint 'fl'"),
    "not XML": ("hatchback.urdf", "</robot>", "", "hatchback.urdf: not a URDF: no element found"),
    "no number": ("hatchback.urdf", '<mass value="930"/>', '<mass value="x"/>', "value='x'"),
    "two numbers": ("hatchback.urdf", 'xyz="0 0 -0.1"', 'xyz="0 0"', "should be 3 number"),
    "no child": ("hatchback.urdf", 'child link="front_left_tyre"', 'child link="a"', "link 'a'"),
    "two trees": ("hatchback.urdf", "</robot>", '<link name="b"/></robot>', "not one tree"),
    "fixed joint": ("hatchback.urdf", 'type="continuous"', 'type="fixed"', "is fixed"),
}


@pytest.mark.parametrize("mistake", sorted(LOADING))
def test_a_urdf_that_does_not_fit_is_refused_when_loaded(folder, mistake):
    file, old, new, expected = LOADING[mistake]
    edit(folder, old, new, file)
    assert expected in complaint(folder, load=True)


@pytest.mark.parametrize("name", sorted(robots("driving")))
@given(speed=st.floats(0.0, 12.0), command=st.tuples(st.floats(0.5, 8.0), st.floats(-0.8, 0.8)))
def test_commands_and_actions_are_each_others_inverse(name, speed, command):
    robot = find_robot(name)
    commands = np.asarray([(min(command[0], robot.cruise_speed), command[1])])
    speeds = np.asarray([[speed]])
    actions = robot.from_command(commands, speeds)
    np.testing.assert_allclose(robot.to_command(actions, speeds), commands, atol=1e-9)


@pytest.mark.parametrize("name", sorted(robots("driving")))
def test_turning_left_is_positive_for_every_robot(name):
    robot = find_robot(name)
    speed = np.full((2, 1), 4.0)
    actions = robot.from_command(np.asarray([[4.0, 0.3], [4.0, -0.3]]), speed)
    straight = robot.from_command(np.asarray([[4.0, 0.0]]), speed[:1])
    # Left and right are symmetric about going straight.
    np.testing.assert_allclose(actions.mean(axis=0), straight[0], atol=1e-9)
    assert robot.to_command(actions, speed)[0, 1] > 0.0


@pytest.mark.parametrize("name", sorted(robots("driving")))
def test_lidar_beams_are_symmetric_sorted_and_cover_the_view(name):
    lidar = find_robot(name).lidar
    angles, rays = lidar.angles, lidar.rays
    assert np.all(np.diff(angles) > 0.0)
    np.testing.assert_allclose(angles, -angles[::-1], atol=1e-9)
    assert angles[-1] - angles[0] == pytest.approx(lidar.field_of_view)
    assert rays.shape == (lidar.beams, lidar.rays_per_beam)
    assert np.all(np.diff(rays.ravel()) > 0.0)  # neighbouring cells do not overlap
