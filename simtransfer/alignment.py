"""What a teacher's words are in a student's: observations and actions aligned by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from envs.interface import Feature
from envs.robot import Robot

WAYS = ("same", "interpolated", "extended", "filled")


@dataclass(frozen=True)
class ObservationMap:
    """Teacher's readings as an affine function of the student's: ``matrix @ student + offset``.

    Attributes:
        matrix: Shape ``(teacher features, student features)``.
        offset: Shape ``(teacher features,)``.
        sources: For each teacher feature, in words, where it comes from.
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    sources: tuple[str, ...]

    def __call__(self, student: NDArray[np.floating]) -> NDArray[np.float32]:
        """Teacher's readings ``(n, teacher features)`` of student's ``(n, student features)``."""
        return (student @ self.matrix.T + self.offset).astype(np.float32)

    def counts(self) -> dict[str, int]:
        """How many features were found by each way: same name, interpolated, extended, filled."""
        kinds = [source.split(":")[0] for source in self.sources]
        return {kind: kinds.count(kind) for kind in WAYS}


def align_observations(
    teacher: Sequence[Feature], student: Sequence[Feature], fill: Sequence[float]
) -> ObservationMap:
    """Say each teacher feature in the student's words.

    The same name is the same feature. A feature of a series (a lidar beam) that the student samples
    elsewhere is interpolated between its neighbours; beyond the last sample, it reads as the last.
    What the student lacks is filled with the teacher's mean, which a normalizer turns into zero.

    Args:
        teacher: What the teacher reads.
        student: What the student observes.
        fill: The teacher's mean of each of its features.

    Raises:
        ValueError: If the same name, or a neighbour in a series, has another unit.
    """
    position = {feature.name: i for i, feature in enumerate(student)}
    matrix = np.zeros((len(teacher), len(student)))
    offset = np.zeros(len(teacher))
    sources = []
    for row, feature in enumerate(teacher):
        column = position.get(feature.name)
        if column is not None:
            _require_unit(feature, student[column])
            matrix[row, column] = 1.0
            sources.append("same")
            continue
        neighbours = _neighbours(feature, student)
        if neighbours:
            for other, weight in neighbours.items():
                _require_unit(feature, student[other])
                matrix[row, other] = weight
            names = ", ".join(student[other].name for other in neighbours)
            sources.append(f"{'interpolated' if len(neighbours) > 1 else 'extended'}: {names}")
        else:
            offset[row] = fill[row]
            sources.append("filled: the teacher's mean")
    return ObservationMap(matrix, offset, tuple(sources))


def _require_unit(teacher: Feature, student: Feature) -> None:
    if student.unit != teacher.unit:
        raise ValueError(
            f"{teacher.name}: in {teacher.unit} for the teacher, in {student.unit} for the student "
            f"({student.name}); give both the same unit"
        )


def _neighbours(feature: Feature, student: Sequence[Feature]) -> dict[int, float]:
    """Interpolation weights by column, empty where the student has nothing of that series."""
    series = [(f.coordinate, i) for i, f in enumerate(student) if f.series == feature.series]
    if not feature.series or not series:
        return {}
    series.sort()
    for (low, i), (high, j) in pairwise(series):
        if low <= feature.coordinate <= high:
            weight = (feature.coordinate - low) / (high - low)
            return {i: 1.0 - weight, j: weight}
    # What stands beside the last beam is more often what the last beam sees than nothing at all.
    return {series[0 if feature.coordinate < series[0][0] else -1][1]: 1.0}


@dataclass(frozen=True)
class ActionMap:
    """Teacher's actions as the student's, by what they mean.

    Robots of one kind share commands (a car's are speed and yaw rate) that each turns into its own
    actuators' targets. So the teacher's action is read as a command and given to the student. Where
    both are the same robot, actions stay as they are: turned into commands, they would lose what
    commands cannot say.

    Attributes:
        teacher: The teacher's robot.
        student: The student's robot.
    """

    teacher: Robot
    student: Robot

    @cached_property
    def is_identity(self) -> bool:
        """Whether both are the same robot, by their digests."""
        return self.teacher.digest == self.student.digest

    def __call__(
        self, actions: NDArray[np.floating], readings: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Student's actions ``(n, student)`` for teacher's ``(n, teacher)``.

        Args:
            actions: In [-1, 1].
            readings: Of the robots' ``command_readings``, ``(n, readings)``.
        """
        if not self.is_identity:
            commands = self.teacher.to_command(actions, readings)
            actions = self.student.from_command(commands, readings)
        clipped: NDArray[np.float32] = np.clip(actions, -1.0, 1.0).astype(np.float32)
        return clipped
