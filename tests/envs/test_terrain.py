"""Rough ground: what is drawn, and that both engines stand robots on it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from envs import find_robot, robots
from envs.bullet import Bullet
from envs.catalogue import find_task, make_simulator
from envs.driving.observation import Scanner
from envs.driving.task import Driving
from envs.environment import Environment
from envs.parcel.detuned import Detuned
from envs.parcel.task import Parcel
from envs.quaternion import rotate
from envs.randomization import RANDOMIZATIONS, Term
from envs.simulator import Shape
from envs.terrain import HIGHEST, Plot, Spot, Terrain, draw_terrain

pytest.importorskip("mujoco")
from envs.mujoco_world import Mujoco

ENGINES = pytest.mark.parametrize("engine", [Bullet, Mujoco])
TASKS = pytest.mark.parametrize("task", [Driving, Parcel, Detuned])
PLOT = Plot((-3.0, -4.0), (61, 81), 0.1, (0.5, 1.0, 2.0))
CRATE = Shape("box", (0.4, 0.3, 0.1), 5.0)


def drawn(seed=0, roughness=0.05, plot=PLOT, spots=()):
    return draw_terrain(plot, roughness, spots, np.random.default_rng(seed))


def below(simulator, x, y):
    """Height of what a ray from above meets first, m."""
    if isinstance(simulator, Bullet):
        import pybullet

        ends = [x, y, 3.0], [x, y, -3.0]
        return pybullet.rayTest(*ends, physicsClientId=simulator._client)[0][3][2]
    import mujoco

    start, way, met = np.asarray([x, y, 3.0]), np.asarray([0.0, 0.0, -1.0]), np.zeros(1, np.int32)
    return 3.0 - mujoco.mj_ray(simulator.model, simulator.data, start, way, None, 1, -1, met)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-4, HIGHEST))
def test_no_bump_is_higher_than_said_and_spots_are_level(seed, roughness):
    spot = Spot(0.5, -1.0, 0.6)
    terrain = drawn(seed, roughness, spots=(spot,))
    assert 0.5 * roughness < np.abs(terrain.heights).max() <= roughness
    x, y = PLOT.axes
    inside = np.hypot(x[:, None] - spot.x, y[None, :] - spot.y) <= spot.radius
    assert inside.any()
    assert not terrain.heights[inside].any()


def test_heights_are_spread_evenly_as_they_were_elsewhere():
    """One place on many grounds: what lies side by side is alike."""
    heights = [drawn(seed).height(0.3, 0.7) for seed in range(400)]
    assert stats.kstest(heights, stats.uniform(-0.05, 0.1).cdf).pvalue > 1e-3


@TASKS
def test_bumps_are_smooth_between_the_points_of_a_plot(task):
    heights = drawn(1, 1.0, task.plot).heights
    second = np.abs(np.diff(heights, n=2, axis=0)).mean()
    assert second < 0.5 * np.abs(heights).mean()


def test_a_ground_repeats_with_its_seed_and_only_with_it():
    np.testing.assert_array_equal(drawn(3).heights, drawn(3).heights)
    assert (drawn(3).heights != drawn(4).heights).mean() > 0.9


@ENGINES
@pytest.mark.parametrize(("task", "robot"), [(Parcel, "porter"), (Driving, "hatchback")])
def test_the_ground_is_as_high_as_it_says_and_forgets_the_last_one(engine, task, robot):
    simulator = engine()
    simulator.load(find_robot(robot), (), 240.0, task.plot)
    (x0, y0), (sx, sy) = task.plot.low, task.plot.sides
    rng = np.random.default_rng(0)
    for seed in (1, 2, None, 1):
        terrain = None if seed is None else drawn(seed, HIGHEST, task.plot)
        simulator.lay(terrain)
        simulator.reset(-200.0, 0.0, 0.0, 0.0)
        for x, y in rng.uniform((x0 - 5.0, y0), (x0 + sx + 5.0, y0 + sy), (80, 2)).tolist():
            told = 0.0 if terrain is None else terrain.height(x, y)
            assert below(simulator, x, y) == pytest.approx(told, abs=1e-4)
    simulator.close()


@ENGINES
@pytest.mark.parametrize("robot", ["hatchback", "husky", "racecar"])
def test_wheels_follow_the_ground(engine, robot):
    """Over bumps much longer than a car its base rises, sinks and pitches as the ground does."""
    spec = find_robot(robot)
    plot = Plot((-8.0, -20.0), (101, 81), 0.5, (12.0, 16.0))
    terrain = drawn(4, HIGHEST, plot, spots=(Spot(0.0, 0.0, 2.0),))
    simulator = engine()
    simulator.load(spec, (), 240.0, plot)
    simulator.lay(terrain)
    simulator.reset(0.0, 0.0, 0.0, 1.0)
    ground, missed, leaning = [], [], []
    for _ in range(150):
        simulator.drive(_rolling(spec, 2.0), 1.0, 2.0)
        simulator.advance(24)
        state = simulator.state()
        x, y, z = state.position
        cos, sin, half = *_heading(state.quaternion), 0.25 * spec.length
        ends = [terrain.height(x + e * half * cos, y + e * half * sin) for e in (1.0, -1.0)]
        ground.append(0.5 * sum(ends))
        missed.append(z - spec.height - ground[-1])
        up = rotate(state.quaternion, 1.0, 0.0, 0.0)[2]
        leaning.append((up, (ends[0] - ends[1]) / (2.0 * half)))
    simulator.close()
    assert np.ptp(ground) > 0.1
    assert np.abs(missed).max() < 0.02
    pitch, slope = np.transpose(leaning)
    assert np.corrcoef(pitch, slope)[0, 1] > 0.9


def _heading(quaternion):
    x, y, _ = rotate(quaternion, 1.0, 0.0, 0.0)
    return x / math.hypot(x, y), y / math.hypot(x, y)


def _rolling(spec, speed):
    return {a.role: speed if a.kind == "wheel_speed" else a.neutral for a in spec.actuators}


@ENGINES
@pytest.mark.parametrize("robot", robots("parcel"))
def test_feet_stand_as_high_as_the_ground_and_bear_the_weight(engine, robot):
    """On a table 4 cm above the plane, as on the plane."""
    spec = find_robot(robot)
    stood = []
    for level in (0.0, 0.04):
        simulator = engine()
        simulator.load(spec, (CRATE,), 240.0, PLOT)
        if level:
            simulator.lay(Terrain(PLOT, np.full(PLOT.shape, level), level))
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        simulator.put_away(0)
        lift(simulator, level)
        simulator.drive({a.role: a.neutral for a in spec.actuators}, 1.0, 0.0)
        forces = []
        for _ in range(120):
            simulator.advance(1)
            forces.append(simulator.sole_forces().sum())
        assert not simulator.touched()
        stood.append((simulator.state().position[2], np.mean(forces[60:])))
        simulator.close()
    assert stood[1][0] - stood[0][0] == pytest.approx(0.04, abs=0.003)
    weight = 9.81 * sum(link.mass for link in spec.model.links.values())
    assert stood[1][1] == pytest.approx(weight, rel=0.06)


def lift(simulator, height):
    if isinstance(simulator, Bullet):
        import pybullet

        body, client = simulator._robot.body, simulator._client
        (x, y, z), turn = pybullet.getBasePositionAndOrientation(body, physicsClientId=client)
        pybullet.resetBasePositionAndOrientation(
            body, (x, y, z + height), turn, physicsClientId=client
        )
    else:
        simulator.data.qpos[2] += height


@ENGINES
def test_what_lies_on_the_ground_lies_as_high_as_it(engine):
    terrain = drawn(5, 0.08)
    simulator = engine()
    simulator.load(find_robot("porter"), (Shape("cylinder", (0.05, 0.05, 0.5)),), 240.0, PLOT)
    simulator.lay(terrain)
    simulator.reset(-50.0, 0.0, 0.0, 0.0)
    for x, y in ((1.0, 2.0), (-2.0, 0.5)):
        simulator.place(0, x, y, 0.0)
        simulator.advance(1)
        top = terrain.height(x, y) + 1.0
        assert below(simulator, x, y) == pytest.approx(top, abs=1e-3)
    simulator.close()


def world(task, robot, engine, *terms):
    spec = find_robot(robot)
    return Environment(
        spec,
        find_task(task)(spec),
        make_simulator(engine),
        randomization=terms,
        suite="mixed",
        privileged=True,
    )


def rough(low, high):
    return Term("roughness", "reset", "set", low, high)


def played(env, episode, steps=30):
    rng = np.random.default_rng(episode)
    seen = [env.reset(options={"episode": episode})[0]]
    for _ in range(steps):
        action = rng.uniform(-0.3, 0.3, env.action_space.shape).astype(np.float32)
        observation, _, terminated, truncated, _ = env.step(action)
        seen.append(observation)
        if terminated or truncated:
            break
    return np.asarray(seen)


WORLDS = [("driving", "hatchback"), ("parcel", "porter")]


@pytest.mark.parametrize("engine", ["pybullet", "mujoco"])
@pytest.mark.parametrize(("task", "robot"), WORLDS)
def test_no_roughness_is_the_plane_to_the_bit_even_after_bumps(engine, task, robot):
    # A term that changes nothing here stands in for the one draw.
    none = Term("walking_speed", "reset", "set", 1.0, 1.0)
    wide = RANDOMIZATIONS["wide"]
    plain, level = (world(task, robot, engine, *wide, term) for term in (none, rough(0.0, 0.0)))
    bumpy = world(task, robot, engine, *wide, rough(0.03, 0.03))
    wanted = played(plain, 4)
    np.testing.assert_array_equal(played(level, 4), wanted)
    assert not np.array_equal(played(bumpy, 4)[-1], wanted[-1])
    bumpy.randomize((*wide, rough(0.0, 0.0)))
    np.testing.assert_array_equal(played(bumpy, 4), wanted)
    for env in (plain, level, bumpy):
        env.close()


@pytest.mark.parametrize("engine", ["pybullet", "mujoco"])
@pytest.mark.parametrize(("task", "robot"), WORLDS)
def test_an_episode_on_bumps_repeats_whatever_came_before(engine, task, robot):
    env = world(task, robot, engine, rough(0.01, 0.03))
    first = played(env, 7)
    played(env, 2)
    np.testing.assert_array_equal(played(env, 7), first)
    env.close()


@pytest.mark.parametrize(("task", "robot"), WORLDS)
def test_bumps_change_nothing_else_about_an_episode(task, robot):
    """The first observation, taken on level ground, is that of the plane."""
    firsts = []
    for height in (0.0, 0.05):
        env = world(task, robot, "pybullet", rough(height, height))
        firsts.append(env.reset(options={"episode": 1})[0])
        env.close()
    np.testing.assert_array_equal(*firsts)


def test_who_walks_over_bumps_is_as_high_as_it_is_above_the_ground():
    env = world("parcel", "porter", "pybullet", rough(0.04, 0.04))
    env.reset(options={"episode": 0})
    apart = []
    for _ in range(160):
        env.step(np.zeros(env.action_space.shape, dtype=np.float32))
        x, y, z = env.simulator.state().position
        assert env.task.height == pytest.approx(z - env.task.terrain.height(x, y))
        apart.append(abs(env.task.height - z))
    assert max(apart) > 0.0
    env.close()


def test_no_beam_of_a_shipped_car_can_meet_the_ground():
    """Beams are level: what is higher than any bump passes over all of them."""
    for name in robots("driving"):
        spec = find_robot(name)
        z = spec.height + spec.lidar.mount[2]
        assert z > HIGHEST
        ends = Scanner(spec.lidar).ends((0.0, 0.0, z), 0.0)
        np.testing.assert_array_equal(ends[:, 2], z)


@pytest.mark.parametrize("heading", [1.0, -1.0])
def test_roads_do_not_leave_the_plot(heading):
    from envs.driving.road import Road
    from envs.driving.scenario import ROUTE_LENGTH, START

    x0, y0 = Driving.plot.low
    x1, y1 = x0 + Driving.plot.sides[0], y0 + Driving.plot.sides[1]
    for straight in np.linspace(0.0, 200.0, 21).tolist():
        for first in np.linspace(0.0, 200.0, 21).tolist():
            road = Road(((first, heading / 40), (straight, 0.0), (200.0, -heading / 40)))
            for s in np.linspace(0.0, START + ROUTE_LENGTH + 3.0, 20).tolist():
                for d in (-5.0, 5.0):
                    x, y, _ = road.pose(s, d)
                    assert x0 < x < x1
                    assert y0 < y < y1


def test_the_height_of_many_places_is_that_of_each_where_the_plot_tells_it():
    terrain = drawn()
    x, y = (axis.ravel() for axis in np.meshgrid(*PLOT.axes, indexing="ij"))
    np.testing.assert_allclose(terrain.heights_at(x, y), terrain.heights.ravel(), atol=1e-12)
    far = terrain.heights_at(np.array([1e4]), np.array([-1e4]))
    assert far == terrain.height(1e4, -1e4) == -0.05


@pytest.mark.parametrize(("task", "robot"), WORLDS)
def test_a_picture_shows_bumps(task, robot):
    pictures = []
    for height in (0.0, 0.04):
        env = world(task, robot, "pybullet", rough(height, height))
        env.reset(options={"episode": 1})
        pictures.append(env.task.picture())
        env.close()
    assert (pictures[0] != pictures[1]).mean() > 0.005
