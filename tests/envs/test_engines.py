"""PyBullet and MuJoCo: the same small experiments, against closed forms and each other."""

import math

import numpy as np
import pytest

from envs import find_robot, make_environment, robots
from envs.bullet import Bullet
from envs.driving.task import Driving
from envs.parcel.task import Parcel
from envs.simulator import Shape

pytest.importorskip("mujoco")
from envs.mujoco_world import Mujoco

ENGINES = {"pybullet": Bullet, "mujoco": Mujoco}
CARS, HUMANOIDS = sorted(robots("driving")), sorted(robots("parcel"))
GRAVITY = 9.81
POST = Shape("cylinder", (0.3, 0.3, 1.0))
CRATE = Shape("box", (0.4, 0.3, 0.1), 5.0)


@pytest.fixture
def world():
    made = []

    def make(engine, robot, shapes=(), rate=None):
        spec = find_robot(robot)
        if rate is None:
            rate = Driving.physics_rate if robot in CARS else Parcel.physics_rate
        simulator = ENGINES[engine]()
        simulator.load(spec, shapes, rate)
        made.append(simulator)
        return simulator

    yield make
    for simulator in made:
        simulator.close()


def neutral(robot, **changed):
    return {a.role: a.neutral for a in find_robot(robot).actuators} | changed


def played(env, action, steps):
    """Observations after steps of always the same action, up to the episode's end."""
    seen = []
    for _ in range(steps):
        same = np.full(env.action_space.shape, action, dtype=np.float32)
        observation, _, terminated, truncated, _ = env.step(same)
        seen.append(observation)
        if terminated or truncated:
            break
    return seen


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("robot", ["hatchback", "porter"])
def test_free_fall_is_that_of_a_point(world, engine, robot):
    simulator = world(engine, robot, rate=240.0)
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    simulator.lift()
    simulator.drive(neutral(robot), 1.0, 0.0)
    before = simulator.state()
    simulator.advance(120)
    after = simulator.state()
    assert after.linear_velocity[2] == pytest.approx(-GRAVITY * 0.5, rel=0.01)
    assert before.position[2] - after.position[2] == pytest.approx(0.5 * GRAVITY * 0.25, rel=0.03)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("yaw", [0.0, 2.0])
def test_a_thing_is_seen_where_it_stands(world, engine, yaw):
    simulator = world(engine, "hatchback", (POST,))
    simulator.reset(0.0, 0.0, yaw, 0.0)
    simulator.place(0, 10.0, 0.0, 0.0)
    simulator.drive(neutral("hatchback", drive=0.0), 1.0, 0.0)
    simulator.advance(1)
    ends = np.asarray([[20.0, 0.0, 0.5], [0.0, 20.0, 0.5]])
    np.testing.assert_allclose(simulator.cast((0.0, 0.0, 0.5), ends), [9.7 / 20.0, 1.0], atol=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("friction", [0.3, 0.6])
def test_a_crate_slides_as_far_as_friction_lets_it(world, engine, friction):
    """Pushed off at a speed, it stops after v² / (2 μ g), its friction being the pair's."""
    simulator = world(engine, "porter", (CRATE,), rate=480.0)
    simulator.reset(0.0, 50.0, 0.0, 0.0)
    simulator.place(0, 0.0, 0.0, 0.0)
    simulator.load_shape(0, 8.0, friction)
    simulator.drive(neutral("porter"), 1.0, 0.0)
    simulator.advance(48)
    start = simulator.shape_state(0).position[0]
    kick(simulator, 2.0)
    simulator.advance(960)
    end = simulator.shape_state(0)
    assert end.linear_velocity[0] == pytest.approx(0.0, abs=0.01)
    expected = 2.0**2 / (2.0 * friction * GRAVITY)
    assert end.position[0] - start == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_put_away_meets_nothing_until_it_is_placed_again(world, engine):
    simulator = world(engine, "porter", (CRATE,))
    heights = []
    for there in (False, True, False, True):
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        if there:
            simulator.place(0, 0.0, 0.0, 0.0, 3.0)
        else:
            simulator.put_away(0)
        simulator.drive(neutral("porter"), 1.0, 0.0)
        held = False
        for _ in range(240):
            simulator.advance(1)
            held = held or simulator.holds(0)
        heights.append(simulator.state().position[2])
        assert held == there  # what falls on it knocks it over
    assert heights[0] == heights[2]
    assert heights[1] != heights[0]


def kick(simulator, speed):
    """Give the first shape a speed along x."""
    if isinstance(simulator, Bullet):
        import pybullet

        body, client = simulator._shapes[0], simulator._client
        pybullet.resetBaseVelocity(body, [speed, 0, 0], [0, 0, 0], physicsClientId=client)
    else:
        rate = int(simulator.model.joint("shape:0").dofadr[0])
        simulator.data.qvel[rate] = speed


@pytest.mark.parametrize("robot", HUMANOIDS)
def test_motors_answer_alike(world, robot):
    """Hanging freely, every joint follows a step of its target the same way in both engines."""
    answers = {}
    for engine in ENGINES:
        simulator = world(engine, robot)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        simulator.lift()
        wave = {a.role: a.neutral + 0.5 * (a.high - a.neutral) for a in find_robot(robot).actuators}
        simulator.drive(wave, 1.0, 0.0)
        seen = []
        for _ in range(12):
            simulator.advance(6)
            seen.append(simulator.joints()[0])
        answers[engine] = np.asarray(seen)
    reach = np.ptp(answers["pybullet"], axis=0) + 0.05
    # A rotor's inertia is the joint's alone in one engine, and the link's in the other.
    assert (np.abs(answers["pybullet"] - answers["mujoco"]) / reach).max() < 0.25


@pytest.mark.parametrize("robot", HUMANOIDS)
def test_they_stand_on_their_weight_in_both(world, robot):
    spec, borne = find_robot(robot), {}
    mass = sum(link.mass for link in spec.model.links.values())
    for engine in ENGINES:
        simulator = world(engine, robot, (CRATE,))
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        simulator.place(0, 50.0, 0.0, 0.0)
        simulator.drive(neutral(robot), 1.0, 0.0)
        forces = []
        for _ in range(90):
            simulator.advance(1)
            forces.append(simulator.sole_forces().copy())
        borne[engine] = np.mean(forces[30:], axis=0)
        assert borne[engine].sum() == pytest.approx(mass * GRAVITY, rel=0.06)
    np.testing.assert_allclose(borne["pybullet"], borne["mujoco"], rtol=0.1)


@pytest.mark.parametrize("robot", CARS)
def test_cars_speed_up_turn_and_brake_alike(world, robot):
    spec, ways = find_robot(robot), {}
    for engine in ENGINES:
        simulator = world(engine, robot)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        told = [(0.7 * spec.cruise_speed, 0.0)] * 30 + [(0.7 * spec.cruise_speed, 0.15)] * 20
        told += [(0.0, 0.0)] * 20
        forward, seen = 0.0, []
        for speed, turn in told:
            turn *= spec.cruise_speed / 5.0
            command = np.asarray([[speed, turn]])
            action = np.clip(spec.from_command(command, np.asarray([[forward]]))[0], -1.0, 1.0)
            simulator.drive(spec.targets(action), 1.0, forward)
            simulator.advance(6)
            state = simulator.state()
            forward = math.hypot(*state.linear_velocity[:2])
            seen.append((*state.position[:2], forward))
        ways[engine] = np.asarray(seen)
    ahead, aside, speed = np.abs(ways["pybullet"] - ways["mujoco"]).max(axis=0)
    length = np.linalg.norm(np.diff(ways["pybullet"][:, :2], axis=0), axis=1).sum()
    assert ahead < 0.05 * length
    # Tyres that scrub sideways, as all of a skid-steered car's do, are where engines differ most.
    assert aside < (0.08 if robot == "skid_steer" else 0.05) * length
    assert speed < 0.15 * spec.cruise_speed


@pytest.mark.parametrize(("task", "robot"), [("driving", "hatchback"), ("parcel", "porter")])
def test_an_episode_repeats_to_the_bit_in_the_second_engine_too(task, robot):
    env = make_environment(task, robot, randomization="wide", simulator="mujoco")
    runs = []
    for other in (3, 0):
        env.reset(options={"episode": other})
        played(env, -0.2, 20)
        observation, _ = env.reset(options={"episode": 7})
        runs.append(np.asarray([observation, *played(env, 0.3, 30)]))
    env.close()
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize(("task", "robot"), [("driving", "van"), ("parcel", "courier")])
def test_episodes_without_a_policy_go_alike(task, robot):
    """The same actions in the same episode: what is seen at first, and 30 control steps later.

    Later on, who falls by a hair in one engine stays up by one in the other.
    """
    seen = {}
    for engine in ENGINES:
        env = make_environment(task, robot, privileged=True, simulator=engine)
        rows = []
        for episode in range(4):
            observation, _ = env.reset(options={"episode": episode})
            rows.append(observation)
            rows.append(played(env, 0.0, 30)[-1])
        scale = np.asarray([feature.scale for feature in env.interface.observation])
        env.close()
        seen[engine] = np.asarray(rows) / scale
    apart = np.abs(seen["pybullet"] - seen["mujoco"])
    assert apart[0::2].max() < 0.02
    assert np.median(apart[1::2]) < 0.01
    assert np.quantile(apart[1::2], 0.9) < 0.05


def test_an_unknown_engine_is_told():
    with pytest.raises(ValueError, match="unknown simulator 'mujocco'; did you mean 'mujoco'"):
        make_environment(simulator="mujocco")
