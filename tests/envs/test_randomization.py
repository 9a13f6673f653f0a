import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from envs import find_robot, make_environment
from envs.bullet import Bullet
from envs.draws import Draws
from envs.driving.task import Driving
from envs.environment import Environment
from envs.parameters import BODY, PARAMETERS
from envs.randomization import (
    OPERATIONS,
    RANDOMIZATIONS,
    Term,
)
from envs.randomization_file import find_randomization

WIDE = RANDOMIZATIONS["wide"]


def share_below(term):
    """The cumulative distribution that a term's value should follow."""
    combine, initial = OPERATIONS[term.operation], PARAMETERS[term.parameter].initial
    low, high = combine(initial, term.low), combine(initial, term.high)
    if term.distribution == "log_uniform":
        return stats.loguniform(low, high).cdf
    middle, deviation = 0.5 * (low + high), 0.25 * (high - low)
    if term.distribution == "normal":
        return stats.norm(middle, deviation).cdf
    if term.distribution == "truncated":
        return stats.truncnorm(-2.0, 2.0, middle, deviation).cdf
    return stats.uniform(low, high - low).cdf


TERMS = [
    *WIDE,
    *RANDOMIZATIONS["nominal"],
    *RANDOMIZATIONS["full"],
    Term("mass", "reset", "scale", 0.25, 4.0, distribution="log_uniform"),
    Term("friction", "load", "set", 0.3, 0.5, distribution="log_uniform"),
    Term("gravity", "reset", "set", 0.9, 1.1, distribution="normal"),
    Term("slope_x", "reset", "add", -4.0, 6.0, distribution="truncated"),
]


@pytest.mark.parametrize(
    "term", TERMS, ids=lambda term: f"{term.parameter}-{term.low:g}-{term.high:g}"
)
def test_each_terms_draws_follow_its_range(term):
    rng = np.random.default_rng(0)
    values = [term.draw(rng) for _ in range(2000)]
    assert stats.kstest(values, share_below(term)).pvalue > 1e-3


def test_draws_repeat_with_the_seed_and_only_with_it():
    def values(seed):
        draws, rng = Draws(WIDE), np.random.default_rng(seed)
        draws.redraw("load", rng)
        draws.redraw("reset", rng)
        return dict(draws.values)

    assert values(3) == values(3)
    assert values(3) != values(4)


def test_draws_never_accumulate():
    draws, rng = Draws((Term("mass", "reset", "scale", 1.1, 1.1),)), np.random.default_rng(0)
    for _ in range(1000):
        draws.redraw("reset", rng)
    assert draws.values["mass"] == pytest.approx(1.1)
    for _ in range(1000):
        draws = Draws(WIDE)
        draws.redraw("reset", rng)
        assert 0.4 <= draws.values["friction"] <= 1.2


def test_a_normal_draw_beyond_what_makes_sense_is_that_limit():
    term, rng = Term("restitution", "reset", "set", 0.0, 0.1, "normal"), np.random.default_rng(0)
    draws = [term.draw(rng) for _ in range(500)]
    assert min(draws) == 0.0 < max(draws)


def test_a_term_is_drawn_at_its_own_occasion_only():
    draws, rng = Draws(WIDE), np.random.default_rng(0)
    names = {when: {t.parameter for t in WIDE if t.occasion == when} for when in ("load", "reset")}
    assert set(draws.redraw("load", rng)) == names["load"] == {"lidar_yaw"}
    assert set(draws.redraw("reset", rng)) == names["reset"]


def test_an_interval_term_comes_as_often_as_its_period_says():
    draws = Draws((Term("push", "interval", "set", 1.0, 1.0, period=4.0),))
    rng = np.random.default_rng(0)
    count = sum("push" in draws.redraw("interval", rng, 0.1) for _ in range(20_000))
    assert count == pytest.approx(20_000 * 0.1 / 4.0, rel=0.1)


def test_what_changed_during_an_episode_does_not_outlast_it():
    term = Term("friction", "interval", "set", 0.5, 0.5, period=0.1)
    draws, rng = Draws((term,)), np.random.default_rng(0)
    draws.redraw("interval", rng, 0.1)
    assert draws.values["friction"] == 0.5
    draws.redraw("reset", rng)
    assert draws.values["friction"] == 1.0


def test_what_changed_during_an_episode_goes_back_to_what_the_world_was_loaded_with():
    terms = (
        Term("friction", "load", "set", 0.5, 0.5),
        Term("friction", "interval", "set", 0.2, 0.2, period=0.1),
    )
    draws, rng = Draws(terms), np.random.default_rng(0)
    draws.redraw("load", rng)
    draws.redraw("interval", rng, 0.1)
    draws.redraw("reset", rng)
    assert draws.values["friction"] == 0.5


GOOD = Term("friction", "reset", "scale", 0.8, 1.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameter": "frction"}, "unknown parameter 'frction'; did you mean 'friction'"),
        ({"occasion": "rest"}, "unknown occasion 'rest'; did you mean 'reset'"),
        ({"operation": "scaled"}, "unknown operation 'scaled'; did you mean 'scale'"),
        ({"distribution": "uniforn"}, "unknown distribution 'uniforn'; did you mean 'uniform'"),
        ({"low": 2.0}, "friction: low must not exceed high"),
        ({"low": math.nan}, "friction: low must not exceed high"),
        ({"low": 0.0, "distribution": "log_uniform"}, "log_uniform needs low > 0"),
        ({"occasion": "interval"}, "an interval needs a period > 0"),
        ({"low": -0.5}, "must stay within"),
        ({"high": math.inf}, "and finite"),
        ({"parameter": "mass", "low": 0.0}, "must stay within"),
        ({"parameter": "action_delay", "operation": "set", "high": 5.5}, "must stay within"),
        ({"parameter": "lidar_dropout", "operation": "set", "high": 1.5}, "must stay within"),
        ({"parameter": "push"}, "push: it can only be drawn at interval"),
        ({"parameter": "slope_x"}, "slope_x: it is 0 at first, so scale changes nothing"),
    ],
)
def test_a_term_that_makes_no_sense_is_refused_in_one_line(change, message):
    with pytest.raises(ValueError, match="randomization") as caught:
        replace(GOOD, **change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_randomization_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="unknown randomization 'wid'; did you mean 'wide'"):
        find_randomization("wid")
    with pytest.raises(ValueError, match="unknown randomization"):
        make_environment(randomization="wid")


@pytest.fixture
def world():
    """Makes environments whose one parameter has one value, and frees them."""
    made = []

    def make(parameter, value, occasion="reset", period=0.0):
        robot = find_robot("hatchback")
        term = Term(parameter, occasion, "set", value, value, period=period)
        env = Environment(robot, Driving(robot), Bullet(), randomization=(term,), suite="nominal")
        made.append(env)
        env.reset(options={"episode": 3})
        return env

    yield make
    for env in made:
        env.close()


def drive(env, speed, steps, steering=0.0):
    """Hold a target speed (m/s) and steering angle (rad); the last observation by name."""
    robot = env.robot
    action = [robot.actuators[0].action_for(steering), robot.actuators[1].action_for(speed)]
    for _ in range(steps):
        observation, *_ = env.step(np.asarray(action, np.float32))
    return dict(zip(env.interface.observation_names, observation.tolist(), strict=True))


SPEED, YAW_RATE = "base/linear_velocity/x", "base/angular_velocity/z"


@pytest.mark.parametrize(
    ("parameter", "small", "large", "faster"),
    [
        ("mass", 1.0, 2.0, False),
        ("motor_strength", 0.5, 1.0, True),
        ("friction", 0.2, 1.0, True),  # on ice the driven wheels spin
    ],
)
def test_how_a_car_accelerates(world, parameter, small, large, faster):
    speeds = [drive(world(parameter, value), 10.0, 8)[SPEED] for value in (small, large)]
    assert (speeds[1] > speeds[0]) == faster
    assert abs(speeds[1] - speeds[0]) > 0.3


@pytest.mark.parametrize(
    ("parameter", "small", "large", "shorter"),
    [
        ("mass", 1.0, 2.0, False),
        ("motor_strength", 0.5, 1.0, True),
        ("friction", 0.3, 1.0, True),
    ],
)
def test_how_a_car_brakes(world, parameter, small, large, shorter):
    speeds = [drive(world(parameter, value), -1.0, 6)[SPEED] for value in (small, large)]
    assert (speeds[1] < speeds[0]) == shorter
    assert abs(speeds[1] - speeds[0]) > 0.3


def test_a_steering_offset_turns_a_car_that_is_told_to_go_straight(world):
    left, right = (drive(world("steering_offset", value), 5.0, 8) for value in (0.05, -0.05))
    assert left[YAW_RATE] > 0.02
    assert right[YAW_RATE] < -0.02
    assert left["joint/front_steering/position"] == pytest.approx(0.05, abs=0.01)


def test_a_slow_servo_turns_later(world):
    angles = [
        drive(world("servo_speed", value), 3.0, 2, steering=0.4)["joint/front_steering/position"]
        for value in (0.3, 1.0)
    ]
    assert angles[1] > 1.5 * angles[0]


# What only humanoids have, or what flat ground without pedestrians does not show: test_humanoid.py,
# test_physics.py, test_arrivals.py.
ELSEWHERE = {"observation_bias", "armature", "stiffness", "damping", "restitution"}
ELSEWHERE |= {"joint_damping", "joint_friction", "parcel_mass", "parcel_friction"}
ELSEWHERE |= {"observation_loss", "walking_speed"}


@pytest.mark.parametrize("parameter", sorted(PARAMETERS.keys() - BODY.keys() - ELSEWHERE))
def test_every_parameter_matters(world, parameter):
    """A row of the table that nothing reads would be drawn in vain."""
    limits = PARAMETERS[parameter]
    step = 1.0 if limits.unit == "step" else min(0.5, limits.high - limits.initial) or -0.5
    often = {"occasion": limits.occasions[0], "period": 0.1} if len(limits.occasions) == 1 else {}
    plain, changed = (
        drive(world(parameter, limits.initial + by, **often), 6.0, 8, steering=0.1)
        for by in (0.0, step)
    )
    assert plain != changed


def test_a_delayed_action_acts_later(world):
    angles = []
    for delay in (0.0, 0.5, 1.0):
        env = world("action_delay", delay)
        angles.append(drive(env, 3.0, 1, steering=0.3)["joint/front_steering/position"])
    assert angles[0] > angles[1] > angles[2]
    assert angles[2] == pytest.approx(0.0, abs=0.005)


def test_a_delay_is_time_and_not_more_of_it(world):
    ends = [drive(world("action_delay", delay), 5.0, 10) for delay in (0.0, 1.0)]
    gone = [120.0 - end["task/goal/distance"] for end in ends]
    assert gone[0] == pytest.approx(gone[1], abs=0.5)


def readings(env, prefix, suffix, count=200):
    """Many observations of one and the same state, those entries that match, ``(count, n)``."""
    names = env.interface.observation_names
    columns = [i for i, name in enumerate(names) if name.startswith(prefix) and suffix in name]
    return np.asarray([env._observe()[columns] for _ in range(count)])


def test_observation_noise_blurs_own_readings_by_quarters_of_their_range(world):
    scale = {feature.name: feature.scale for feature in world("mass", 1.0).interface.observation}
    exact = readings(world("observation_noise", 0.0), "route/heading", "")
    assert np.ptp(exact) == 0.0
    noisy = readings(world("observation_noise", 0.1), "route/heading", "")
    assert noisy.std() == pytest.approx(0.1 * scale["route/heading"], rel=0.2)


def test_lidar_noise_blurs_what_is_seen_and_nothing_else(world):
    exact = readings(world("lidar_noise", 0.0), "lidar/", "/range")
    noisy = readings(world("lidar_noise", 0.2), "lidar/", "/range")
    sees = exact[0] < 39.0
    assert sees.any() and not sees.all()
    assert noisy[:, sees].std(axis=0).mean() == pytest.approx(0.2, rel=0.15)
    assert np.ptp(noisy[:, ~sees]) == 0.0
    own = readings(world("lidar_noise", 0.2), "route/heading", "")
    assert np.ptp(own) == 0.0


def test_lidar_dropout_loses_that_share_of_the_beams(world):
    exact = readings(world("lidar_dropout", 0.0), "lidar/", "/range", 1)
    lossy = readings(world("lidar_dropout", 0.3), "lidar/", "/range", 500)
    sees = exact[0] < 39.0
    lost = lossy[:, sees] >= 40.0
    assert lost.mean() == pytest.approx(0.3, abs=0.04)
    np.testing.assert_allclose(
        lossy[:, sees][~lost], np.broadcast_to(exact[:, sees], lost.shape)[~lost]
    )


def test_a_turned_lidar_sees_things_on_the_other_side_of_where_it_was_turned(world):
    def middle_of_what_is_seen(turn):
        env = world("lidar_yaw", turn)
        ranges = readings(env, "lidar/", "/range", 1)[0]
        weight = 1.0 / ranges - 1.0 / 40.0
        return float(weight @ env.robot.lidar.angles / weight.sum())

    # Turned to the left by 5 degrees, everything seems 5 degrees farther to the right.
    shift = middle_of_what_is_seen(5.0) - middle_of_what_is_seen(0.0)
    assert -10.0 < shift < -2.0
    assert middle_of_what_is_seen(-5.0) > middle_of_what_is_seen(0.0) + 2.0


def test_a_push_moves_the_car_sideways_to_the_side_it_is_pushed(world):
    lanes = []
    for value in (-0.6, 0.0, 0.6):
        env = world("push", value, "interval", period=1e-3)  # in every step
        lanes.append(drive(env, 5.0, 5)["lane/right_edge"])
    assert lanes[0] < lanes[1] - 0.02 < lanes[1] + 0.02 < lanes[2]


def test_friction_can_change_while_driving(world):
    dry = drive(world("friction", 1.0, "interval", period=1e-3), -1.0, 6)[SPEED]
    icy = drive(world("friction", 0.1, "interval", period=1e-3), -1.0, 6)[SPEED]
    assert icy > dry + 1.0


@pytest.mark.parametrize("name", RANDOMIZATIONS)
@pytest.mark.parametrize(("task", "robot"), [("driving", "trike"), ("parcel", "pocket")])
def test_every_set_can_be_played_in_every_world(name, task, robot):
    env = make_environment(task, robot, randomization=name, privileged=True)
    rng = np.random.default_rng(0)
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        for _ in range(40):
            assert env.observation_space.contains(observation)
            action = rng.uniform(-0.2, 0.2, env.action_space.shape).astype(np.float32)
            observation, reward, terminated, truncated, _ = env.step(action)
            assert np.isfinite(reward)
            if terminated or truncated:
                break
    env.close()


def test_the_full_set_leaves_out_nothing_but_bodies():
    assert {term.parameter for term in RANDOMIZATIONS["full"]} == PARAMETERS.keys() - BODY.keys()


def test_privileged_entries_tell_what_was_drawn():
    env = make_environment(randomization="wide", privileged=True)
    for _ in range(5):
        observation, _ = env.reset()
        read = dict(zip(env.interface.observation_names, observation.tolist(), strict=True))
        for name in PARAMETERS.keys() & {n.removeprefix("privileged/") for n in read}:
            assert read[f"privileged/{name}"] == pytest.approx(env._draws.values[name], rel=1e-5)
    env.close()
