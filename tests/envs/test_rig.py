import numpy as np
import pytest

from envs import find_robot, make_environment, robots
from envs.bullet import Bullet
from envs.driving.task import Driving
from envs.environment import Environment
from envs.parameters import PARAMETERS
from envs.randomization import RANDOMIZATIONS, Term
from envs.rig import FELT, Rig, channels, sense

TERMS = {
    "friction": 0.5,
    "mass": 1.3,
    "motor_strength": 0.7,
    "servo_speed": 0.6,
    "steering_offset": 0.03,
    "action_delay": 0.6,
}


def test_a_rig_moves_as_an_environment_does():
    """The same targets and parameters lead to the same readings, whatever else is in the world."""
    robot = find_robot("hatchback")
    terms = tuple(Term(name, "reset", "set", value, value) for name, value in TERMS.items())
    world = Environment(robot, Driving(robot), Bullet(), randomization=terms, suite="nominal")
    seen, _ = world.reset(options={"episode": 1})
    speed = float(world.task.forward)
    where = world.interface.indices([feature.name for feature in channels(robot)])
    rng = np.random.default_rng(0)
    actions = np.repeat(rng.uniform(-0.3, 0.3, (4, 2)), 5, axis=0).astype(np.float32)
    expected, told = [], []
    for action in actions:
        expected.append(seen[where])
        told.append(robot.targets(action))
        seen, *_ = world.step(action)
    world.close()
    rig = Rig(robot)
    found = rig.play(told, TERMS, rng, speed)
    rig.close()
    # PyBullet's tyres grip a little better askew to the world's axes, and roads bend.
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("simulator", ["pybullet", "mujoco"])
@pytest.mark.parametrize("name", ["hatchback", "skid_steer", "porter"])
def test_a_rig_has_no_memory(name, simulator):
    rig = Rig(find_robot(name), simulator)
    rest = [rig._rest(0.0)] * 12
    if name != "porter":  # a humanoid sways in its reference posture by itself
        rest = [{role: 0.5 * value + 0.2 for role, value in rest[0].items()}] * 12
    first = rig.play(rest, {}, np.random.default_rng(0))
    other = {"mass": 1.4, "friction": 0.4, "motor_strength": 0.6, "encoder_offset": 0.05}
    varied = rig.play(rest, other, np.random.default_rng(0))
    again = rig.play(rest, {}, np.random.default_rng(0))
    assert np.abs(varied - first).max() > 1e-3
    np.testing.assert_allclose(first, again, atol=1e-9)
    assert first.shape == (12, len(rig.channels))
    rig.close()


def test_a_heavier_car_gathers_speed_more_slowly():
    rig = Rig(find_robot("hatchback"))
    ahead = [{"front_steering": 0.0, "drive": 9.0}] * 15
    speeds = [
        rig.play(ahead, {"mass": mass}, np.random.default_rng(0))[-1, 0] for mass in (0.7, 1.0, 1.4)
    ]
    assert speeds[0] > speeds[1] > speeds[2]
    ratio = rig.play(ahead, {"mass": 1.4, "motor_strength": 1.4}, np.random.default_rng(0))[-1, 0]
    assert ratio == pytest.approx(speeds[1], abs=0.1)  # which is why they must be drawn together
    rig.close()


def test_channels_are_what_the_world_calls_them():
    for name in robots("driving"):
        robot = find_robot(name)
        world = make_environment("driving", robot)
        assert {feature.name for feature in channels(robot)} <= set(
            world.interface.observation_names
        )
        world.close()


def test_what_is_felt_are_parameters_of_resets():
    assert set(FELT) <= PARAMETERS.keys()
    wide = [t.parameter for t in RANDOMIZATIONS["wide"] if t.occasion == "reset"]
    assert set(wide) - set(FELT) == {"lidar_noise", "lidar_dropout"}


def test_noise_is_as_large_as_it_is_told_and_readings_come_late():
    features = channels(find_robot("hatchback"))
    clean = np.zeros((4000, len(features))) + [f.center for f in features]
    rng = np.random.default_rng(0)
    seen = sense(clean, features, {"observation_noise": 0.05}, rng)
    np.testing.assert_allclose(seen.std(axis=0), [0.05 * f.scale for f in features], rtol=0.05)
    ramp = np.linspace(0.0, 0.1, 50)[:, None] * np.ones(len(features))
    late = sense(ramp, features, {"observation_delay": 2.0}, rng)
    np.testing.assert_allclose(late[2:], ramp[:-2], atol=1e-6)
