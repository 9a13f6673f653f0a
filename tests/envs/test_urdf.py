import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from envs import find_robot
from envs.assembly import hold
from envs.fixed_joints import merge_fixed_joints
from envs.urdf import check_joints, origin_of, read_urdf

ARM = """<robot name="arm">
  <link name="base"><inertial><mass value="2"/>
    <inertia ixx="0.2" iyy="0.3" izz="0.4" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="frame"/>
  <link name="load"><inertial><origin xyz="{com}"/><mass value="{mass}"/>
    <inertia ixx="0.02" iyy="0.03" izz="0.04" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="wheel"><inertial><mass value="1"/>
    <inertia ixx="0.1" iyy="0.1" izz="0.1" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <joint name="a" type="fixed"><parent link="base"/><child link="frame"/>
    <origin xyz="{xyz}" rpy="{rpy}"/></joint>
  <joint name="b" type="fixed"><parent link="frame"/><child link="load"/>
    <origin xyz="0.1 0 0"/></joint>
  <joint name="roll" type="continuous"><parent link="frame"/><child link="wheel"/>
    <origin xyz="0 0.2 0"/><axis xyz="0 0 1"/></joint>
</robot>"""


def write(folder, text):
    path = Path(folder) / "arm.urdf"
    path.write_text(text, encoding="utf-8")
    return read_urdf(path)


def words(values):
    return " ".join(repr(float(value)) for value in values)


triple = st.tuples(*[st.floats(-1.0, 1.0)] * 3)
turns = st.tuples(
    st.floats(-3.0, 3.0), st.sampled_from([-np.pi / 2, -0.4, 0, np.pi / 2]), st.just(0.3)
)


@given(com=triple, xyz=triple, rpy=turns, mass=st.floats(0.01, 10.0))
def test_merging_keeps_mass_centre_inertia_and_where_joints_are(
    tmp_path_factory, com, xyz, rpy, mass
):
    folder = tmp_path_factory.mktemp("arm")
    text = ARM.format(com=words(com), xyz=words(xyz), rpy=words(rpy), mass=mass)
    urdf = write(folder, text)
    merged = write(folder, merge_fixed_joints(urdf))
    assert set(merged.links) == {"base", "wheel"}
    base = merged.links["base"]

    turn = Rotation.from_euler("xyz", rpy).as_matrix()
    load = np.asarray(xyz) + turn @ (np.asarray([0.1, 0.0, 0.0]) + com)
    center = mass * load / (2.0 + mass)
    assert base.mass == pytest.approx(2.0 + mass)
    np.testing.assert_allclose(base.center, center, atol=1e-9)

    # Two point masses with their own inertias: the parallel-axis theorem with the reduced mass.
    reduced = 2.0 * mass / (2.0 + mass)
    expected = np.diag([0.2, 0.3, 0.4]) + turn @ np.diag([0.02, 0.03, 0.04]) @ turn.T
    expected = expected + reduced * (load @ load * np.eye(3) - np.outer(load, load))
    np.testing.assert_allclose(base.inertia, expected, atol=1e-9)

    np.testing.assert_allclose(merged.place("roll"), urdf.place("roll"), atol=1e-9)
    np.testing.assert_allclose(merged.axis("roll"), urdf.axis("roll"), atol=1e-9)


@given(rpy=st.tuples(*[st.floats(-3.0, 3.0)] * 3))
def test_roll_pitch_yaw_are_about_fixed_axes(rpy):
    pose = origin_of(ET.fromstring(f'<link><origin rpy="{words(rpy)}"/></link>'), "")
    np.testing.assert_allclose(pose[:3, :3], Rotation.from_euler("xyz", rpy).as_matrix(), atol=1e-9)


def test_the_husky_weighs_what_its_parts_weigh():
    # PyBullet's own merge says 39.5 kg for the chassis: 1 kg for each of six mere frames.
    merged = ET.fromstring(merge_fixed_joints(read_urdf(find_robot("husky").urdf)))
    chassis = merged.find("link[@name='base_footprint']/inertial")
    assert float(chassis.find("mass").get("value")) == pytest.approx(33.455)
    center = [float(word) for word in chassis.find("origin").get("xyz").split()]
    np.testing.assert_allclose(center, [-0.08748, -0.00085, 0.14493 + 0.09947], atol=1e-6)


def test_wheels_roll_and_hinges_turn_about_the_robots_own_axes():
    # The racecar's joints are written in frames of their own, with negative axes.
    urdf = read_urdf(find_robot("racecar").urdf)
    np.testing.assert_allclose(urdf.axis("left_front_wheel_joint"), [0, 1, 0], atol=1e-4)
    np.testing.assert_allclose(urdf.axis("left_steering_hinge_joint"), [0, 0, 1], atol=1e-4)


def test_a_loop_is_refused(tmp_path):
    text = """<robot name="x"><link name="r"/><link name="a"/><link name="b"/>
    <joint name="1" type="fixed"><parent link="a"/><child link="b"/></joint>
    <joint name="2" type="fixed"><parent link="b"/><child link="a"/></joint></robot>"""
    with pytest.raises(ValueError, match="the joints form a loop at link 'a'"):
        write(tmp_path, text)


def test_a_link_that_hangs_twice_is_refused(tmp_path):
    text = """<robot name="x"><link name="r"/><link name="a"/>
    <joint name="1" type="fixed"><parent link="r"/><child link="a"/></joint>
    <joint name="2" type="fixed"><parent link="r"/><child link="a"/></joint></robot>"""
    with pytest.raises(ValueError, match="link 'a' hangs on two joints"):
        write(tmp_path, text)


BODY = """<robot name="x"><link name="r"/><link name="a">
  <inertial><origin xyz="0 0 0"/><mass value="1"/><inertia ixx="1" iyy="1" izz="1"/></inertial>
  <collision><origin rpy="0 0 0"/><geometry><box size="1 2 3"/></geometry></collision>
  <collision><geometry><sphere radius="4"/></geometry></collision>
  <contact><lateral_friction value="0.5"/></contact></link>
  <joint name="j" type="revolute"><parent link="r"/><child link="a"/><axis xyz="0 0 1"/>
  <limit lower="-1" upper="1" effort="7"/><dynamics damping="0.1"/></joint></robot>"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('mass value="1"', 'mass value="nan"', "link 'a': mass value='nan' is not a finite number"),
        ('mass value="1"', "mass", "link 'a': mass lacks value"),
        ('ixx="1"', 'ixx="1e400"', "link 'a': inertia ixx='1e400' is not a finite number"),
        ('ixx="1" ', "", "link 'a': inertia lacks ixx"),
        ('xyz="0 0 0"', 'xyz="0 inf 0"', "link 'a': origin xyz='0 inf 0' is not a finite"),
        ('rpy="0 0 0"', 'rpy="0 0"', "link 'a': origin rpy='0 0' should be 3 number"),
        ('size="1 2 3"', 'size="1 2 x"', "link 'a': box size='1 2 x' is not a number"),
        ('size="1 2 3"', 'size="1 0 3"', "link 'a': box size='1 0 3' must be positive"),
        ('size="1 2 3"', "", "link 'a': box lacks size"),
        ('radius="4"', 'radius="-4"', "link 'a': sphere radius='-4' must be positive"),
        ('value="0.5"', 'value=""', "link 'a': lateral_friction value='' should be 1 number"),
        ('lower="-1"', 'lower="-inf"', "joint 'j': limit lower='-inf' is not a finite number"),
        ('effort="7"', 'effort="lots"', "joint 'j': limit effort='lots' is not a number"),
        ('damping="0.1"', 'damping="nan"', "joint 'j': dynamics damping='nan' is not a finite"),
        ('axis xyz="0 0 1"', 'axis xyz="0 0 0"', "joint 'j': axis xyz must not be zero"),
        ('link name="r"', 'link name="a"', "two links are called 'a'"),
        ('link name="r"', "link", "a link has no name"),
        ("<robot", '<?xml version="1.0" encoding="klingon"?><robot', "not a URDF: unknown encod"),
    ],
)
def test_numbers_that_are_none_are_named_with_file_part_and_attribute(tmp_path, old, new, said):
    write(tmp_path, BODY)
    assert old in BODY
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        write(tmp_path, BODY.replace(old, new, 1))
    assert str(error.value).startswith(str(tmp_path / "arm.urdf"))


@pytest.mark.parametrize(
    "number", ["6_0", "60kg", "0x3c", "६०", "1,5", "1 000", "3.6-06", "1e", "."]
)
def test_numbers_are_plain_decimals(tmp_path, number):
    said = f"link 'a': mass value={number!r} "
    with pytest.raises(ValueError, match=re.escape(said)):
        write(tmp_path, BODY.replace('mass value="1"', f'mass value="{number}"'))


@pytest.mark.parametrize("number", ["60", "+60.", "6e1", "60.0E+00", " 60\t", "0000060"])
def test_decimals_may_be_written_in_many_ways(tmp_path, number):
    urdf = write(tmp_path, BODY.replace('mass value="1"', f'mass value="{number}"'))
    assert urdf.links["a"].mass == 60.0


def test_a_number_that_takes_long_to_read_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="is not a number"):
        write(tmp_path, BODY.replace('mass value="1"', f'mass value="{"1" * 500_000}x"'))


def test_axes_have_length_one_also_in_what_is_computed_from_them(tmp_path):
    urdf = write(tmp_path, BODY.replace('axis xyz="0 0 1"', 'axis xyz="0 30 -40"'))
    np.testing.assert_allclose(urdf.axis("j"), [0.0, 0.6, -0.8])
    assert urdf.limits("j") == (-1.0, 1.0)
    turn = urdf.posed({"j": 0.3})["a"][:3, :3]
    np.testing.assert_allclose(Rotation.from_matrix(turn).as_rotvec(), [0.0, 0.18, -0.24])


JOINTS = {
    "planar": ('type="revolute"', 'type="planar"', "is of type 'planar'; make it one of revolute"),
    "floating": ('type="revolute"', 'type="floating"', "is of type 'floating'; make it one of"),
    "unknown": ('type="revolute"', 'type="Revolute"', "is of type 'Revolute'; make it one of"),
    "no type": ('type="revolute"', "", "has no type; make it one of revolute, continuous"),
}


@pytest.mark.parametrize("fault", JOINTS)
def test_joints_that_no_engine_simulates_are_refused_unless_they_are_held(tmp_path, fault):
    old, new, said = JOINTS[fault]
    base = '<link name="r"><collision><geometry><sphere radius="1"/></geometry></collision></link>'
    text = BODY.replace('<link name="r"/>', base).replace(old, new)
    urdf = write(tmp_path, text)
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        check_joints(urdf)
    assert str(error.value).startswith(f"{tmp_path / 'arm.urdf'}: joint 'j' ")
    check_joints(hold(urdf, {"j": 0.0}, []))


def test_no_more_joints_move_than_an_engine_drives(tmp_path):
    """PyBullet 3.2.7 turns 121; further motors do nothing."""
    joint = """<link name="a{0}"/><joint name="j{0}" type="continuous"><parent link="r"/>
    <child link="a{0}"/></joint>"""
    text = '<robot><link name="r"/>' + "".join(joint.format(k) for k in range(121)) + "</robot>"
    with pytest.raises(ValueError, match="121 joints move, of which engines drive 120"):
        check_joints(write(tmp_path, text))


def test_a_robot_bolted_to_the_world_is_refused_and_a_body_called_world_is_not(tmp_path):
    world = '<link name="world"/><joint name="w" type="fixed"><parent link="world"/>'
    world += '<child link="r"/></joint></robot>'
    with pytest.raises(ValueError, match="joint 'w' bolts the robot to the world, so it cannot"):
        write(tmp_path, BODY.replace("</robot>", world))
    body = BODY.replace('link name="a"', 'link name="world"').replace('"a"', '"world"')
    assert set(write(tmp_path, body).links) == {"r", "world"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('<parent link="r"/>', "", "joint 'j' lacks <parent link=…>"),
        ('<child link="a"/>', '<child link="b"/>', "joint 'j': child: unknown link 'b'; choose"),
        ('<mass value="1"/>', '<mass value="1e10"/>', "mass value='1e10' is beyond 1e+09"),
        ('ixx="1"', 'ixx="1e308"', "is beyond 1e+09"),
        ('size="1 2 3"', 'size="1 2 1e5"', "box size='1 2 1e5' is beyond 10000"),
        ('value="0.5"', 'value="-0.5"', "lateral_friction value='-0.5' must not be negative"),
        (
            "</inertial>",
            '<mass value="2"/></inertial>',
            "link 'a': inertial has 2 <mass>; leave one",
        ),
        ("<contact>", "<contact/><contact>", "link 'a': link has 2 <contact>; leave one"),
    ],
)
def test_what_cannot_be_built_is_named(tmp_path, old, new, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        write(tmp_path, BODY.replace(old, new))


def test_limits_may_stand_for_none(tmp_path):
    urdf = write(tmp_path, BODY.replace('lower="-1" upper="1"', 'lower="-1e30" upper="1e30"'))
    assert urdf.limits("j") == (-1e30, 1e30)
