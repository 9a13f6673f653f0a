import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from envs import find_robot
from simtransfer.target.actuation import Actuation

CAR, WALKER = (
    Actuation(find_robot(name), rate) for name, rate in (("hatchback", 10.0), ("porter", 40.0))
)
ANYTHING = st.floats(-1e6, 1e6)


@pytest.mark.parametrize("name", ["hatchback", "skid_steer", "porter"])
def test_targets_are_what_the_robot_says(name):
    robot = find_robot(name)
    action = np.random.default_rng(0).uniform(-1, 1, len(robot.actuators)).astype(np.float32)
    told = robot.targets(action)
    assert Actuation(robot, 10.0).targets(action).tolist() == list(told.values())


@given(arrays.arrays(np.float32, 2, elements=st.floats(-1.0, 1.0, width=32)))
def test_an_action_survives_the_way_there_and_back(action):
    back = CAR.action(CAR.targets(action))
    assert np.abs(back - action).max() < 1e-15 or np.array_equal(back, action)


@given(arrays.arrays(np.float64, 2, elements=ANYTHING), st.data())
def test_nothing_is_done_beyond_limits_or_faster_than_the_rate(wanted, data):
    last = CAR.targets(data.draw(arrays.arrays(np.float32, 2, elements=st.floats(-1, 1, width=32))))
    done = CAR.limited(wanted, last)
    assert (done >= CAR.low).all() and (done <= CAR.high).all()
    assert (np.abs(done - last) <= CAR.step * (1 + 1e-12)).all()
    assert np.array_equal(CAR.limited(done, last), done)


def test_a_servo_turns_no_faster_than_robot_toml_says():
    assert CAR.step.tolist() == pytest.approx([0.15, np.inf])  # 1.5 rad/s at 10 Hz; wheels: torque
    assert CAR.limited(np.asarray([0.5, 9.0]), np.zeros(2)).tolist() == pytest.approx([0.15, 9.0])


def test_a_car_is_safe_when_it_brakes_in_its_curve():
    assert CAR.toward_safety(np.asarray([0.3, 8.0])).tolist() == [0.3, 0.0]


def test_limbs_are_safe_in_the_nominal_posture_and_get_there_at_their_rate():
    robot = find_robot("porter")
    last, steps = WALKER.high, 0
    while not np.allclose(last, WALKER.rest):
        following = WALKER.toward_safety(last)
        assert (np.abs(following - last) <= WALKER.step * (1 + 1e-12)).all()
        last, steps = following, steps + 1
    assert steps > 1
    assert WALKER.rest.tolist() == [actuator.neutral for actuator in robot.actuators]
