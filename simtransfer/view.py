"""A teacher asked in a student's world: what would you do here, in this body?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.actor import Actor
from agents.bundle import Bundle
from envs.interface import Interface
from envs.robot import Robot
from simtransfer.alignment import ActionMap, ObservationMap, align_observations


class TeacherView:
    """The teacher's policy on the student's observations and actions.

    Args:
        teacher: The teacher's bundle.
        teacher_robot: What it was trained on.
        student_robot: What it is asked about.
        interface: What the student's world observes.

    Attributes:
        actor: The teacher's actor on its own features, its actions in its robot's order.
        observations: How readings are aligned.
        actions: How actions are aligned.

    Raises:
        ValueError: If the student does not observe what the meaning of its actions depends on, or
            the teacher does not fit its robot.
    """

    def __init__(
        self, teacher: Bundle, teacher_robot: Robot, student_robot: Robot, interface: Interface
    ) -> None:
        mean = teacher.tensors["actor.trunk.normalizer.mean"].numpy()
        acts = tuple(actuator.action for actuator in teacher_robot.actuators)
        self.actor: Actor = teacher.actor(Interface(teacher.reads, acts))
        self._columns = interface.indices(f.name for f in interface.group("deployable"))
        self.observations: ObservationMap = align_observations(
            teacher.reads, interface.group("deployable"), mean.tolist()
        )
        self.actions = ActionMap(teacher_robot, student_robot)
        self._readings = interface.indices(student_robot.command_readings)

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the teacher would do: student's actions ``(n, actions)`` in [-1, 1]."""
        own = self.actor.act(self.observations(observations[:, self._columns]))
        return self.actions(own, observations[:, self._readings])
