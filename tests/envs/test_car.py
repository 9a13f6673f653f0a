import pytest

from envs.driving.car import Lidar
from envs.driving.observation import lidar_features


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"beams": 25, "field_of_view": 1.0}, "less than 0.1 degrees apart.*; 11 would fit"),
        ({"beams": 4096, "field_of_view": 360.0}, r"would fit"),
        ({"beams": 25, "field_of_view": 200.0, "focus": 50.0}, r"would fit"),
        ({"beams": 2, "field_of_view": 0.01}, "widen field_of_view"),
        ({"beams": 4097, "field_of_view": 360.0}, "4097 beams of 1 rays are more than 4096 rays"),
        ({"beams": 10**9, "field_of_view": 360.0}, "more than 4096 rays"),
        ({"beams": 5, "field_of_view": 90.0, "range": float("inf")}, "a positive range"),
        ({"beams": 5, "field_of_view": 90.0, "focus": float("nan")}, "focus positive"),
        ({"beams": 5, "field_of_view": 90.0, "mount": (0.0, 0.0, float("nan"))}, "lidar.mount"),
    ],
)
def test_a_lidar_that_no_world_can_name_is_refused_when_it_is_read(values, told):
    with pytest.raises(ValueError, match=told):
        Lidar(**{"range": 30.0, "rays_per_beam": 1, **values})


@pytest.mark.parametrize(("beams", "view"), [(2, 0.2), (11, 1.0), (3601, 360.0), (101, 200.0)])
def test_every_beam_of_a_lidar_that_is_taken_has_its_own_name(beams, view):
    features = lidar_features(Lidar(beams, view, 30.0, rays_per_beam=1))
    assert len({feature.name for feature in features}) == 2 * beams
