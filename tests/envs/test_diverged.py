"""A world that diverged says so in both engines, and leaves nothing where the user works."""

import math

import pybullet
import pytest

from envs import find_robot
from envs.bullet import Bullet
from envs.simulator import Shape

pytest.importorskip("mujoco")
from envs.mujoco_world import Mujoco

ENGINES = pytest.mark.parametrize("engine", [Bullet, Mujoco])
CRATE = Shape("box", (0.4, 0.3, 0.1), 5.0)
TARGETS = {"front_steering": 0.0, "drive": 5.0}


@pytest.fixture
def world():
    made = []

    def make(engine, shapes=()):
        simulator = engine()
        made.append(simulator)
        simulator.load(find_robot("hatchback"), shapes, 60.0)
        simulator.reset(0.0, 0.0, 0.0, 5.0)
        for shape in range(len(shapes)):
            simulator.put_away(shape)
        return simulator

    yield make
    for simulator in made:
        simulator.close()


def throw(simulator, speed, shape=None):
    """Give the robot's base, or a shape, a speed along x, m/s."""
    if isinstance(simulator, Bullet):
        body = simulator._robot.body if shape is None else simulator._shapes[shape]
        pybullet.resetBaseVelocity(
            body, [speed, 0, 0], [0, 0, 0], physicsClientId=simulator._client
        )
    else:
        name = "base" if shape is None else f"shape:{shape}"
        simulator.data.qvel[int(simulator.model.joint(name).dofadr[0])] = speed


def spin(simulator, rate):
    """Turn a wheel at so many rad/s."""
    if isinstance(simulator, Bullet):
        joint = simulator._robot.index["rear_left_wheel"]
        pybullet.resetJointState(
            simulator._robot.body, joint, 0.0, rate, physicsClientId=simulator._client
        )
    else:
        simulator.data.qvel[int(simulator.model.joint("rear_left_wheel").dofadr[0])] = rate


def advance(simulator):
    simulator.drive(TARGETS, 1.0, 5.0)
    simulator.advance(6)
    return simulator.diverged()


@ENGINES
def test_a_world_that_drives_has_not_diverged(world, engine):
    simulator = world(engine, (CRATE,))
    assert not simulator.diverged()
    for _ in range(10):
        assert not advance(simulator)
    throw(simulator, 60.0)
    assert not advance(simulator)


@ENGINES
@pytest.mark.parametrize("speed", [math.nan, math.inf, 1e12, -1e12, 5e3])
def test_what_no_robot_can_do_is_a_divergence_until_the_next_reset(world, engine, speed):
    simulator = world(engine)
    advance(simulator)
    throw(simulator, speed)
    assert advance(simulator)
    throw(simulator, 5.0)
    assert advance(simulator)
    simulator.reset(0.0, 0.0, 0.0, 5.0)
    assert not simulator.diverged()
    assert not advance(simulator)
    assert 0.3 < simulator.state().position[0] < 0.7


@ENGINES
@pytest.mark.parametrize("rate", [math.nan, 1e8])
def test_a_joint_that_turns_impossibly_is_a_divergence(world, engine, rate):
    simulator = world(engine)
    spin(simulator, rate)
    assert advance(simulator)


@ENGINES
def test_a_thing_that_flies_off_impossibly_is_a_divergence(world, engine):
    simulator = world(engine, (CRATE,))
    simulator.place(0, 20.0, 0.0, 0.0)
    assert not advance(simulator)
    throw(simulator, 1e12, shape=0)
    assert advance(simulator)


@pytest.mark.parametrize("value", [math.nan, 1e12])
def test_a_diverging_world_writes_no_file_and_prints_nothing(
    world, tmp_path, monkeypatch, capfd, value
):
    monkeypatch.chdir(tmp_path)
    simulator = world(Mujoco)
    simulator.data.qvel[:] = value
    assert advance(simulator)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
