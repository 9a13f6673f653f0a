import math
import subprocess
import sys

import numpy as np
import pybullet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import find_robot, make_environment, robots
from envs.bullet import Bullet
from envs.quaternion import multiply, rotate, tilt, yaw
from envs.simulator import Shape

GRAVITY, RATE = 9.81, 60.0
BOX, POST = Shape("box", (2.0, 0.9, 0.75)), Shape("cylinder", (0.3, 0.3, 0.85))
MASS = 930 + 4 * 15 + 2 * 8  # kg, of the hatchback
ROLLING = 4 * 0.675 / 0.3**2  # kg, what its wheels' spinning adds: inertia / radius²


@pytest.fixture
def world():
    """Makes worlds, and frees them."""
    made = []

    def make(robot="hatchback", shapes=()):
        simulator = Bullet()
        made.append(simulator)
        simulator.load(find_robot(robot), shapes, RATE)
        return simulator

    yield make
    for simulator in made:
        simulator.close()


def targets(robot, value=0.0):
    return {
        actuator.role: 0.0 if actuator.kind == "position" else value
        for actuator in find_robot(robot).actuators
    }


def braking_distance(simulator, robot, speed):
    simulator.reset(0.0, 0.0, 0.0, speed)
    forward = speed
    while forward > 0.02:
        simulator.drive(targets(robot), 1.0, forward)
        simulator.advance(1)
        forward = simulator.state().linear_velocity[0]
    return simulator.state().position[0]


def acceleration(simulator, robot, seconds=1.0, strength=1.0):
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    simulator.drive(targets(robot, 9.0), strength, 0.0)
    simulator.advance(round(seconds * RATE))
    return simulator.state().linear_velocity[0] / seconds


def roll_after_push(simulator, robot, lateral):
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    simulator.drive(targets(robot), 1.0, 0.0)
    simulator.advance(30)
    simulator.push(lateral)
    largest = 0.0
    for _ in range(120):
        simulator.advance(1)
        largest = max(largest, tilt(simulator.state().quaternion))
    return math.degrees(largest), simulator.state().position[1]


def test_free_acceleration_is_force_over_mass(world):
    expected = 2 * 500.0 / 0.3 / (MASS + ROLLING)
    assert acceleration(world(), "hatchback") == pytest.approx(expected, rel=0.02)


def test_strong_brakes_on_slippery_ground_stop_in_the_distance_friction_allows(world):
    simulator = world()
    simulator.vary("friction", 0.4)
    assert braking_distance(simulator, "hatchback", 9.0) == pytest.approx(
        9.0**2 / (2 * 0.4 * GRAVITY), rel=0.05
    )


def test_on_good_ground_the_brakes_and_not_the_tyres_are_the_limit(world):
    simulator = world()
    braking = 4 * 520.0 / 0.3 / (MASS + ROLLING)
    assert braking < GRAVITY
    measured = braking_distance(simulator, "hatchback", 9.0)
    assert measured == pytest.approx(9.0**2 / (2 * braking), rel=0.05)
    simulator.vary("friction", 2.0)
    assert braking_distance(simulator, "hatchback", 9.0) == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize("robot", sorted(robots("driving")))
def test_no_robot_brakes_harder_than_friction_allows(world, robot):
    simulator, speed = world(robot), find_robot(robot).cruise_speed
    friction = pybullet.getDynamicsInfo(
        simulator._robot.body, simulator._robot.soles[0], physicsClientId=simulator._client
    )[1]
    shortest = speed**2 / (2.0 * friction * GRAVITY)
    # One control step of slack: the first of the sixty physics steps a second counts whole.
    assert braking_distance(simulator, robot, speed) > shortest - speed / RATE


@pytest.mark.parametrize("factor", [1.5, 3.0])
def test_a_heavier_robot_accelerates_less_in_proportion(world, factor):
    simulator = world()
    light = acceleration(simulator, "hatchback")
    simulator.vary("mass", factor)
    assert acceleration(simulator, "hatchback", 0.5) == pytest.approx(light / factor, rel=0.03)


def test_a_light_rear_driven_car_accelerates_as_far_as_its_driven_tyres_hold(world):
    simulator = world()
    simulator.vary("mass", 0.5)
    height = (930 * 0.5 + 76 * 0.3) / MASS
    # Half of the weight is on the driven axle, and accelerating moves more of it there.
    limit = 0.5 * GRAVITY / (1.0 - height / 2.5)
    assert acceleration(simulator, "hatchback", 0.5) == pytest.approx(limit, rel=0.05)


def test_weaker_motors_accelerate_less_in_proportion(world):
    simulator = world()
    full = acceleration(simulator, "hatchback")
    assert acceleration(simulator, "hatchback", strength=0.5) == pytest.approx(full / 2, rel=0.02)


@pytest.mark.parametrize("robot", ["hatchback", "racecar"])
def test_scaling_mass_scales_every_links_mass_and_inertia(world, robot):
    simulator = world(robot)

    def masses():
        infos = [
            pybullet.getDynamicsInfo(simulator._robot.body, link, physicsClientId=simulator._client)
            for link in simulator._robot.links
        ]
        return np.asarray([[info[0], *info[2]] for info in infos])

    before = masses()
    simulator.vary("mass", 1.3)
    np.testing.assert_allclose(masses(), 1.3 * before, rtol=1e-9)


@pytest.mark.parametrize("factor", [1.0, 0.5, 0.3])
def test_a_servo_turns_at_its_speed(world, factor):
    simulator = world()
    simulator.vary("servo_speed", factor)
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    simulator.drive({"front_steering": 0.5, "drive": 0.0}, 1.0, 0.0)
    simulator.advance(12)
    early = simulator.joints()[0][0]
    simulator.advance(6)
    turned = simulator.joints()[0][0] - early
    assert turned / (6 / RATE) == pytest.approx(1.5 * factor, rel=0.05)


def test_a_thousand_redraws_leave_no_trace(world):
    fresh, used = world(), world()
    rng = np.random.default_rng(0)
    for _ in range(1000):
        used.vary("mass", rng.uniform(0.5, 2.0))
        used.vary("friction", rng.uniform(0.2, 1.5))
        used.vary("servo_speed", rng.uniform(0.3, 1.2))
    used.vary("mass", 1.0)
    used.vary("friction", 1.0)
    used.vary("servo_speed", 1.0)
    assert acceleration(used, "hatchback") == acceleration(fresh, "hatchback")
    assert braking_distance(used, "hatchback", 9.0) == braking_distance(fresh, "hatchback", 9.0)


@pytest.mark.parametrize("robot", sorted(robots("driving")))
def test_a_robot_told_to_stand_stands(world, robot):
    simulator = world(robot)
    simulator.reset(3.0, -2.0, 0.7, 0.0)
    for _ in range(50):
        simulator.drive(targets(robot), 1.0, 0.0)
        simulator.advance(6)
    state = simulator.state()
    assert math.dist(state.position[:2], (3.0, -2.0)) < 0.02
    assert yaw(state.quaternion) == pytest.approx(0.7, abs=0.01)
    assert tilt(state.quaternion) < math.radians(1.0)
    assert not simulator.touched()


@pytest.mark.parametrize("robot", sorted(robots("driving")))
def test_a_robot_starts_where_and_as_fast_as_it_is_told(world, robot):
    simulator = world(robot)
    simulator.reset(3.0, -2.0, 2.5, 2.0)
    state = simulator.state()
    np.testing.assert_allclose(state.position, (3.0, -2.0, find_robot(robot).height), atol=1e-9)
    assert yaw(state.quaternion) == pytest.approx(2.5)
    assert tilt(state.quaternion) < 1e-6
    simulator.advance(6)  # nothing brakes a rolling robot
    state = simulator.state()
    forward = state.linear_velocity[0] * math.cos(2.5) + state.linear_velocity[1] * math.sin(2.5)
    assert forward == pytest.approx(2.0, rel=0.02)


def test_a_low_car_skids_from_a_push_as_far_as_friction_lets_it(world):
    roll, distance = roll_after_push(world(), "hatchback", 6.0)
    assert roll < 1.0
    assert distance == pytest.approx(6.0**2 / (2 * GRAVITY), rel=0.05)


def test_a_high_van_rolls_over_from_the_same_push(world):
    simulator = world("van")
    assert roll_after_push(simulator, "van", 6.0)[0] > 80.0
    assert roll_after_push(simulator, "van", 1.0)[0] < 10.0
    # On ice it slides instead.
    simulator.vary("friction", 0.3)
    assert roll_after_push(simulator, "van", 6.0)[0] < 10.0


def ray_to_box(x, y, turn, angle):
    """Distance along a ray from the origin to `BOX` at a pose; inf if it misses."""
    cos, sin = math.cos(-turn), math.sin(-turn)
    near, far = -math.inf, math.inf
    for start, direction, half in (
        (-x * cos + y * sin, math.cos(angle - turn), BOX.half_extents[0]),
        (-x * sin - y * cos, math.sin(angle - turn), BOX.half_extents[1]),
    ):
        a, b = ((side - start) / (direction or 1e-12) for side in (-half, half))
        near, far = max(near, min(a, b)), min(far, max(a, b))
    return near if 0.0 < near < far else math.inf


@pytest.fixture(scope="module")
def seen():
    simulator = Bullet()
    simulator.load(find_robot("hatchback"), (BOX, POST), RATE)
    yield simulator
    simulator.close()


def fan(x, y, height, reach):
    angles = np.linspace(-math.pi, math.pi, 73)
    ends = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], axis=1)
    return angles, np.column_stack([ends, np.full(73, height)])


@settings(max_examples=50)
@given(
    distance=st.floats(4.0, 30.0),
    bearing=st.floats(-3.1, 3.1),
    turn=st.floats(-3.1, 3.1),
)
def test_rays_to_a_box_are_as_long_as_geometry_says(seen, distance, bearing, turn):
    seen.reset(0.0, 0.0, 0.0, 0.0)
    x, y = distance * math.cos(bearing), distance * math.sin(bearing)
    seen.place(0, x, y, turn)
    angles, ends = fan(0.0, 0.0, 0.7, 40.0)
    measured = seen.cast((0.0, 0.0, 0.7), ends) * 40.0
    expected = [min(ray_to_box(x, y, turn, angle), 40.0) for angle in angles]
    # A ray that grazes a corner may hit or miss by rounding.
    assert np.sum(np.abs(measured - expected) > 0.01) <= 1


@settings(max_examples=20)
@given(distance=st.floats(1.0, 30.0), bearing=st.floats(-3.1, 3.1))
def test_rays_to_a_pedestrian_end_at_its_skin(seen, distance, bearing):
    seen.reset(0.0, 0.0, 0.0, 0.0)
    end = np.asarray([[40.0 * math.cos(bearing), 40.0 * math.sin(bearing), 0.7]])
    seen.place(1, distance * math.cos(bearing), distance * math.sin(bearing), 0.0)
    assert seen.cast((0.0, 0.0, 0.7), end)[0] * 40.0 == pytest.approx(distance - 0.3, abs=0.01)


@pytest.mark.parametrize("robot", sorted(robots("driving")))
def test_rays_see_neither_the_robot_nor_the_ground(world, robot):
    simulator, spec = world(robot, (BOX,)), find_robot(robot)
    simulator.reset(0.0, 0.0, 0.4, 0.0)
    for height in (0.05, 0.5 * spec.height + 0.05, spec.height + 0.1):
        _, ends = fan(0.0, 0.0, height - 0.04, 20.0)
        assert np.all(simulator.cast((0.0, 0.0, height), ends) == 1.0)


@pytest.mark.parametrize("robot", sorted(robots("driving")))
@pytest.mark.parametrize("side", [0.0, math.pi / 2, math.pi, -math.pi / 2])
def test_what_drives_into_a_robot_from_any_side_is_a_collision(world, robot, side):
    simulator, spec = world(robot, (BOX,)), find_robot(robot)
    simulator.reset(0.0, 0.0, 0.0, 0.0)
    middle = middle_of(simulator)
    reach = 0.5 * (spec.length if math.sin(side) ** 2 < 0.5 else spec.width) + BOX.half_extents[0]
    for gap, hit in ((0.3, False), (-0.05 * spec.length - 0.02, True)):
        away = reach + gap
        simulator.place(0, middle + away * math.cos(side), away * math.sin(side), side)
        simulator.advance(1)
        assert simulator.touched() == hit


def middle_of(simulator):
    """Where along x the middle of the robot's wheels and body is, m."""
    client, loaded = simulator._client, simulator._robot
    links = [*loaded.hull, *loaded.soles]
    boxes = [pybullet.getAABB(loaded.body, link, physicsClientId=client) for link in links]
    return 0.5 * (min(box[0][0] for box in boxes) + max(box[1][0] for box in boxes))


def trajectory(env, episode):
    observation, _ = env.reset(options={"episode": episode})
    rng, seen, done = np.random.default_rng(1), [observation], False
    action = env.robot.from_command(np.asarray([[5.0, 0.0]]), np.asarray([[5.0]]))[0]
    while not done and len(seen) < 80:
        noise = 0.1 * rng.uniform(-1, 1, len(action))
        observation, _, done, _, _ = env.step((action + noise).astype(np.float32))
        seen.append(observation)
    return np.asarray(seen)


@pytest.mark.parametrize("robot", ["hatchback", "husky"])
@pytest.mark.parametrize("randomization", ["none", "wide"])
def test_an_episode_does_not_depend_on_those_before_it(robot, randomization):
    used = make_environment(robot=robot, randomization=randomization, privileged=True)
    first = trajectory(used, 7)
    for other in range(30):
        trajectory(used, 100 + other) if other % 5 == 0 else used.reset()
    fresh = make_environment(robot=robot, randomization=randomization, privileged=True)
    np.testing.assert_array_equal(trajectory(used, 7), first)
    np.testing.assert_array_equal(trajectory(fresh, 7), first)
    assert len(first) > 10
    used.close()
    fresh.close()


GROWTH = """
import resource
from envs import make_environment
env = make_environment(robot="racecar", randomization="wide")
def grow(resets):
    for k in range(resets):
        env.reset()
        for _ in range(2):
            env.step(env.action_space.sample())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = grow(100)
print(grow(500) - before)
"""


def test_resets_do_not_leak_memory():
    # A process of its own: the peak of this one is history. Reloading the URDF would cost 10 MB.
    run = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True)
    grown = int(run.stdout.split()[-1])
    unit = 1 if sys.platform == "darwin" else 1024
    assert grown * unit < 2e6


unit = st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: math.hypot(*q) > 0.1)


@given(unit, unit, st.tuples(*[st.floats(-5.0, 5.0)] * 3))
def test_turning_twice_is_turning_by_the_product(first, second, vector):
    a, b = (tuple(np.asarray(q) / math.hypot(*q)) for q in (first, second))
    twice = rotate(a, *rotate(b, *vector))
    np.testing.assert_allclose(rotate(multiply(a, b), *vector), twice, atol=1e-9)
    assert math.hypot(*twice) == pytest.approx(math.hypot(*vector), abs=1e-9)


@pytest.mark.parametrize("robot", ["hatchback", "husky"])
def test_a_reset_after_a_single_step_forgets_its_contacts(robot):
    world = make_environment("driving", robot)
    action = np.asarray([0.6, -0.7], dtype=np.float32)
    for seed in range(20):
        world.reset(seed=seed)
        first = world.step(action)[0]
        world.reset(seed=seed)
        assert np.array_equal(first, world.step(action)[0])
    world.close()
