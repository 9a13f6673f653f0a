import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.interface import Feature, Interface, bounds, unknown

FEATURES = (
    Feature("base/linear_velocity/x", "m/s", -2.0, 10.0),
    Feature("lidar/-10/range", "m", 0.0, 40.0, series="lidar/range", coordinate=-10.0),
    Feature("privileged/friction", "1", 0.4, 1.2, group="privileged"),
)
INTERFACE = Interface(FEATURES, (Feature("drive/speed", "1", -1.0, 1.0, group="action"),))


def test_names_keep_the_order_of_the_vector():
    assert INTERFACE.observation_names == tuple(feature.name for feature in FEATURES)
    assert INTERFACE.action_names == ("drive/speed",)


def test_indices_find_entries_in_any_order():
    names = ["privileged/friction", "base/linear_velocity/x"]
    assert INTERFACE.indices(names).tolist() == [2, 0]


def test_a_misspelt_entry_is_refused_with_the_nearest_one():
    with pytest.raises(ValueError, match="unknown observation 'privileged/frictoin'; did you mean"):
        INTERFACE.indices(["privileged/frictoin"])


def test_groups_partition_the_observation():
    deployable, privileged = INTERFACE.group("deployable"), INTERFACE.group("privileged")
    assert deployable + privileged == FEATURES
    assert INTERFACE.group("deployable", "privileged") == FEATURES


def test_an_interface_survives_json():
    assert Interface.from_dict(json.loads(json.dumps(INTERFACE.as_dict()))) == INTERFACE


def test_bounds_are_float32_and_in_order():
    low, high = bounds(FEATURES)
    assert low.dtype == high.dtype == np.float32
    np.testing.assert_allclose(low, [-2.0, 0.0, 0.4])
    np.testing.assert_allclose(high, [10.0, 40.0, 1.2])


finite = st.floats(-1e6, 1e6)


@given(finite, finite)
def test_center_and_scale_describe_the_range(a, b):
    low, high = sorted((a, b))
    feature = Feature("x", "m", low, high)
    assert low <= feature.center <= high
    assert feature.scale > 0.0  # a normalizer divides by it
    assert feature.center - 2.0 * feature.scale <= low + 1e-5


@pytest.mark.parametrize(
    ("given_name", "known", "hint"),
    [
        ("hatchbak", ["hatchback", "van"], "did you mean 'hatchback'?"),
        ("zzz", ["hatchback", "van"], "choose from: hatchback, van"),
    ],
)
def test_an_unknown_name_gets_one_line_with_a_way_out(given_name, known, hint):
    message = unknown("robot", given_name, known)
    assert hint in message
    assert "\n" not in message
