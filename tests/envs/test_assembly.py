"""What a robot.toml says of somebody else's URDF: held joints and other collision shapes."""

from pathlib import Path

import numpy as np
import pytest

from envs import make_environment
from envs.assembly import Solid, hold, reshape
from envs.bullet import Bullet
from envs.fixed_joints import merge_fixed_joints
from envs.inspection import check_robot
from envs.outline import corners
from envs.robot_file import read_robot
from envs.urdf import read_urdf

JVRC = Path(__file__).parents[2] / "experiments" / "robots" / "jvrc"
ARM = """
<robot name="arm">
  <link name="base"><inertial><mass value="4"/>
    <inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="upper"><inertial><mass value="2"/><origin xyz="0.5 0 0"/>
    <inertia ixx="0.1" iyy="0.1" izz="0.1" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><geometry><mesh filename="package://x/upper.dae"/></geometry></collision></link>
  <link name="slide"><inertial><mass value="1"/>
    <inertia ixx="0.1" iyy="0.1" izz="0.1" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <joint name="elbow" type="revolute"><parent link="base"/><child link="upper"/>
    <origin xyz="0 0 1" rpy="0 0 1.5707963267948966"/><axis xyz="0 1 0"/>
    <limit lower="-2" upper="2" effort="10" velocity="5"/></joint>
  <joint name="rail" type="prismatic"><parent link="upper"/><child link="slide"/>
    <origin xyz="1 0 0"/><axis xyz="1 0 0"/>
    <limit lower="-2" upper="2" effort="10" velocity="5"/></joint>
</robot>
"""


@pytest.fixture
def arm(tmp_path):
    (tmp_path / "arm.urdf").write_text(ARM)
    return read_urdf(tmp_path / "arm.urdf")


def test_what_is_held_lies_where_the_moving_joint_would_put_it(arm):
    held = hold(arm, {"elbow": 0.7}, [])
    np.testing.assert_allclose(held.poses["slide"], arm.posed({"elbow": 0.7})["slide"], atol=1e-12)
    assert held.joints["elbow"].kind == "fixed"
    assert arm.joints["elbow"].kind == "revolute"


def test_a_rail_is_held_further_along(arm):
    held = hold(arm, {"rail": 0.3}, [])
    moved = held.poses["slide"][:3, 3] - arm.poses["slide"][:3, 3]
    np.testing.assert_allclose(moved, [0.0, 0.3, 0.0], atol=1e-12)


def test_what_is_held_weighs_where_it_is(arm, tmp_path):
    """One link is left; its centre of mass is that of all of them in the held posture."""
    held = hold(arm, {"*": 0.4}, [])
    (tmp_path / "merged.urdf").write_text(merge_fixed_joints(reshape(held, ())))
    (link,) = read_urdf(tmp_path / "merged.urdf").links.values()
    parts = [(p.mass, held.poses[n] @ [*p.center, 1.0]) for n, p in held.links.items()]
    expected = sum(mass * at[:3] for mass, at in parts) / 7.0
    assert link.mass == 7.0
    np.testing.assert_allclose(link.center, expected, atol=1e-12)


def test_a_name_with_brackets_is_a_name_before_it_is_a_pattern(tmp_path):
    text = ARM.replace('"elbow"', '"arm[1]"').replace('"rail"', '"arm1"')
    (tmp_path / "arm.urdf").write_text(text)
    arm = read_urdf(tmp_path / "arm.urdf")
    assert hold(arm, {"arm[1]": 0.1}, []).joints["arm1"].kind == "prismatic"
    assert hold(arm, {"arm[12]": 0.1}, []).joints["arm1"].kind == "fixed"


def test_a_rail_with_a_long_axis_is_held_at_metres(tmp_path):
    (tmp_path / "arm.urdf").write_text(ARM.replace('<axis xyz="1 0 0"/>', '<axis xyz="2 0 0"/>'))
    arm = read_urdf(tmp_path / "arm.urdf")
    moved = hold(arm, {"rail": 0.3}, []).poses["slide"] - arm.poses["slide"]
    np.testing.assert_allclose(moved[:3, 3], [0.0, 0.3, 0.0], atol=1e-12)


@pytest.mark.parametrize(
    ("held", "moved", "said"),
    [
        ({"elbo": 0.0}, [], "held: unknown joint 'elbo'; did you mean 'elbow'"),
        ({"*": 0.0}, ["rail"], "held: an actuator moves joint 'rail'"),
    ],
)
def test_what_cannot_be_held_is_told(arm, held, moved, said):
    with pytest.raises(ValueError, match=said.replace("*", r"\*")):
        hold(arm, held, moved)


def test_shapes_replace_all_that_the_urdf_has(arm):
    solids = [
        Solid("slide", "box", (0.2, 0.4, 0.6), (0.0, 0.0, 0.1), (0.0, 0.0, np.pi / 2)),
        Solid("slide", "capsule", (0.1, 0.5)),
    ]
    shaped = reshape(arm, solids)
    assert not shaped.links["upper"].collisions
    box, capsule = (
        np.ptp(corners(shaped.links["slide"], element, np.eye(4)), axis=0)
        for element in shaped.links["slide"].collisions
    )
    np.testing.assert_allclose(box, [0.4, 0.2, 0.6], atol=1e-9)
    np.testing.assert_allclose(capsule, [0.2, 0.2, 0.7], atol=1e-9)


def test_a_shape_may_say_how_rough_its_link_is(arm):
    def friction(link):
        return link.contact.find("lateral_friction").get("value")

    rough = reshape(arm, [Solid("slide", "sphere", (0.1,), friction=0.9)])
    assert friction(rough.links["slide"]) == "0.9"
    plain = reshape(arm, [Solid("slide", "sphere", (0.1,))])
    assert plain.links["slide"].contact is arm.links["slide"].contact


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda arm: Solid("slide", "sphere", (1.0,), friction=-1.0), "must not be negative"),
        (lambda arm: reshape(arm, [Solid("slid", "sphere", (1.0,))]), "did you mean 'slide'"),
        (lambda arm: Solid("slide", "ball", (1.0,)), "unknown kind 'ball'"),
        (lambda arm: Solid("slide", "box", (1.0, 2.0)), "a box has 3 positive number"),
        (lambda arm: Solid("slide", "sphere", (-1.0,)), "a sphere has 1 positive number"),
    ],
)
def test_shapes_that_cannot_be_are_told(arm, make, said):
    with pytest.raises(ValueError, match=said):
        make(arm)


def test_a_published_humanoid_is_plugged_in_by_data_alone():
    pytest.importorskip("jvrc_description")
    report = check_robot(JVRC)
    assert [finding.name for finding in report.findings if not finding.passed] == []
    robot = read_robot(JVRC)
    assert len((JVRC / "robot.toml").read_text().splitlines()) < 150
    simulator = Bullet()
    simulator.load(robot, (), 240.0)
    assert len(simulator._robot.joints) == len(robot.actuators) == 16
    simulator.close()
    env = make_environment("parcel", JVRC, privileged=True)
    observation, _ = env.reset(seed=0)
    for _ in range(10):
        observation, _, done, *_ = env.step(np.zeros(16, dtype=np.float32))
    assert env.mirror is not None
    assert np.isfinite(observation).all()
    assert not done
    env.close()
