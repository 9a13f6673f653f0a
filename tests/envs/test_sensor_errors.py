import numpy as np
import pytest

from envs import find_robot, make_environment
from envs.bullet import Bullet
from envs.catalogue import find_task
from envs.environment import Environment
from envs.parameters import SENSORS
from envs.randomization import RANDOMIZATIONS, Term

WORLDS = [("driving", "hatchback"), ("parcel", "porter")]


def error(parameter, size):
    return Term(parameter, "reset", "set", size, size)


def readings(task, robot, *terms, steps=40, episodes=1, action=0.0):
    """Observations ``(episodes, steps, entries)`` of a robot that always does the same."""
    body = find_robot(robot)
    world = Environment(body, find_task(task)(body), Bullet(), randomization=terms)
    seen = []
    for _ in range(episodes):
        first, _ = world.reset(options={"episode": 0})
        same = np.full(world.action_space.shape, action, dtype=np.float32)
        seen.append([first] + [world.step(same)[0] for _ in range(steps)])
    world.close()
    return world.interface.observation, np.array(seen)


@pytest.mark.parametrize(("task", "robot"), WORLDS)
@pytest.mark.parametrize("sensor", SENSORS)
def test_noise_is_as_wide_as_it_says_and_on_its_own_sensor_only(task, robot, sensor):
    features, plain = readings(task, robot, error(f"{sensor}_noise", 0.0))
    _, noisy = readings(task, robot, error(f"{sensor}_noise", 0.05))
    own = [k for k, f in enumerate(features) if f.sensor == sensor]
    # At an end of its range a reading is cut.
    free = [k for k in own if np.abs(plain[0, :, k]).max() < 0.8 * features[k].high]
    assert free
    others = [k for k in range(len(features)) if k not in own]
    assert np.array_equal(plain[..., others], noisy[..., others])
    scales = np.array([features[k].scale for k in free])
    errors = (noisy - plain)[0][:, free] / scales
    low_ends = np.array([features[k].low for k in free])
    inside = plain[0][:, free] > low_ends + 0.3 * scales
    assert np.std(errors[inside]) == pytest.approx(0.05, rel=0.2)
    assert abs(np.corrcoef(errors[1:, 0], errors[:-1, 0])[0, 1]) < 0.5


@pytest.mark.parametrize(("task", "robot"), WORLDS)
def test_a_bias_stays_all_episode_and_is_each_readings_own(task, robot):
    features, plain = readings(task, robot, error("inertial_bias", 0.0), steps=10)
    _, biased = readings(task, robot, error("inertial_bias", 0.1), steps=10)
    own = [k for k, f in enumerate(features) if f.sensor == "inertial"]
    errors = (biased - plain)[0][:, own] / np.array([features[k].scale for k in own])
    lasting = np.ptp(errors, axis=0) < 1e-5  # but where a range ends
    assert lasting.any()
    assert (np.abs(errors[:, lasting]) <= 0.1 + 1e-6).all()
    assert len(np.unique(errors[0, lasting])) == lasting.sum()


EXACT = ("command/", "gait/", "body/", "/last_action")  # the robot's own doing, and its size
ERRORS = (
    "observation_noise",
    "observation_bias",
    "observation_delay",
    "observation_loss",
    *(f"{sensor}_{error}" for sensor in SENSORS for error in ("noise", "bias")),
)


@pytest.mark.parametrize(("task", "robot"), WORLDS)
def test_what_the_robot_knows_without_measuring_has_no_error(task, robot):
    most = {term.parameter: term.high for term in RANDOMIZATIONS["full"]}
    none, all_ = ([error(name, share * most[name]) for name in ERRORS] for share in (0.0, 1.0))
    features, plain = readings(task, robot, *none, steps=10, action=0.2)
    _, noisy = readings(task, robot, *all_, steps=10, action=0.2)
    wrong = (noisy != plain)[0].any(axis=0)
    exact = [any(word in feature.name for word in EXACT) for feature in features]
    assert not [f.name for f, differs in zip(features, wrong & exact, strict=True) if differs]
    measured = [not (known or f.series) for f, known in zip(features, exact, strict=True)]
    assert wrong[measured].mean() > 0.8  # some joints are not there


@pytest.mark.parametrize(("task", "robot"), WORLDS)
def test_every_sensor_is_known_and_measures_something(task, robot):
    world = make_environment(task, robot, privileged=True)
    sensors = {feature.sensor for feature in world.interface.observation}
    world.close()
    assert set(SENSORS) <= sensors <= {*SENSORS, "lidar", ""}
