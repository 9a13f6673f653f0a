"""Both engines get the same robot, however its URDF is written."""

import json

import numpy as np
import pytest

from envs.bullet import Bullet
from envs.fixed_joints import merge_fixed_joints
from envs.robot_file import read_robot
from tests.envs.cart_files import BOX, CHASSIS, TOML, URDF, changed, write

pytest.importorskip("mujoco")
from envs.mujoco_world import Mujoco

ENGINES = {"pybullet": Bullet, "mujoco": Mujoco}


def drive(folder, engine):
    """Where a cart is after a second of a left turn: position, orientation and joints."""
    simulator = ENGINES[engine]()
    try:
        simulator.load(read_robot(folder), (), 240.0)
        simulator.reset(0.0, 0.0, 0.3, 1.0)
        simulator.drive({"left": 1.0, "right": 3.0}, 1.0, 1.0)
        simulator.advance(240)
        state, (position, speed) = simulator.state(), simulator.joints()
        return np.concatenate([state.position, state.quaternion, position, speed])
    finally:
        simulator.close()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("baseline"))
    return {engine: drive(folder, engine) for engine in ENGINES}


LONG = "x" * 9000
IGNORED = """<gazebo reference="chassis"><mu1>0.2</mu1></gazebo>
<transmission name="t"/><material name="red"/></robot>"""
PRETTY = f'<visual><geometry><mesh filename="package://{LONG}/none.dae"/></geometry></visual>'
FLOATING = """<link name="world"/><joint name="w" type="floating"><parent link="world"/>
<child link="chassis"/><origin xyz="0 0 5"/></joint></robot>"""
ODD_NAMES = {
    "reserved": "world base ground field link_0 joint_0 shape:0 robot",
    "markup": "[red]a[/red] a&lt;b&gt;&amp;&quot;c 100% {x} a;b 'q' \\n #",
    "languages": "шасси 车体 châssis Öse ロボット 🤖 ألف ñ",
    "prefixes": "robot1/base /abs a:b a.b a..b - 1 _",
    "long": " ".join(letter * 5000 for letter in "abcdefgh"),
    "spaces": "Component_2:1 wheel_(1) wheel_(2) a__b _a b_ c d",
}


def renamed(words, spaces=False):
    """A cart whose links have the first five of eight names, and whose joints the last four."""
    names = [word.replace("_", " ") if spaces else word for word in words.split()]
    plain = [
        name.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
        for name in names
    ]
    urdf, toml = URDF, TOML
    urdf = changed(urdf, ('"chassis"', f'"{names[0]}"'))
    for k, side in enumerate(("front_left", "front_right", "rear_left", "rear_right")):
        urdf = changed(urdf, (f'"{side}_tyre"', f'"{names[1 + k]}"'))
        urdf = changed(urdf, (f'"{side}_wheel"', f'"{names[4 + k]}"'))
        toml = changed(toml, (f'"{side}_wheel"', json.dumps(plain[4 + k], ensure_ascii=False)))
    return urdf, toml


SAME = {
    "ROS's namespace": URDF.replace("<robot", '<robot xmlns="http://www.ros.org"', 1),
    "another namespace": URDF.replace("<robot", '<robot xmlns:xacro="http://x"', 1),
    "byte order mark": b"\xef\xbb\xbf" + URDF.encode(),
    "UTF-16": ('<?xml version="1.0" encoding="utf-8"?>' + URDF).encode("utf-16"),
    "UTF-16 without mark": URDF.encode("utf-16-be"),
    "Latin-1": ('<?xml version="1.0" encoding="latin1"?><!-- ü -->' + URDF).encode("latin1"),
    "Windows' lines": URDF.replace("\n", "\r\n"),
    "one long line": changed(URDF, ("\n", " "), ("<robot", f"<!--{LONG}--><robot")),
    "long attributes": changed(
        URDF,
        ('<mass value="60"/>', f'<mass junk="{LONG}" value="60"/>'),
        ("<axis", f'<axis junk="{LONG}"'),
        ("<sphere", f'<sphere junk="{LONG}"'),
        ("<child", f'<child junk="{LONG}"'),
    ),
    "long numbers": changed(URDF, ('"60"', f'"{" " * 9000}6{"0" * 1}.{"0" * 9000}"')),
    "unknown tags": changed(URDF, ("</robot>", IGNORED)),
    "tags in a joint": changed(
        URDF, ("<axis", f'<calibration rising="0"/><dynamics damping="9"/><{LONG}/><axis')
    ),
    "a visual mesh that is missing": changed(URDF, ("<collision>", PRETTY + "<collision>")),
    "long axes": changed(URDF, ('<axis xyz="0 1 0"/>', '<axis xyz="0 250 0"/>')),
    "short axes": changed(URDF, ('<axis xyz="0 1 0"/>', '<axis xyz="0 1e-200 0"/>')),
    "an empty fixed link": changed(
        URDF,
        (
            "</robot>",
            '<link name="imu"><inertial/></link><joint name="j" type="fixed">'
            '<parent link="chassis"/><child link="imu"/><axis xyz="0 0 0"/></joint></robot>',
        ),
    ),
    "a floating joint to the world": changed(URDF, ("</robot>", FLOATING)),
    "the weight on a fixed link": changed(
        URDF,
        ('<mass value="60"/>\n<inertia ixx="3.25" iyy="5.8" izz="7.45"', "STEEL"),
        ('STEEL ixy="0" ixz="0" iyz="0"/>', '<mass value="0"/>'),
        (
            "</robot>",
            changed(CHASSIS, ("chassis", "steel"), (f"<geometry>{BOX}</geometry>", "X")).replace(
                "<collision>X</collision>", ""
            )
            + '<joint name="bolts" type="fixed"><parent link="chassis"/><child link="steel"/>'
            "</joint></robot>",
        ),
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("way", SAME)
def test_the_same_machine_drives_alike_however_it_is_written(tmp_path, expected, way, engine):
    state = drive(write(tmp_path, SAME[way]), engine)
    np.testing.assert_allclose(state, expected[engine], rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ODD_NAMES)
def test_links_and_joints_may_have_any_names(tmp_path, expected, kind, engine):
    folder = write(tmp_path, *renamed(ODD_NAMES[kind], spaces=kind == "spaces"))
    np.testing.assert_array_equal(drive(folder, engine), expected[engine])


@pytest.mark.parametrize("kind", ["revolute", "prismatic"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_joint_without_limits_moves_freely_in_both_engines(tmp_path, expected, kind, engine):
    mast = """<link name="mast"><inertial><mass value="1e-3"/>
    <inertia ixx="1e-5" iyy="1e-5" izz="1e-5"/></inertial></link><joint name="m" type="{}">
    <parent link="chassis"/><child link="mast"/><axis xyz="0 0 1"/></joint></robot>"""
    folder = write(tmp_path, changed(URDF, ("</robot>", mast.format(kind))))
    np.testing.assert_allclose(drive(folder, engine)[:3], expected[engine][:3], atol=0.03)


ROUNDED = {
    "wheels": (
        'ixx="0.02" iyy="0.034" izz="0.02"',
        'ixx="0.0168" iyy="0.0338" izz="0.0168"',
    ),
    "a plate": ('ixx="3.25" iyy="5.8" izz="7.45"', 'ixx="2.4" iyy="5.0" izz="7.45"'),
    "the trunk": (
        '<mass value="60"/>\n<inertia ixx="3.25" iyy="5.8" izz="7.45" ixy="0"',
        '<origin rpy="0.1 0.2 0.7"/><mass value="60"/>\n'
        '<inertia ixx="2.45" iyy="5" izz="7.45" ixy="0"',
    ),
}


@pytest.mark.parametrize("part", ROUNDED)
def test_rounded_inertias_are_those_of_bodies_in_both_engines(tmp_path, expected, part):
    folder = write(tmp_path, changed(URDF, ROUNDED[part]))
    for engine in ENGINES:
        there, usual = drive(folder, engine)[:2], expected[engine][:2]
        assert np.linalg.norm(there - usual) < 0.05 * np.linalg.norm(usual)


def test_lines_are_short_whatever_the_file_has(tmp_path):
    for name, text in SAME.items():
        merged = merge_fixed_joints(read_robot(write(tmp_path / name, text)).model)
        assert max(map(len, merged.splitlines())) < 1000


def test_a_point_mass_that_is_fixed_counts_where_it_is(tmp_path):
    ballast = """<link name="ballast"><inertial><mass value="{0}"/></inertial></link>
    <joint name="b" type="fixed"><parent link="chassis"/><child link="ballast"/>
    <origin xyz="0 0.3 0"/></joint></robot>"""
    light, heavy = (
        drive(write(tmp_path / mass, changed(URDF, ("</robot>", ballast.format(mass)))), "mujoco")
        for mass in ("1e-9", "60")
    )
    assert abs(heavy[1] - light[1]) > 0.01


BAD_BODIES = {
    "no inertia": (
        '<mass value="3"/>\n<inertia ixx="0.02" iyy="0.034" izz="0.02" ixy="0" ixz="0" iyz="0"/>',
        '<mass value="3"/>',
        "'front_left_tyre' moves and weighs 3 kg but has no inertia; give it an <inertia>",
    ),
    "no mass": ('<mass value="3"/>', '<mass value="0"/>', "moves but has no mass"),
    "a root without inertial": (
        CHASSIS[CHASSIS.index("<inertial") : CHASSIS.index("<coll")],
        "",
        "'chassis' moves but",
    ),
    "negative mass": ('<mass value="3"/>', '<mass value="-3"/>', "mass -3 kg must not be negative"),
    "two percent": ('iyy="0.034"', 'iyy="0.0408"', "exceeds the sum 0.04 of the others"),
    "a rod": ('ixx="0.02"', 'ixx="0"', "all principal moments must be positive"),
}


SHAPELESS = {
    "none": ("", "a <collision> has nothing, not one of box"),
    "a cone": ('<cone radius="1"/>', "a <collision> has <cone>, not one of box, sphere"),
    "two": (BOX + '<sphere radius="1"/>', "a <collision> has <box>, <sphere>, not one of"),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fault", SHAPELESS)
def test_a_collision_has_one_shape_that_engines_know(tmp_path, fault, engine):
    shape, said = SHAPELESS[fault]
    with pytest.raises(ValueError, match=f"cart.urdf: link 'chassis': {said}"):
        drive(write(tmp_path, changed(URDF, (BOX, shape))), engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fault", BAD_BODIES)
def test_no_engine_is_given_a_body_that_cannot_be(tmp_path, fault, engine):
    old, new, said = BAD_BODIES[fault]
    with pytest.raises(ValueError, match=r"cart\.urdf: link ") as error:
        drive(write(tmp_path, changed(URDF, (old, new))), engine)
    assert said in str(error.value)
