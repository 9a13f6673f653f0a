"""What a run's plan does to a new learner: weights from a teacher, what learns, and how much."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from agents.bundle import Bundle
from agents.learner import PPOLearner
from envs.interface import Interface
from envs.robot import Robot
from simtransfer.deployment import robot_of
from simtransfer.imitation import Imitation
from simtransfer.initialization import (
    FittedHead,
    TensorReport,
    fit_head,
    freeze,
    initialize,
    report,
)
from simtransfer.recollection import recollect
from simtransfer.run_config import RunConfig
from simtransfer.view import TeacherView

ASKEW = "left and right differ, so what is learned on one side is not on the other"


@dataclass
class Teaching:
    """What a student has of its teacher.

    Attributes:
        view: The teacher in the student's world; None without a teacher.
        imitation: The loss; None in a plan without one.
        fitted: The last layer that was fitted to the teacher's; None where none was needed.
        transferred: What happened to each tensor.
    """

    view: TeacherView | None = None
    imitation: Imitation | None = None
    fitted: FittedHead | None = None
    transferred: tuple[TensorReport, ...] = ()


def teach(
    learner: PPOLearner,
    config: RunConfig,
    teacher: Bundle | None,
    robot: Robot,
    interface: Interface,
    fitted: FittedHead | None,
) -> Teaching:
    """Prepare a new learner as the run's plan says.

    Args:
        learner: Changed in place.
        config: The run's.
        teacher: Its teacher, if it has one.
        robot: The student's robot.
        interface: What the student's worlds hold.
        fitted: The last layer as it was fitted when the run began; None to fit it where it is
            needed, for which the teacher acts in its own world.
    """
    plan, policy = config.plan, learner.policy
    teaching = Teaching(fitted=fitted)
    taken: dict[str, tuple[str, str]] = {}
    if teacher and plan.needs_teacher:
        own = robot_of(teacher, robot)
        view = teaching.view = TeacherView(teacher, own, robot, interface)

        def fit() -> FittedHead:
            if teaching.fitted is None:
                states = recollect(teacher, own, config.randomization)
                teaching.fitted = fit_head(teacher, view, states)
            return teaching.fitted

        if plan.initialization != "none" and plan.trainable != "none":
            taken = initialize(policy, teacher, view, plan, fit)
            if not learner.check_symmetry():
                taken = {
                    name: (status, "; ".join(filter(None, (how, ASKEW))))
                    for name, (status, how) in taken.items()
                }
            if "critic.head.weight" in taken:
                learner.algorithm.critic_first = 0  # it knows enough not to lead astray
        if plan.imitates:
            teaching.imitation = Imitation(policy, view.act, remember=plan.remember)
            learner.algorithm.auxiliary = teaching.imitation
    if plan.exploration is not None:
        with torch.no_grad():
            policy.log_std.fill_(math.log(plan.exploration))
        taken["log_std"] = ("new", f"the plan's exploration, {plan.exploration:g}")
    if "actor.head.weight" not in taken:
        learner.algorithm.warm_up = 0  # a new actor has nothing to lose
    teaching.transferred = report(policy.named_tensors(), taken, freeze(policy, plan.trainable))
    return teaching
