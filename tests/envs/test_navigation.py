"""Who goes exactly as told arrives at the stand and kneels, from wherever it starts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import make_environment
from envs.parcel.navigation import ALONG, ASIDE, Pilot, Sidestepper, pilot_of

DT = 1.0 / 40.0
REACH, RADIUS = 0.3, 0.1


@pytest.fixture(scope="module")
def gait():
    env = make_environment("parcel", "porter")
    yield env.task.gait
    env.close()


@pytest.fixture
def pilot(gait):
    return Pilot(gait, REACH, RADIUS)


def view(x, y, heading):
    """The stand, which is at the origin, as seen from a pose: forward and left, m."""
    cos, sin = math.cos(heading), math.sin(heading)
    return -x * cos - y * sin, -y * cos + x * sin


def deliver(pilot, x, y, heading, seconds=60.0):
    """Go as told until it kneels or time is up; the pose then, and all errands on the way."""
    errands = [pilot.errand]
    for _ in range(round(seconds / DT)):
        pilot.steer(*view(x, y, heading), DT)
        if pilot.errand != errands[-1]:
            errands.append(pilot.errand)
        heading += pilot.vigour * pilot.turn * DT
        ahead, aside = pilot.vigour * pilot.speed * DT, pilot.vigour * pilot.aside * DT
        x += ahead * math.cos(heading) - aside * math.sin(heading)
        y += ahead * math.sin(heading) + aside * math.cos(heading)
        if pilot.lowered == 1.0:
            break
    return (x, y, heading), errands


@given(distance=st.floats(0.2, 5.0), direction=st.floats(-3.1, 3.1), heading=st.floats(-3.1, 3.1))
def test_arrives_where_it_may_kneel(gait, distance, direction, heading):
    pilot = Pilot(gait, REACH, RADIUS)
    start = -distance * math.cos(direction), -distance * math.sin(direction), heading
    pose, _ = deliver(pilot, *start)
    assert pilot.lowered == 1.0
    forward, left = view(*pose)
    assert abs(forward - REACH) < ALONG * RADIUS
    assert abs(left) < ASIDE * RADIUS


@pytest.fixture(scope="module")
def rigid():
    """The gait of one without joints to turn by."""
    env = make_environment("parcel", "pocket")
    yield env.task.gait
    env.close()


@given(distance=st.floats(0.5, 5.0), direction=st.floats(-1.5, 1.5))
def test_who_cannot_turn_arrives_by_side_steps(rigid, distance, direction):
    pilot = pilot_of(rigid, REACH, RADIUS, 0.0)
    assert isinstance(pilot, Sidestepper)
    start = -distance * math.cos(direction), -distance * math.sin(direction), 0.0
    (x, y, heading), errands = deliver(pilot, *start, seconds=120.0)
    assert pilot.lowered == 1.0
    assert heading == 0.0
    assert abs(-x - REACH) < ALONG * RADIUS
    assert abs(y) < ASIDE * RADIUS
    assert set(errands) == {"walk", "stand"}


@given(distance=st.floats(1.0, 3.0), direction=st.floats(-3.1, 3.1))
def test_who_cannot_turn_goes_around_a_stand_behind_it(rigid, distance, direction):
    pilot = pilot_of(rigid, REACH, RADIUS, 0.0)
    x, y = -distance * math.cos(direction), -distance * math.sin(direction)
    for _ in range(round(120.0 / DT)):
        pilot.steer(*view(x, y, 0.0), DT)
        x += pilot.vigour * pilot.speed * DT
        y += pilot.vigour * pilot.aside * DT
        assert math.hypot(x, y) > 0.7 * REACH  # no trunk meets the plate
        if pilot.lowered == 1.0:
            break
    assert pilot.lowered == 1.0


def test_no_forearm_meets_the_plate_from_the_side(rigid):
    pilot = pilot_of(rigid, REACH, RADIUS, 0.0)
    x, y = -1.0, 1.0
    while pilot.lowered < 1.0:
        pilot.steer(*view(x, y, 0.0), DT)
        x += pilot.vigour * pilot.speed * DT
        y += pilot.vigour * pilot.aside * DT
        assert abs(y) < 1.1 * ASIDE * RADIUS or -x > REACH + RADIUS


def test_who_faces_it_walks_there_and_stands(pilot):
    _, errands = deliver(pilot, -3.0, 0.0, 0.0)
    assert errands[::2] in (["walk"], ["walk"] * 2)  # a second time if it had halted too early
    assert set(errands[1::2]) == {"stand"}


def test_who_is_too_near_steps_back_and_comes_again(pilot):
    _, errands = deliver(pilot, -0.2, 0.0, 0.0)
    assert errands == ["walk", "stand", "retreat", "stand"]


def test_who_stands_beside_it_turns_on_the_spot(pilot):
    (x, y, _), errands = deliver(pilot, -REACH, 0.0, 0.6)
    assert errands[:3] == ["walk", "stand", "pivot"]
    assert pilot.lowered == 1.0
    assert math.hypot(x + REACH, y) < 0.02


def test_who_is_down_stays_down(pilot):
    deliver(pilot, -REACH, 0.0, 0.0)
    pilot.steer(1.0, 1.0, DT)
    assert (pilot.errand, pilot.vigour, pilot.lowered) == ("stand", 0.0, 1.0)


def test_who_is_halted_comes_to_a_stand_wherever_it_is_and_goes_on_when_let(pilot):
    for _ in range(round(3.0 / DT)):
        pilot.steer(3.0, 0.0, DT)
    assert pilot.vigour == 1.0
    pilot.halted = True
    for _ in range(round(5.0 / DT)):
        pilot.steer(3.0, 0.0, DT)
    assert (pilot.speed, pilot.vigour, pilot.lowered) == (0.0, 0.0, 0.0)
    pilot.halted = False
    for _ in range(round(5.0 / DT)):
        pilot.steer(3.0, 0.0, DT)
    assert pilot.speed > 0.0
    assert pilot.vigour == 1.0


def test_who_is_halted_at_the_stand_does_not_go_down(pilot):
    pilot.halted = True
    for _ in range(round(10.0 / DT)):
        pilot.steer(REACH, 0.0, DT)
    assert pilot.lowered == 0.0
