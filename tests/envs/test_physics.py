"""What each physical parameter does, against closed forms, in both engines."""

import math

import numpy as np
import pytest

from envs import find_robot, robots
from envs.bullet import Bullet
from envs.driving.task import Driving
from envs.environment import Environment
from envs.gravity import STANDARD, Gravity
from envs.parameters import PARAMETERS
from envs.parcel.task import Parcel
from envs.randomization import Term
from envs.simulator import Shape
from envs.wrench import FORCES, TORQUES, WRENCH

pytest.importorskip("mujoco")
from envs.mujoco_world import Mujoco

ENGINES = pytest.mark.parametrize("engine", [Bullet, Mujoco])
PHYSICAL = [name for name, parameter in PARAMETERS.items() if parameter.physical]
RATE = 240.0
CRATE = Shape("box", (0.4, 0.3, 0.1), 5.0)  # where things have a mass, soles feel


@pytest.fixture
def world():
    made = []

    def make(engine, robot, rate=RATE, **values):
        simulator = engine()
        simulator.load(find_robot(robot), (), rate)
        made.append(simulator)
        for parameter, value in values.items():
            simulator.vary(parameter, value)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        return simulator

    yield make
    for simulator in made:
        simulator.close()


def neutral(robot, **changed):
    return {a.role: a.neutral for a in find_robot(robot).actuators} | changed


def fallen(simulator, seconds=0.25, robot="porter"):
    """Its velocity after falling freely for a while, m/s."""
    simulator.lift()
    simulator.drive(neutral(robot), 1.0, 0.0)
    simulator.advance(round(seconds * RATE))
    return np.asarray(simulator.state().linear_velocity)


CARS = {"servo_speed", "rolling_friction", "spinning_friction", "restitution"}


@ENGINES
@pytest.mark.parametrize("shapes", [(), (CRATE,)])
@pytest.mark.parametrize("parameter", PHYSICAL)
def test_every_parameter_can_be_set_and_taken_back(engine, parameter, shapes):
    limits, ends = PARAMETERS[parameter], []
    robot = "hatchback" if parameter in CARS else "porter"
    simulator = engine()
    simulator.load(find_robot(robot), shapes, RATE)
    for value in (limits.initial, min(limits.initial + 0.5, limits.high), limits.initial):
        simulator.renew()
        simulator.vary(parameter, value)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        for k in range(len(shapes)):
            simulator.put_away(k)
        hang(simulator, 0.1)
        first = find_robot(robot).actuators[0]
        aims = {first.role: first.neutral + 0.2}
        simulator.drive(neutral(robot, **aims), 1.0, 0.0)
        spin(simulator, 1.0)
        simulator.advance(60)
        ends.append((simulator.state(), simulator.joints()[0].tolist()))
    simulator.close()
    assert ends[0] == ends[2]
    assert ends[0] != ends[1]


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (20.0, 0.0), (0.0, -10.0), (15.0, 10.0)])
def test_a_slope_is_as_steep_as_it_says(x, y):
    down = Gravity(slope_x=x, slope_y=y).down
    assert math.hypot(*down) == pytest.approx(1.0)
    assert math.degrees(math.atan2(down[0], down[2])) % 360.0 == pytest.approx(180.0 + x)
    assert math.degrees(math.atan2(down[1], down[2])) % 360.0 == pytest.approx(180.0 + y)


@ENGINES
@pytest.mark.parametrize("factor", [0.2, 1.0, 2.0])
def test_things_fall_as_fast_as_gravity_says(world, engine, factor):
    velocity = fallen(world(engine, "porter", gravity=factor))
    np.testing.assert_allclose(velocity, (0.0, 0.0, -factor * STANDARD * 0.25), atol=0.05)


@ENGINES
def test_on_a_slope_things_fall_downhill(world, engine):
    simulator = world(engine, "porter", slope_x=10.0, slope_y=-5.0)
    velocity = fallen(simulator)
    np.testing.assert_allclose(velocity, 0.25 * STANDARD * np.asarray(simulator.down()), atol=0.05)
    assert velocity[0] < -0.3
    assert velocity[1] > 0.1


@ENGINES
@pytest.mark.parametrize("share", [-0.1, 0.2])
@pytest.mark.parametrize(("axis", "force"), enumerate(FORCES))
def test_a_force_accelerates_what_hangs_in_the_air_as_newton_says(
    world, engine, axis, force, share
):
    simulator = world(engine, "hatchback", **{force: share})
    expected = np.asarray((0.0, 0.0, -1.0))
    expected[axis] += share
    np.testing.assert_allclose(
        fallen(simulator, robot="hatchback"), 0.25 * STANDARD * expected, rtol=0.02, atol=0.05
    )


@ENGINES
@pytest.mark.parametrize("share", [-0.1, 0.2])
def test_a_force_acts_on_the_base_whose_limbs_follow(world, engine, share):
    velocity = fallen(world(engine, "porter", sideways_force=share))
    assert 1.0 < velocity[1] / (share * STANDARD * 0.25) < 2.0
    assert abs(velocity[0]) < 0.1


@pytest.mark.parametrize("share", [-0.05, 0.1])
@pytest.mark.parametrize(("axis", "torque"), enumerate(TORQUES))
def test_a_torque_turns_about_its_axis_alike_in_both(world, axis, torque, share):
    rates = []
    for engine in (Bullet, Mujoco):
        for times in (0.0, 1.0, 2.0):  # wheels that are braked in the air turn a car, too
            simulator = world(engine, "hatchback", **{torque: times * share})
            fallen(simulator, robot="hatchback")
            rates.append(np.asarray(simulator.state().angular_velocity))
    np.testing.assert_allclose(rates[:3], rates[3:], rtol=0.02, atol=0.01)
    without, once, twice = rates[:3]
    turned = once - without
    assert turned[axis] / share > 1.0
    assert abs(turned[axis]) == pytest.approx(np.linalg.norm(turned), rel=0.02)
    np.testing.assert_allclose(twice - without, 2.0 * turned, rtol=0.02, atol=0.01)


@pytest.mark.parametrize("part", WRENCH)
def test_a_wrench_is_the_same_in_both(world, part):
    share = 0.2 if part in FORCES else 0.01
    one, other = (fallen(world(engine, "porter", **{part: share})) for engine in (Bullet, Mujoco))
    np.testing.assert_allclose(one, other, atol=0.05)


def test_an_inertial_unit_feels_the_slope():
    robot = find_robot("porter")
    term = Term("slope_x", "reset", "set", 10.0, 10.0)
    env = Environment(robot, Parcel(robot), Bullet(), randomization=(term,), suite="ahead")
    observation, _ = env.reset(options={"episode": 0})
    read = dict(zip(env.interface.observation_names, observation.tolist(), strict=True))
    assert read["base/gravity/x"] == pytest.approx(-math.sin(math.radians(10.0)), abs=1e-3)
    env.close()


@pytest.mark.parametrize("task", [Driving, Parcel])
def test_friction_is_changed_of_all_pairs_of_a_sole_and_of_no_other(task):
    """MuJoCo keeps pairs in another order than they are described in."""
    robot = find_robot("hatchback" if task is Driving else "porter")
    simulator, urdf = Mujoco(), robot.model
    simulator.load(robot, task(robot).shapes, RATE)
    model = simulator.model
    soles = {f"robot/{urdf.joints[name].child}" for name in robot.soles}
    before = model.pair_friction[:, 0].copy()
    simulator.vary("friction", 0.5)
    for k in range(model.npair):
        pair = model.pair_geom1[k], model.pair_geom2[k]
        bodies = {model.body(model.geom_bodyid[geom]).name for geom in pair}
        factor = 0.5 if bodies & soles else 1.0
        assert model.pair_friction[k, 0] == pytest.approx(factor * before[k]), bodies


def coasted(simulator, seconds=1.0):
    """How much slower a car is that rolls freely for a while, m/s."""
    simulator.reset(0.0, 0.0, 0.0, 5.0)
    simulator.drive(neutral("hatchback", drive=0.0), 0.0, 5.0)
    simulator.advance(6)
    before = simulator.state().linear_velocity[0]
    simulator.advance(round(seconds * RATE))
    return before - simulator.state().linear_velocity[0]


@ENGINES
def test_rolling_friction_slows_a_car_as_the_closed_form_says(world, engine):
    """A torque of so many metres times the load, at the wheel's radius."""
    lever, radius = 0.01, find_robot("hatchback").wheel_radius
    free = coasted(world(engine, "hatchback"))
    slowed = coasted(world(engine, "hatchback", rolling_friction=lever)) - free
    assert slowed == pytest.approx(lever / radius * STANDARD, rel=0.3)


@ENGINES
def test_what_is_dropped_bounces_by_its_restitution(world, engine):
    rebounds = []
    for restitution in (0.0, 0.5, 0.8, 0.95):
        simulator = world(engine, "hatchback", restitution=restitution)
        simulator.drive(neutral("hatchback"), 1.0, 0.0)
        hang(simulator, 1.0)
        speeds = []
        for _ in range(round(0.6 * RATE)):  # it falls for 0.45 s
            simulator.advance(1)
            speeds.append(simulator.state().linear_velocity[2])
        rebounds.append(max(speeds) / -min(speeds))
    assert rebounds[0] < 0.15  # a contact that is a spring gives a little back
    assert rebounds == sorted(rebounds)
    if engine is Mujoco:
        assert rebounds[1:] == pytest.approx([0.5, 0.8, 0.95], abs=0.06)
    else:  # which lets a hit go on for several steps: at most
        assert 0.4 < rebounds[2] < 0.8
        assert rebounds[3] < 0.95


def answered(simulator, role="left_shoulder_pitch", seconds=0.05):
    """How far a joint of a falling robot has come after a step of its target, of the way."""
    actuator = next(a for a in find_robot("porter").actuators if a.role == role)
    place = [a.role for a in find_robot("porter").actuators].index(role)
    simulator.lift()
    simulator.drive(neutral("porter", **{role: actuator.neutral + 0.2}), 1.0, 0.0)
    simulator.advance(round(seconds * RATE))
    return (simulator.joints()[0][place] - actuator.neutral) / 0.2


@ENGINES
@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("stiffness", 0.4),
        ("damping", 1.5),
        ("armature", 15.0),
        ("joint_damping", 0.2),
        ("joint_friction", 0.2),
    ],
)
def test_a_joint_follows_more_slowly(world, engine, parameter, value):
    plain = answered(world(engine, "porter"))
    changed = answered(world(engine, "porter", **{parameter: value}))
    assert 0.0 <= changed + 0.02 < plain - 0.03


@ENGINES
@pytest.mark.parametrize("robot", robots("parcel"))
@pytest.mark.parametrize("parameter", ["damping", "joint_damping", "armature", "stiffness"])
def test_motors_do_not_shake_at_the_limits(engine, robot, parameter):
    """A damping that a physics step is too long for sets a light foot swinging, not to rest."""
    limits, spec = PARAMETERS[parameter], find_robot(robot)
    for value in (limits.low, limits.high):
        simulator = engine()
        simulator.load(spec, (), RATE)
        simulator.vary(parameter, value)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        simulator.lift()
        simulator.drive({a.role: a.neutral + 0.05 for a in spec.actuators}, 1.0, 0.0)
        simulator.advance(240)
        speeds = np.abs(simulator.joints()[1])
        simulator.close()
        assert speeds.max() < 1.0, value


@ENGINES
def test_what_a_motor_cannot_overcome_stands_still(world, engine):
    assert abs(answered(world(engine, "porter", joint_friction=1.5), seconds=0.3)) < 0.05


@ENGINES
def test_who_spins_is_slowed_by_spinning_friction(world, engine):
    """On smooth ground a car that turns on the spot goes on turning."""
    rates = []
    for lever in (0.0, 0.2):
        simulator = world(engine, "hatchback", friction=0.02, spinning_friction=lever)
        simulator.drive(neutral("hatchback", drive=0.0), 0.0, 0.0)
        simulator.advance(12)
        spin(simulator, 3.0)
        simulator.advance(60)
        rates.append(simulator.state().angular_velocity[2])
    assert rates[1] < rates[0] - 0.1


@ENGINES
@pytest.mark.parametrize("robot", ["porter", "pocket"])
def test_whose_mass_is_more_to_the_left_stands_more_on_the_left(engine, robot):
    """By moments about a sole; that it leans there on its springs adds to it."""
    plain, way = find_robot(robot), 0.02
    shares = []
    for shift in (0.0, way):
        simulator = engine()
        spec = plain.varied({"center_y": shift})
        simulator.load(spec, (CRATE,), RATE)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        simulator.put_away(0)
        simulator.drive({a.role: a.neutral for a in spec.actuators}, 1.0, 0.0)
        simulator.advance(120)
        left, right = simulator.sole_forces()
        shares.append(left / (left + right))
        simulator.close()
    links = plain.model.links
    trunk = links[plain.model.root].mass / sum(link.mass for link in links.values())
    apart = plain.legs[0].sole[1] - plain.legs[1].sole[1]
    assert 0.8 < (shares[1] - shares[0]) / (trunk * way / apart) < 2.0


def hang(simulator, height):
    """Put a robot that stands so much higher, m."""
    if isinstance(simulator, Bullet):
        import pybullet

        body, client = simulator._robot.body, simulator._robot.client
        (x, y, z), turn = pybullet.getBasePositionAndOrientation(body, physicsClientId=client)
        pybullet.resetBasePositionAndOrientation(
            body, (x, y, z + height), turn, physicsClientId=client
        )
    else:
        simulator.data.qpos[2] += height


def spin(simulator, rate):
    if isinstance(simulator, Bullet):
        import pybullet

        robot = simulator._robot
        pybullet.resetBaseVelocity(
            robot.body, [0, 0, 0], [0, 0, rate], physicsClientId=robot.client
        )
    else:
        simulator.data.qvel[:6] = 0.0, 0.0, 0.0, 0.0, 0.0, rate
