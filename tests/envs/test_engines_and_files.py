"""What is valid in a robot's file means the same in both engines."""

import math

import numpy as np
import pytest

from envs import find_robot, make_environment
from envs.bullet import Bullet
from envs.inspection import check_robot
from envs.joint_inertia import joint_inertia
from envs.loaded import differences
from envs.robot_file import read_robot
from envs.simulator import Shape
from envs.supports import assemble
from tests.envs import cart_files
from tests.envs.small_robots import IN_BODY, changed, diffbot

pytest.importorskip("mujoco")
import mujoco

from envs.mujoco_world import Mujoco

ENGINES = pytest.mark.parametrize("engine", [Bullet, Mujoco])
URDF = "hatchback.urdf"
LIMIT = '<limit lower="-0.6" upper="0.6" effort="2000" velocity="3"/>'
SPRING = (
    None,
    'kind = "position"',
    'kind = "pd"\nstiffness = 4000.0\ndamping = 200.0',
)


@pytest.fixture
def world():
    made = []

    def make(engine, robot, speed=0.0):
        simulator = engine()
        made.append(simulator)
        simulator.load(robot, (), 60.0)
        simulator.reset(0.0, 0.0, 0.0, speed)
        return simulator

    yield make
    for simulator in made:
        simulator.close()


def drive(simulator, seconds, **targets):
    for _ in range(round(10 * seconds)):
        speed = math.hypot(*simulator.state().linear_velocity[:2])
        simulator.drive(targets, 1.0, speed)
        simulator.advance(6)
    return math.hypot(*simulator.state().linear_velocity[:2])


@ENGINES
def test_springs_steer_and_wheel_motors_drive_the_same_car(world, engine, tmp_path):
    robot = read_robot(changed(tmp_path, "hatchback", SPRING))
    simulator = world(engine, robot)
    assert drive(simulator, 4.0, front_steering=0.25, drive=3.0) == pytest.approx(3.0, rel=0.05)
    assert simulator.joints()[0][0] == pytest.approx(0.25, abs=0.02)
    assert len(simulator.torques()) == 2
    expected = math.tan(0.25) * 3.0 / 2.5
    assert simulator.state().angular_velocity[2] == pytest.approx(expected, rel=0.1)


def test_the_check_passes_springs_beside_wheel_motors(tmp_path):
    folder = changed(tmp_path, "hatchback", SPRING)
    assert check_robot(folder).failures == ()
    env = make_environment("driving", folder)
    features = {f.name: f.unit for f in env.interface.observation}
    assert features["joint/front_steering/position"] == "rad"
    env.close()


def test_a_joint_feels_all_that_it_carries():
    """The diagonal of MuJoCo's mass matrix, which has the motors' rotors in it besides."""
    for name in ("hatchback", "porter"):
        robot, simulator = find_robot(name), Mujoco()
        simulator.load(robot, (), 60.0)
        simulator.data.qpos[7:] = 0.0
        mujoco.mj_forward(simulator.model, simulator.data)
        for joint in robot.model.joints:
            at = int(simulator.model.joint(f"robot/{joint}").dofadr[0])
            unit, felt = np.eye(simulator.model.nv)[at], np.zeros(simulator.model.nv)
            mujoco.mj_mulM(simulator.model, simulator.data, felt, unit)
            own = felt[at] - simulator.model.dof_armature[at]
            assert joint_inertia(robot.model, joint) == pytest.approx(own, rel=1e-6)
        simulator.close()


@ENGINES
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('name="front_left_wheel"', 'name="front_left_whel"'), "did you mean 'front_left_whel'"),
        (
            ('name="front_left_wheel" type="continuous"', 'name="front_left_wheel" type="fixed"'),
            "joint 'front_left_wheel' is fixed, so it cannot move",
        ),
    ],
)
def test_a_joint_that_is_missing_or_fixed_is_named_by_both_engines(
    world, engine, change, problem, tmp_path
):
    folder = cart_files.write(tmp_path, cart_files.changed(cart_files.URDF, change))
    with pytest.raises(ValueError, match=problem):
        world(engine, read_robot(folder))


UPRIGHT = 'ixx="0.02" iyy="0.034" izz="0.02" ixy="0" ixz="0"'
TILTED = 'ixx="0.02" iyy="0.034" izz="0.02" ixy="0.005" ixz="0"'


@ENGINES
def test_an_inertia_about_tilted_axes_turns_no_joint(world, engine, tmp_path):
    """PyBullet gives a link's frame the principal axes of its inertia."""
    folder = cart_files.write(tmp_path, cart_files.changed(cart_files.URDF, (UPRIGHT, TILTED)))
    robot = read_robot(folder)
    simulator = world(engine, robot)
    assert list(differences(assemble(robot).urdf, simulator.loaded())) == []
    assert drive(simulator, 3.0, left=2.0, right=2.0) == pytest.approx(2.0, rel=0.02)


def test_a_rotor_burdens_its_joint_whatever_axes_the_inertia_has(tmp_path):
    """An impulse of 0.5 N m s on a joint that feels 0.034 kg m² and a rotor of 0.1 kg m²."""
    rates = []
    for inertia in (UPRIGHT, TILTED):
        urdf = cart_files.changed(cart_files.URDF, (UPRIGHT, inertia))
        rotor = cart_files.TOML.replace("force = 25.0\n", "force = 25.0\narmature = 0.1\n")
        simulator = Bullet()
        simulator.load(read_robot(cart_files.write(tmp_path, urdf, rotor)), (), 1000.0)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        simulator.lift()
        simulator.drive({"left": 6.0, "right": 6.0}, 1.0, 0.0)
        simulator.advance(20)
        rates.append(simulator.joints()[1][0])
        simulator.close()
    # The chassis turns the other way meanwhile.
    assert rates[0] == pytest.approx(25.0 * 0.02 * (1.0 / 0.134 + 4.0 / 7.2), rel=0.02)
    assert rates[1] == pytest.approx(rates[0], rel=0.02)


@ENGINES
def test_driven_wheels_follow_their_target_while_others_brake(world, engine, tmp_path):
    """As without brake_joints, where the driven wheels brake with force."""
    fronts = '"front_right_wheel", "rear_left_wheel", "rear_right_wheel"]\nbrake = '
    changes = [(None, f"{fronts}520.0", '"front_right_wheel"]\nbrake = 0.001')]
    robot = read_robot(changed(tmp_path, "hatchback", *changes))
    assert len(robot.actuators[1].brake_joints) == 2
    simulator = world(engine, robot, 9.0)
    drive(simulator, 0.3, front_steering=0.0, drive=9.0)
    slowed = 9.0 - drive(simulator, 1.0, front_steering=0.0, drive=0.0)
    assert slowed == pytest.approx(2 * 500.0 / 0.3 / (1006 + 4 * 0.675 / 0.3**2), rel=0.1)


@ENGINES
def test_wheels_turn_faster_than_a_hundred_radians_a_second(world, engine, tmp_path):
    robot = diffbot(tmp_path)
    simulator = world(engine, robot)
    simulator.lift()
    simulator.drive({"left": 21.0, "right": 21.0}, 1.0, 0.0)  # 300 rad/s
    simulator.advance(60)
    assert simulator.joints()[1] == pytest.approx(300.0, rel=0.01)
    assert not simulator.diverged()


@ENGINES
@pytest.mark.parametrize(
    ("limit", "reached"),
    [
        (LIMIT, 0.3),
        ('<limit lower="-0.1" upper="0.1" effort="0" velocity="0"/>', 0.1),
        ('<limit lower="0" upper="0" effort="0" velocity="0"/>', 0.0),
        ('<limit lower="0.6" upper="-0.6"/>', 0.3),
        ('<limit effort="2000" velocity="3"/>', 0.3),
        ("", 0.3),
    ],
)
def test_limits_hold_alike(world, engine, limit, reached, tmp_path):
    robot = read_robot(changed(tmp_path, "hatchback", (URDF, LIMIT, limit)))
    simulator = world(engine, robot)
    drive(simulator, 2.0, front_steering=0.3, drive=0.0)
    # A limit is a stiff spring in MuJoCo, against which the servo pushes with 800 N·m.
    assert simulator.joints()[0][0] == pytest.approx(reached, abs=0.03)


@ENGINES
@pytest.mark.parametrize("limit", ['<limit lower="0" upper="0"/>', '<limit lower="-3" upper="3"/>'])
def test_a_continuous_wheel_has_no_limits_whatever_its_file_says(world, engine, limit, tmp_path):
    axis = '<axis xyz="0 1 0"/>'
    robot = read_robot(changed(tmp_path, "hatchback", (URDF, axis, axis + limit)))
    assert drive(world(engine, robot), 4.0, front_steering=0.0, drive=3.0) == pytest.approx(
        3.0, rel=0.05
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [("link", "world"), ("link", "shape"), ("link", "ground"), ("joint", "base")],
)
def test_a_part_may_be_called_as_something_in_the_world(kind, name, tmp_path):
    old = "body" if kind == "link" else "front_left_steer"
    changes = [(URDF, f'"{old}"', f'"{name}"')]
    if kind == "joint":
        changes.append((None, f'"{old}"', f'"{name}"'))
    folder = changed(tmp_path, "hatchback", *changes)
    env = make_environment("driving", folder, simulator="mujoco")
    env.reset(options={"episode": 0})
    env.step(np.zeros(2, dtype=np.float32))
    env.close()
    assert check_robot(folder).failures == ()


MESH = """
v 0.0 -0.1 -0.05
v 0.0 0.1 -0.05
v 0.0 0.0 0.05
v 0.4 0.0 0.0
f 1 2 3
f 1 4 2
f 2 4 3
f 3 4 1
"""
CORNER = Shape("box", (0.05, 0.05, 0.2))


@ENGINES
def test_a_mesh_collides_as_far_as_it_reaches(engine, tmp_path):
    """A nose of 0.4 m on a body whose box ends at 0.17 m, to half of its size."""
    (tmp_path / "nose.obj").write_text(MESH, encoding="utf-8")
    nose = (
        '<collision><origin xyz="0.17 0 0.02"/>'
        '<geometry><mesh filename="nose.obj" scale="0.5 1 1"/></geometry></collision>'
    )
    robot = diffbot(tmp_path, body=nose + IN_BODY)
    simulator = engine()
    simulator.load(robot, (CORNER,), 60.0)
    for gap, hit in ((0.03, False), (-0.03, True)):
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        simulator.place(0, 0.17 + 0.5 * 0.4 + 0.05 + gap, 0.0, 0.0)
        simulator.drive({"left": 0.0, "right": 0.0}, 1.0, 0.0)
        simulator.advance(1)
        assert simulator.touched() == hit
    simulator.close()


def test_a_mesh_that_mujoco_does_not_read_is_told(tmp_path):
    collada = "<COLLADA><library_geometries><triangles/></library_geometries></COLLADA>"
    (tmp_path / "nose.dae").write_text(collada, encoding="utf-8")
    shape = '<collision><geometry><mesh filename="nose.dae"/></geometry></collision>'
    robot = diffbot(tmp_path, body=shape)
    with pytest.raises(
        ValueError, match=r"reads meshes of the kinds \.stl, \.obj, not 'nose\.dae'"
    ):
        Mujoco().load(robot, (), 60.0)
