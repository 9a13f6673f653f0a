"""What a robot stands on besides its wheels may touch the ground, and nothing else."""

import math
import xml.etree.ElementTree as ET

import pytest

from envs import find_robot, robots
from envs.bullet import Bullet
from envs.inspection import check_robot
from envs.robot_file import read_robot
from envs.simulator import Shape
from envs.supports import assemble
from tests.envs.small_robots import BALL, IN_BODY, SMOOTH, caster, changed, diffbot

pytest.importorskip("mujoco")
from envs.mujoco_world import Mujoco

ENGINES = pytest.mark.parametrize("engine", [Bullet, Mujoco])
BLOCK = Shape("box", (0.1, 0.1, 0.1))
TILTED = BALL.format('<origin rpy="0.7 0.7 0"/>')  # a ball is as low however it is turned
CASTERS = {
    "fixed ball": {"links": caster("fixed")},
    "fixed ball among the wheels": {"links": caster("fixed"), "listed": True},
    "rolling ball": {"links": caster("continuous")},
    "rolling ball among the wheels": {"links": caster("continuous"), "listed": True},
    "ball of the body itself": {"body": IN_BODY},
    "ball that spins": {"links": caster("continuous").replace("0 1 0", "0 0 1"), "listed": True},
    "turned ball": {"links": caster("fixed", TILTED)},
}


def drive(simulator, robot, seconds, speed=0.5):
    """Drive straight and say how far it came, and whether it touched anything."""
    touched = False
    for _ in range(round(10 * seconds)):
        simulator.drive({a.role: speed for a in robot.actuators}, 1.0, 0.0)
        simulator.advance(6)
        touched = touched or simulator.touched()
    return simulator.state().position[0], touched


@ENGINES
@pytest.mark.parametrize("kind", CASTERS)
def test_on_casters_a_robot_drives_and_collides_with_what_is_in_its_way(engine, kind, tmp_path):
    robot = diffbot(tmp_path, **CASTERS[kind])
    simulator = engine()
    simulator.load(robot, (BLOCK,), 60.0)
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    simulator.place(0, 5.0, 0.0, 0.0)
    way, touched = drive(simulator, robot, 2.0)
    assert (way, touched) == (pytest.approx(0.95, abs=0.1), False)
    simulator.place(0, way - 0.23, 0.0, 0.0)  # into the caster, from behind
    assert drive(simulator, robot, 0.1)[1]
    simulator.close()


@ENGINES
def test_a_body_that_falls_on_the_ground_is_a_collision_all_the_same(engine, tmp_path):
    robot = diffbot(tmp_path)  # with nothing to stand on behind its wheels
    simulator = engine()
    simulator.load(robot, (), 60.0)
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    assert drive(simulator, robot, 2.0)[1]
    simulator.close()


@ENGINES
def test_what_sticks_out_at_the_ground_collides_with_things(engine, tmp_path):
    plough = (
        '<collision><origin xyz="0.3 0 -0.08"/>'
        '<geometry><box size="0.3 0.3 0.04"/></geometry></collision>'
    )
    robot = diffbot(tmp_path, body=plough + IN_BODY)
    simulator = engine()
    simulator.load(robot, (BLOCK,), 60.0)
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    simulator.place(0, 0.53, 0.0, 0.0)
    assert drive(simulator, robot, 0.1)[1]
    simulator.close()


def test_a_caster_keeps_its_own_friction_and_the_robot_its_mass(tmp_path):
    assembled = assemble(diffbot(tmp_path, links=caster("fixed")))
    assert assembled.supports == ("ball_support",)
    contact = assembled.urdf.links["ball_support"].contact
    assert float(contact.find("lateral_friction").get("value")) == 0.0
    assert sum(link.mass for link in assembled.urdf.links.values()) == pytest.approx(4.9)
    assert assembled.urdf.links["chassis"].mass == pytest.approx(4.1)


@pytest.mark.parametrize("name", sorted(robots()))
def test_shipped_robots_stand_on_their_soles_alone(name):
    assembled = assemble(find_robot(name))
    assert assembled.supports == ()
    assert max(map(len, assembled.text.splitlines())) < 1000
    assert ET.fromstring(assembled.text).tag == "robot"


@pytest.mark.parametrize("kind", CASTERS)
def test_the_check_passes_casters(kind, tmp_path):
    diffbot(tmp_path, **CASTERS[kind])
    assert check_robot(tmp_path).failures == ()


SKID = "v 0 0 0\nv 0.02 0 0\nv 0 0.02 0\nv 0 0 0.04\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


@ENGINES
def test_a_mesh_may_be_what_a_robot_stands_on(engine, tmp_path):
    (tmp_path / "skid.obj").write_text(SKID, encoding="utf-8")
    skid = (
        '<collision><origin xyz="-0.14 0 -0.1"/>'
        f'<geometry><mesh filename="skid.obj"/></geometry></collision>{SMOOTH}'
    )
    robot = diffbot(tmp_path, body=skid)
    simulator = engine()
    simulator.load(robot, (), 60.0)
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    assert drive(simulator, robot, 2.0) == (pytest.approx(0.95, abs=0.1), False)
    simulator.close()
    assert check_robot(tmp_path).failures == ()


def test_the_check_tells_what_touches_the_ground_by_mistake(tmp_path):
    """A caster that is a centimetre too high: the robot leans on it, and no episode would last."""
    diffbot(tmp_path, body=IN_BODY.replace("-0.065", "-0.055"))
    found = {finding.name: finding.detail for finding in check_robot(tmp_path).failures}
    assert "its body touches the ground while it stands" in found["rest"]


TRACTOR = [
    ("hatchback.urdf", '<origin xyz="1.25 0.75 -0.3"/>', '<origin xyz="1.25 0.75 -0.4"/>'),
    ("hatchback.urdf", '<origin xyz="1.25 -0.75 -0.3"/>', '<origin xyz="1.25 -0.75 -0.4"/>'),
]


def tractor(folder, driven):
    """A hatchback with front wheels of 0.2 m instead of 0.3 m."""
    copy = changed(folder, "hatchback", *TRACTOR)
    path = copy / "hatchback.urdf"
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    for side in ("left", "right"):
        sphere = root.find(f"link[@name='front_{side}_tyre']/collision/geometry/sphere")
        sphere.set("radius", "0.2")
    path.write_bytes(ET.tostring(root))
    if driven:
        toml = copy / "robot.toml"
        wheels = '"front_left_wheel", "front_right_wheel", "rear_left_wheel", "rear_right_wheel"'
        text = toml.read_text(encoding="utf-8")
        old = 'joints = ["rear_left_wheel", "rear_right_wheel"]'
        assert old in text
        toml.write_text(text.replace(old, f"joints = [{wheels}]"), encoding="utf-8")
    return copy


@ENGINES
@pytest.mark.parametrize("driven", [False, True])
def test_wheels_of_two_sizes_roll_at_one_speed(engine, driven, tmp_path):
    robot = read_robot(tractor(tmp_path, driven))
    simulator = engine()
    simulator.load(robot, (), 60.0)
    simulator.reset(0.0, 0.0, 0.0, 4.0)
    rates = {name: rate for name, (_, rate) in robot.start(4.0).items()}
    assert rates["front_left_wheel"] == pytest.approx(4.0 / 0.2)
    assert rates["rear_left_wheel"] == pytest.approx(4.0 / 0.3)
    for _ in range(20):
        simulator.drive({"front_steering": 0.0, "drive": 4.0}, 1.0, 4.0)
        simulator.advance(6)
    speed = math.hypot(*simulator.state().linear_velocity)
    assert speed == pytest.approx(4.0, rel=0.02)
    assert simulator.joints()[1][1] * robot.wheel_radius == pytest.approx(speed, rel=0.02)
    simulator.close()


@pytest.mark.parametrize("driven", [False, True])
def test_the_check_passes_wheels_of_two_sizes(driven, tmp_path):
    assert check_robot(tractor(tmp_path, driven)).failures == ()
