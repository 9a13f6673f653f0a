import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.driving.road import LANE_WIDTH, RUN_OFF, Road

bends = st.lists(
    st.tuples(st.floats(20.0, 40.0), st.floats(-1 / 40, 1 / 40)), min_size=1, max_size=5
)


@given(bends, st.floats(0.0, 1.0), st.floats(-6.0, 6.0), st.floats(-8.0, 8.0))
def test_projecting_a_pose_gives_back_where_it_came_from(shape, fraction, d, off):
    road = Road(shape)
    s = fraction * (road.length - 1.0)
    x, y, heading = road.pose(s, d)
    # In a bend a point lies in the wedge of two segments, half a segment's turn apart.
    found_s, found_d, found_heading = road.project(x, y, s + off)
    assert found_s == pytest.approx(s, abs=0.1)
    assert found_d == pytest.approx(d, abs=0.01)
    assert found_heading == pytest.approx(heading, abs=0.03)


@given(bends, st.floats(0.0, 1.0))
def test_on_the_centreline_the_identity_is_exact(shape, fraction):
    road = Road(shape)
    s = fraction * (road.length - 1.0)
    x, y, _ = road.pose(s, 0.0)
    found_s, found_d, _ = road.project(x, y, s)
    assert found_s == pytest.approx(s, abs=1e-3)
    assert found_d == pytest.approx(0.0, abs=1e-3)


@given(bends)
def test_the_road_has_neither_gaps_nor_kinks(shape):
    road = Road(shape)
    poses = np.asarray([road.pose(s, 0.0) for s in np.arange(0.0, road.length - 1.0, 0.5)])
    steps = np.hypot(*np.diff(poses[:, :2], axis=0).T)
    np.testing.assert_allclose(steps, 0.5, atol=0.01)
    turns = np.abs(np.diff(poses[:, 2]))
    assert turns.max() <= 0.5 / 40 + 1e-9  # no tighter than the tightest bend
    assert np.abs(np.diff(turns)).max() <= 0.5 / 40 / 16 * 2 + 1e-9  # and gently into it


def test_a_constant_bend_is_a_circle():
    radius = 50.0
    road = Road([(100.0, 1.0 / radius)])
    for s in (20.0, 50.0, 80.0):
        x, y, heading = road.pose(s, 0.0)
        assert math.hypot(x, y - radius) == pytest.approx(radius, abs=0.05)
        assert heading == pytest.approx(s / radius, abs=0.01)


def test_left_is_left():
    road = Road([(50.0, 1 / 40)])
    assert road.pose(50.0, 0.0)[1] > 0.0  # a positive curvature bends to the left
    assert road.pose(0.0, LANE_WIDTH)[1] == pytest.approx(LANE_WIDTH)


def test_beyond_both_ends_the_road_goes_straight_on():
    road = Road([(30.0, 0.0)])
    assert road.length == 30.0 + RUN_OFF
    assert road.pose(-5.0, 1.0) == pytest.approx((-5.0, 1.0, 0.0))
    assert road.pose(road.length + 5.0, 0.0)[0] == pytest.approx(road.length + 5.0)
    assert road.project(road.length + 5.0, 1.0, 50.0)[:2] == pytest.approx((road.length + 5.0, 1.0))
