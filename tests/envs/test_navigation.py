"""Who goes exactly as told arrives square at the stand and kneels, from wherever it starts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import make_environment
from envs.parcel.navigation import ALIGNED, CLOSE, GO, SQUARE, Pilot, wrapped

DT = 1.0 / 40.0


@pytest.fixture(scope="module")
def gait():
    env = make_environment("parcel", "porter")
    yield env.task.gait
    env.close()


def deliver(pilot, x, y, heading, seconds=60.0):
    """Go as told to a stand at the origin that faces along x; where that ends: x, y and heading."""
    for _ in range(round(seconds / DT)):
        cos, sin = math.cos(heading), math.sin(heading)
        pilot.steer(-x * cos - y * sin, -y * cos + x * sin, wrapped(-heading), DT)
        if pilot.vigour > 0.0:
            heading += pilot.turn * DT
            x += pilot.speed * math.cos(heading) * DT
            y += pilot.speed * math.sin(heading) * DT
        if pilot.lowered == 1.0:
            break
    return x, y, heading


@given(distance=st.floats(0.5, 5.0), direction=st.floats(-1.6, 1.6), heading=st.floats(-1.6, 1.6))
def test_arrives_where_it_may_kneel(gait, distance, direction, heading):
    pilot = Pilot(gait, reach=0.3)
    x, y, heading = deliver(
        pilot, -distance * math.cos(direction), distance * math.sin(direction), heading
    )
    assert pilot.lowered == 1.0
    bearing = math.atan2(-y, -x) - heading
    assert abs(wrapped(bearing)) < ALIGNED
    assert abs(wrapped(bearing + heading)) < SQUARE
    assert CLOSE < math.hypot(x, y) - 0.3 < GO


def test_steps_back_when_it_stands_askew_and_comes_again(gait):
    pilot = Pilot(gait, reach=0.3)
    x, y, heading = -0.3 * math.cos(0.8), -0.3 * math.sin(0.8), 0.8
    errands = []
    for _ in range(2400):
        cos, sin = math.cos(heading), math.sin(heading)
        pilot.steer(-x * cos - y * sin, -y * cos + x * sin, wrapped(-heading), DT)
        if pilot.errand not in errands[-1:]:
            errands.append(pilot.errand)
        heading += pilot.vigour * pilot.turn * DT
        x += pilot.vigour * pilot.speed * math.cos(heading) * DT
        y += pilot.vigour * pilot.speed * math.sin(heading) * DT
    assert errands[:4] == ["stand", "retreat", "walk", "stand"]
    assert pilot.lowered == 1.0


def test_does_not_step_back_from_where_it_may_kneel(gait):
    pilot = Pilot(gait, reach=0.3, errand="retreat")
    pilot.steer(0.3, 0.0, 0.0, DT)
    assert pilot.errand == "stand"


def test_turns_on_the_spot_to_a_stand_beside_it(gait):
    pilot = Pilot(gait, reach=0.3)
    pose = deliver(pilot, -0.3, 0.0, 0.6, seconds=1.0)
    assert pilot.errand == "pivot"
    deliver(pilot, *pose)
    assert pilot.lowered == 1.0
