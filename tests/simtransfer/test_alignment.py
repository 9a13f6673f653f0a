import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import find_robot
from envs.interface import Feature
from simtransfer.alignment import ActionMap, align_observations

CARS = ("hatchback", "van", "skid_steer", "trike")


def beams(angles, unit="m"):
    return [
        Feature(f"lidar/{a:g}/range", unit, 0.0, 40.0, series="lidar/range", coordinate=float(a))
        for a in angles
    ]


def test_the_same_names_map_by_identity():
    features = [Feature("speed", "m/s", 0, 10), *beams((-10, 0, 10))]
    aligned = align_observations(features, features, [0.0] * 4)
    assert np.array_equal(aligned.matrix, np.eye(4))
    assert set(aligned.sources) == {"same"}


@given(st.lists(st.integers(-90, 90), min_size=2, max_size=8, unique=True), st.integers(-90, 90))
def test_what_is_linear_in_angle_is_exact_inside_and_held_outside(own, wanted):
    student = beams(sorted(own))
    aligned = align_observations(beams([wanted]), student, [-1.0])
    readings = np.asarray([[20.0 + 0.1 * feature.coordinate for feature in student]])
    inside = min(own) <= wanted <= max(own)
    expected = 20.0 + 0.1 * min(max(wanted, min(own)), max(own))
    assert aligned(readings)[0, 0] == pytest.approx(expected, abs=1e-4)
    assert aligned.sources[0].startswith(("same", "interpolated") if inside else "extended")


def test_what_the_student_lacks_is_the_teachers_mean():
    teacher = [Feature("speed", "m/s", 0, 10), Feature("joint/steering/position", "rad", -1, 1)]
    aligned = align_observations(teacher, teacher[:1], [3.0, 0.2])
    assert aligned(np.asarray([[7.0]])).tolist()[0] == pytest.approx([7.0, 0.2])
    assert aligned.counts() == {"same": 1, "interpolated": 0, "extended": 0, "filled": 1}


def test_another_unit_is_refused():
    with pytest.raises(ValueError, match="in m for the teacher, in cm for the student"):
        align_observations(beams([0]), beams([0], unit="cm"), [0.0])


def test_another_unit_of_a_neighbour_is_refused():
    with pytest.raises(ValueError, match=r"in m for the teacher, in cm .* \(lidar/-5/range\)"):
        align_observations(beams([0]), beams([-5, 5], unit="cm"), [0.0])


def test_actions_of_the_same_robot_stay_as_they_are(tmp_path):
    robot = find_robot("hatchback")
    copy = find_robot(shutil.copytree(robot.source.parent, tmp_path / "copy"))
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (32, 2)).astype(np.float32)
    assert np.array_equal(ActionMap(robot, copy)(actions, np.full((32, 1), 4.0)), actions)


@pytest.mark.parametrize("student", CARS)
@given(speed=st.floats(1.0, 8.0), steer=st.floats(-0.4, 0.4), drive=st.floats(-0.5, 0.5))
@settings(max_examples=40, deadline=None)
def test_a_mapped_action_asks_for_the_same_command(student, speed, steer, drive):
    teacher, other = find_robot("hatchback"), find_robot(student)
    speeds, action = np.asarray([[speed]]), np.asarray([[steer, drive]])
    mapped = other.from_command(teacher.to_command(action, speeds), speeds)
    np.testing.assert_allclose(
        other.to_command(mapped, speeds), teacher.to_command(action, speeds), atol=1e-6
    )


@pytest.mark.parametrize("student", CARS)
def test_left_stays_left(student):
    teacher, other = find_robot("hatchback"), find_robot(student)
    speeds = np.asarray([[6.0]])
    mapped = ActionMap(teacher, other)(np.asarray([[0.5, 0.3]]), speeds)
    assert other.to_command(mapped, speeds)[0, 1] > 0.3
