import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.driving.task import BESIDE, HEADWAY, crowding
from envs.driving.traffic import User

metres = st.floats(-30.0, 30.0)
speeds = st.floats(0.0, 12.0)


def car(speed):
    return User(0.0, 0.0, speed, 0.0, 2.0, 0.85)


def pedestrian(s, d):
    return User(s, d, 0.0, 1.4, 0.3, 0.3, pedestrian=True)


@given(metres, metres, speeds)
def test_crowding_is_a_share_and_grows_with_speed_and_nearness(s, d, speed):
    value = crowding(car(speed), pedestrian(s, d))
    assert 0.0 <= value <= 1.0
    assert crowding(car(speed + 1.0), pedestrian(s, d)) >= value
    assert crowding(car(speed), pedestrian(0.9 * s, 0.9 * d)) >= value


@given(speeds)
def test_a_pedestrian_with_room_is_not_crowded(speed):
    aside = 0.85 + 0.3 + BESIDE
    ahead = 2.0 + 0.3 + BESIDE + HEADWAY * speed
    assert crowding(car(speed), pedestrian(0.0, aside)) < 1e-9
    assert crowding(car(speed), pedestrian(ahead, 0.0)) < 1e-9
    assert crowding(car(speed), pedestrian(-(2.3 + BESIDE), 0.0)) < 1e-9


def test_contact_is_the_whole():
    assert crowding(car(5.0), pedestrian(2.3, 0.0)) == pytest.approx(1.0)
    assert crowding(car(5.0), pedestrian(0.0, -1.15)) == pytest.approx(1.0)
