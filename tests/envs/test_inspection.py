import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from envs import robots
from envs.catalogue import SHIPPED, find_robot
from envs.inspection import Finding, Report, check_robot, inspect
from tests.envs.small_robots import changed


@pytest.mark.parametrize("name", sorted(robots()))
def test_every_shipped_robot_passes(name):
    report = check_robot(name)
    assert report.robot == name
    assert report.failures == ()
    assert len(report.findings) > 8


def broken(tmp_path, robot, *changes):
    """A copy of a shipped robot with ``(file, old, new)`` changes; None means the robot.toml."""
    folder = Path(shutil.copytree(SHIPPED / robot, tmp_path / robot))
    for file, old, new in changes:
        path = folder / (file or "robot.toml")
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


CAR, SKID = "hatchback.urdf", "skid_steer.urdf"
SIDES = [
    (None, '["front_left_wheel", "rear_left_wheel"]', "LEFT"),
    (None, '["front_right_wheel", "rear_right_wheel"]', '["front_left_wheel", "rear_left_wheel"]'),
    (None, "LEFT", '["front_right_wheel", "rear_right_wheel"]'),
]
INERTIA = 'ixx="261.9" iyy="1278" izz="1464"'
BROKEN = {
    "steering sign": (
        "hatchback",
        [(None, "wheelbase = 2.5", "wheelbase = 2.5\nrear = true")],
        {"geometry", "turning side"},
        "set command.rear = false",
    ),
    "sides swapped": ("skid_steer", SIDES, {"geometry", "turning side"}, "on the other side"),
    "wheel radius": (
        "hatchback",
        [(None, "wheel_radius = 0.3", "wheel_radius = 0.4")],
        {"wheels"},
        "wheel_radius is 0.4 m, but 'rear_left_wheel' has 0.3 m",
    ),
    "wheelbase": (
        "hatchback",
        [(None, "wheelbase = 2.5", "wheelbase = 1.2")],
        {"geometry", "yaw rate"},
        "the axles are 2.5 m apart",
    ),
    "track": ("skid_steer", [(None, "track = 2.0", "track = 0.8")], {"yaw rate"}, "command.track"),
    "negative mass": (
        "hatchback",
        [(CAR, '<mass value="930"/>', '<mass value="-930"/>')],
        {"masses", "motion"},
        "link 'body': mass -930 kg must not be negative",
    ),
    "negative inertia": (
        "hatchback",
        [(CAR, INERTIA, INERTIA.replace("261.9", "-261.9"))],
        {"masses", "motion"},
        "all principal moments must be positive",
    ),
    "impossible inertia": (
        "hatchback",
        [(CAR, INERTIA, INERTIA.replace("1464", "2464"))],
        {"masses", "motion"},
        "which no body has",
    ),
    "grams for kilograms": (
        "hatchback",
        [(CAR, '<mass value="930"/>', '<mass value="930000"/>')],
        {"masses", "motion"},
        "check masses and lengths",
    ),
    "heavy wheels": (
        "hatchback",
        [(CAR, '<mass value="15"/>', '<mass value="500"/>')],
        {"masses", "motion"},
        "the wheels weigh 2e+03 kg",
    ),
    "massless wheel": (
        "hatchback",
        [(CAR, '<mass value="15"/>', '<mass value="0"/>')],
        {"masses", "motion"},
        "link 'front_left_tyre' moves but has no mass",
    ),
    "hinges for wheels": (
        "hatchback",
        [(None, 'wheels = ["front_left_wheel"', 'wheels = ["front_left_steer"')],
        {"wheels", "geometry"},
        "not about the robot's y axis: no wheel",
    ),
    "wheels misspelt": (
        "hatchback",
        [(None, 'wheels = ["front_left_wheel"', 'wheels = ["front_lft_wheel"')],
        {"joints", "wheels", "motion"},
        "did you mean 'front_left_wheel'?",
    ),
    "floating base": (
        "hatchback",
        [(None, "height = 0.6", "height = 0.9")],
        {"wheels", "rest"},
        "height should be 0.6",
    ),
    "floating joint": (
        "hatchback",
        [
            (
                CAR,
                'name="rear_left_wheel" type="continuous"',
                'name="rear_left_wheel" type="floating"',
            )
        ],
        {"urdf"},
        "joint 'rear_left_wheel' is of type 'floating'; make it one of revolute",
    ),
    "millimetres": (
        "hatchback",
        [(None, "length = 4.0", "length = 4000.0")],
        {"outline", "masses", "motion"},
        "length is 4000.0 m, but the collision shapes span 4 m",
    ),
    "unknown role": (
        "hatchback",
        [(None, '"front_steering"', '"front_stearing"')],
        {"roles"},
        "did you mean 'front_steering'?",
    ),
    "beyond the joint": (
        "hatchback",
        [(None, "high = 0.5", "high = 0.9")],
        {"limits", "motion"},
        "leaves the range of 'front_left_steer', -0.6 to 0.6",
    ),
    "beyond the motor": (
        "hatchback",
        [(None, "force = 800.0", "force = 8000.0")],
        {"limits", "motion"},
        "is over the effort 2000.0 of 'front_left_steer'",
    ),
    "slower than its cruise": (
        "hatchback",
        [(None, "high = 10.0", "high = 5.0")],
        {"limits", "motion"},
        "is below cruise_speed 9.0 m/s",
    ),
    "feeble servo": (
        "hatchback",
        [(None, "force = 800.0", "force = 0.1")],
        {"actuators"},
        "front_steering: rad",
    ),
    "feeble motor": (
        "hatchback",
        [(None, "force = 500.0", "force = 5.0")],
        {"actuators", "speed"},
        "told 9.0 m/s it goes",
    ),
    "feeble brakes": (
        "hatchback",
        [(None, "brake = 520.0", "brake = 20.0")],
        {"brakes"},
        "raise brake (or force)",
    ),
    "lopsided": (
        "hatchback",
        [(CAR, '<origin xyz="0 0 -0.1"/>', '<origin xyz="0 1.2 -0.1"/>')],
        {"rest", "speed", "yaw rate"},
        "it leans by",
    ),
    "lidar above all": (
        "hatchback",
        [(None, "mount = [0.0, 0.0, 0.4]", "mount = [0.0, 0.0, 4.0]")],
        {"lidar"},
        "where it sees over a pedestrian",
    ),
    "another task's": (
        "hatchback",
        [(None, 'tasks = ["driving"]', 'tasks = ["parcel"]')],
        {"task"},
        "made for parcel, but is no humanoid",
    ),
    "not TOML": (
        "hatchback",
        [(None, "length = 4.0", "length =")],
        {"robot.toml"},
        "not valid TOML",
    ),
    "not XML": ("hatchback", [(CAR, "</robot>", "")], {"urdf"}, "not a URDF"),
}


@pytest.mark.parametrize("fault", sorted(BROKEN))
def test_each_fault_is_found_and_the_way_out_told(tmp_path, fault):
    robot, changes, names, hint = BROKEN[fault]
    report = check_robot(broken(tmp_path, robot, *changes))
    assert not report.passed
    assert {finding.name for finding in report.failures} == names
    assert any(hint in finding.detail for finding in report.failures)


def found(folder, name):
    (finding,) = [each for each in check_robot(folder).findings if each.name == name]
    return finding


def test_a_rounded_inertia_is_brought_in_order_and_named(tmp_path):
    change = ("hatchback.urdf", '"0.3645"', '"0.335"')
    finding = found(broken(tmp_path, "hatchback", change), "masses")
    assert finding.passed
    assert "rounded in the file, so adjusted by up to 0.35 %: 'front_left_tyre'" in finding.detail


def test_what_the_urdf_has_and_engines_are_not_given_is_named(tmp_path):
    change = (
        "hatchback.urdf",
        '<axis xyz="0 1 0"/>',
        '<axis xyz="0 1 0"/><dynamics damping="2" friction="0"/>',
    )
    rough = ("hatchback.urdf", "</contact>", '<rolling_friction value="0.1"/></contact>')
    gazebo = ("hatchback.urdf", "</robot>", "<gazebo/></robot>")
    finding = found(broken(tmp_path, "hatchback", change, rough, gazebo), "not used")
    assert finding.passed
    assert finding.detail == (
        "gazebo (1), joint damping (4); in MuJoCo: rolling_friction of contacts"
    )


STEER = '<limit lower="-0.6" upper="0.6" effort="2000" velocity="3"/>'
BOTH = 'joints = ["front_left_steer", "front_right_steer"]'
MIMICS = {
    "followed": ("", True, "4 actuated joints"),
    "reversed": (' multiplier="-1"', False, "keep it where it is with [held], or make it fixed"),
    "shifted": (' offset="0.1"', False, "should follow 'front_left_steer' (mimic)"),
}


@pytest.mark.parametrize("way", MIMICS)
def test_a_joint_that_follows_another_needs_the_same_actuator(tmp_path, way):
    attributes, passed, said = MIMICS[way]
    mimic = f'{STEER}<mimic joint="front_left_steer"{attributes}/>'
    folder = broken(tmp_path, "hatchback")
    text = (folder / "hatchback.urdf").read_text(encoding="utf-8")
    before, after = text.rsplit(STEER, 1)
    (folder / "hatchback.urdf").write_text(before + mimic + after, encoding="utf-8")
    finding = found(folder, "joints")
    assert finding.passed == passed
    assert said in finding.detail


def test_a_joint_that_follows_another_and_is_moved_by_nothing_is_named(tmp_path):
    mimic = ("hatchback.urdf", STEER, f'{STEER}<mimic joint="front_left_steer"/>')
    alone = (None, BOTH, 'joints = ["front_left_steer"]')
    finding = found(broken(tmp_path, "hatchback", mimic, alone), "joints")
    assert "add it to the joints of actuator 'front_steering'" in finding.detail


def test_soft_limits_are_limits(tmp_path):
    soft = f'{STEER}<safety_controller soft_lower_limit="-0.1" soft_upper_limit="0.2"/>'
    finding = found(broken(tmp_path, "hatchback", ("hatchback.urdf", STEER, soft)), "limits")
    assert not finding.passed
    assert "leaves the soft limits of 'front_left_steer', -0.1 to 0.2" in finding.detail


@pytest.mark.parametrize("speed", ["1e-300", "0.04"])
def test_a_car_that_hardly_moves_is_inspected_to_the_end(tmp_path, speed):
    change = (None, "cruise_speed = 9.0", f"cruise_speed = {speed}")
    findings = check_robot(broken(tmp_path, "hatchback", change)).findings
    assert {finding.name for finding in findings} >= {"brakes", "yaw rate", "lidar"}


def test_an_axis_that_points_the_other_way_is_no_fault(tmp_path):
    change = ("hatchback.urdf", '<axis xyz="0 1 0"/>', '<axis xyz="0 -1 0"/>')
    turned = ("hatchback.urdf", '<axis xyz="0 0 1"/>', '<axis xyz="0 0 -1"/>')
    assert check_robot(broken(tmp_path, "hatchback", change, turned)).failures == ()


def test_a_lidar_that_sees_farther_than_the_world_tells_is_no_fault(tmp_path):
    change = (None, "range = 40.0", "range = 80.0")
    assert check_robot(broken(tmp_path, "hatchback", change)).failures == ()


def test_an_unknown_robot_is_a_finding_and_an_unknown_task_an_error():
    report = check_robot("hatchbak")
    assert [finding.name for finding in report.findings] == ["robot.toml"]
    assert "did you mean 'hatchback'?" in report.findings[0].detail
    with pytest.raises(ValueError, match="unknown task 'drivin'"):
        check_robot("hatchback", "drivin")


def test_a_report_passes_only_if_all_findings_do():
    good, bad = Finding("a", True, ""), Finding("b", False, "why")
    assert Report("x", None, (good,)).passed
    assert not Report("x", None, (good, bad)).passed
    assert Report("x", None, (good, bad)).failures == (bad,)


def test_inspecting_changes_nothing():
    robot = find_robot("trike")
    assert inspect(robot, "driving") == inspect(robot, "driving")


STEER = '<limit lower="-0.6" upper="0.6" effort="2000" velocity="3"/>'
WHEEL = 'type="continuous"', 'type="revolute"'
RANGES = {
    "no range": (STEER, '<limit lower="0" upper="0"/>', "cannot move: its lower and upper limits"),
    "reversed": (STEER, '<limit lower="0.6" upper="-0.6"/>', "exchange them"),
    "degrees": (STEER, '<limit lower="-34" upper="34"/>', "write -0.5934 to 0.5934"),
    "slow": (STEER, STEER.replace('"3"', '"0.2"'), "rate 1.5 rad/s is over the velocity 0.2"),
}


@pytest.mark.parametrize("fault", RANGES)
def test_limits_that_cannot_be_meant_are_told(tmp_path, fault):
    old, new, hint = RANGES[fault]
    report = check_robot(changed(tmp_path, "hatchback", (CAR, old, new)))
    assert [finding.name for finding in report.failures] == ["limits", "motion"]
    assert hint in report.failures[0].detail


def test_a_wheel_that_stops_is_told(tmp_path):
    axis = '<axis xyz="0 1 0"/>'
    limit = axis + '<limit lower="-3.14" upper="3.14"/>'
    folder = changed(tmp_path, "hatchback", (CAR, *WHEEL), (CAR, axis, limit))
    found = {finding.name: finding.detail for finding in check_robot(folder).failures}
    assert "is revolute, from -3.14 to 3.14 rad, where it stops" in found["wheels"]
    assert "limits" not in found  # which are of angles, and not to be compared with m/s


def test_a_tyre_on_a_hub_counts_as_the_wheel(tmp_path):
    """Its radius, and that it does not make the car wider than it is."""
    tyre = ET.fromstring((SHIPPED / "hatchback" / CAR).read_text(encoding="utf-8"))
    for side in ("front_left", "front_right", "rear_left", "rear_right"):
        hub = tyre.find(f"link[@name='{side}_tyre']")
        rubber = ET.SubElement(tyre, "link", name=f"{side}_rubber")
        for tag in ("collision", "contact"):
            rubber.append(hub.find(tag))
            hub.remove(hub.find(tag))
        mount = ET.SubElement(tyre, "joint", name=f"{side}_mount", type="fixed")
        ET.SubElement(mount, "parent", link=f"{side}_tyre")
        ET.SubElement(mount, "child", link=f"{side}_rubber")
    folder = changed(tmp_path, "hatchback")
    (folder / CAR).write_bytes(ET.tostring(tyre))
    assert check_robot(folder).failures == ()
    old, new = "wheel_radius = 0.3", "wheel_radius = 0.4"
    toml = (folder / "robot.toml").read_text(encoding="utf-8")
    (folder / "robot.toml").write_text(toml.replace(old, new), encoding="utf-8")
    assert "'rear_left_wheel' has 0.3 m" in check_robot(folder).failures[0].detail


def test_a_sole_on_an_ankle_counts_as_the_foot(tmp_path):
    root = ET.fromstring((SHIPPED / "porter" / "porter.urdf").read_text(encoding="utf-8"))
    for side in ("left", "right"):
        ankle = root.find(f"joint[@name='{side}_ankle_roll']/child").get("link")
        foot = root.find(f"link[@name='{ankle}']")
        sole = ET.SubElement(root, "link", name=f"{side}_sole")
        for collision in foot.findall("collision"):
            foot.remove(collision)
            sole.append(collision)
        mount = ET.SubElement(root, "joint", name=f"{side}_mount", type="fixed")
        ET.SubElement(mount, "parent", link=ankle)
        ET.SubElement(mount, "child", link=f"{side}_sole")
    folder = changed(tmp_path, "porter")
    (folder / "porter.urdf").write_bytes(ET.tostring(root))
    assert check_robot(folder).failures == ()


def engines_of(folder):
    return next(f for f in check_robot(folder).findings if f.name == "engines")


def test_servos_without_limits_are_told(tmp_path):
    found = engines_of(changed(tmp_path, "hatchback", (CAR, STEER, '<limit effort="2000"/>')))
    assert found.passed
    assert "without limits: 'front_left_steer'; 'front_right_steer'" in found.detail


def test_a_robot_is_checked_without_the_engine_that_is_not_installed(monkeypatch):
    monkeypatch.delitem(sys.modules, "envs.mujoco_world", raising=False)
    monkeypatch.setitem(sys.modules, "mujoco", None)
    found = engines_of(SHIPPED / "hatchback")
    assert found.passed
    assert "not tried: simulator 'mujoco' needs 'mujoco': pip install" in found.detail


STIFF = "force = 1e18, rate = 1e18, stiffness = 1e18"


def test_a_robot_that_flies_apart_is_told(tmp_path):
    stiff = (None, "force = 120.0, rate = 12.0, stiffness = 300.0", STIFF)
    limits = [(key, f'{key}="0" given_{key}') for key in ("effort", "velocity")]
    changes = [("porter.urdf", key, unknown) for key, unknown in limits]
    found = engines_of(changed(tmp_path, "porter", stiff, *changes))
    assert not found.passed
    assert "flies apart" in found.detail
