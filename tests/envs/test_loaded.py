"""What an engine loaded otherwise than a file says: link, quantity and both values."""

from dataclasses import replace

import numpy as np
import pytest

from envs import find_robot
from envs.bullet import Bullet
from envs.loaded import differences
from envs.supports import assemble


@pytest.fixture(scope="module")
def pair():
    robot, simulator = find_robot("hatchback"), Bullet()
    simulator.load(robot, (), 60.0)
    yield assemble(robot).urdf, simulator.loaded()
    simulator.close()


CHANGES = {
    "mass": ({"mass": 6.0}, "link 'body': mass is 930 kg in the file, 6 in the engine"),
    "center": ({"center": np.zeros(3)}, "link 'body': centre of mass is (0, 0, -0.1) m, (0, 0, 0)"),
    "inertia": (
        {"inertia": np.zeros((3, 3))},
        "link 'body': moments of inertia are (261.9, 1278, 1464) kg·m² in the file, (0, 0, 0) in "
        "the engine",
    ),
    "shapes": ({"shapes": 0}, "link 'body': 1 collision shapes, 0 in the engine"),
}


def test_what_is_as_in_the_file_is_no_difference(pair):
    assert list(differences(*pair)) == []


@pytest.mark.parametrize("quantity", CHANGES)
def test_a_link_that_differs_is_told(pair, quantity):
    urdf, loaded = pair
    values, told = CHANGES[quantity]
    links = {**loaded.links, "body": replace(loaded.links["body"], **values)}
    assert list(differences(urdf, replace(loaded, links=links))) == [told]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"axis": np.asarray([0.0, 0.0, 0.01])}, "its axis is (0, 0, 1) in the file, (0, 0, 0.01)"),
        ({"high": 34.0}, "its limits are -0.6 to 0.6 in the file, -0.6 to 34 in the engine"),
    ],
)
def test_a_joint_that_differs_is_named(pair, values, told):
    urdf, loaded = pair
    name = "front_left_steer"
    joints = {**loaded.joints, name: replace(loaded.joints[name], **values)}
    (found,) = differences(urdf, replace(loaded, joints=joints))
    assert found.startswith(f"joint {name!r}: {told}")


def test_parts_that_are_missing_are_told(pair):
    urdf, loaded = pair
    found = list(differences(urdf, replace(loaded, links={}, joints={})))
    assert "link 'body' is only in the file" in found
    assert "joint 'front_left_steer': it moves in the file, and not in the engine" in found
