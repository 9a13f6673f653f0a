"""Transfer plans: every method is a row of the same few knobs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from envs.interface import unknown


@dataclass(frozen=True)
class Schedule:
    """A value over environment steps: linear between points, constant outside them.

    Attributes:
        points: Pairs of step and value, steps rising.
    """

    points: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        """Refuse an empty or unordered schedule."""
        steps = [step for step, _ in self.points]
        if not steps or steps != sorted(set(steps)):
            raise ValueError(f"schedule {self.points}: give points at rising steps")

    def at(self, step: int) -> float:
        """The value at ``step``."""
        (last_step, last), *rest = self.points
        if step <= last_step:
            return last
        for next_step, value in rest:
            if step < next_step:
                share = (step - last_step) / (next_step - last_step)
                return last + share * (value - last)
            last_step, last = next_step, value
        return last


def constant(value: float) -> Schedule:
    """A schedule that does not change."""
    return Schedule(((0, value),))


@dataclass(frozen=True)
class TransferPlan:
    """How what a teacher knows reaches a student.

    Attributes:
        summary: One line for people.
        initialization: Which teacher weights are copied: ``none``, ``trunk`` (hidden layers), or
            ``all`` (the last layer and the critic too), each as far as it aligns by name.
        trainable: Which of the actor's layers learn: ``all``, ``head`` or ``none``.
        teacher_control: Share of worlds that the teacher drives, over steps.
        imitation: Weight of the squared distance to the teacher's action, over steps.
        remember: Whether imitation also learns from all states seen before (dataset aggregation).
        reinforcement: Weight of the reinforcement-learning loss of the actor, over steps.
        exploration: Standard deviation of the student's first actions; None: as from scratch.
        source: The paper it comes from.
    """

    summary: str
    initialization: str = "none"
    trainable: str = "all"
    teacher_control: Schedule = constant(0.0)
    imitation: Schedule = constant(0.0)
    remember: bool = False
    reinforcement: Schedule = constant(1.0)
    exploration: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse plans that contradict themselves."""
        for what, value, known in (
            ("initialization", self.initialization, ("none", "trunk", "all")),
            ("trainable", self.trainable, ("all", "head", "none")),
        ):
            if value not in known:
                raise ValueError(f"transfer plan: {unknown(what, value, known)}")
        if self.exploration is not None and not 0.0 < self.exploration < math.inf:
            raise ValueError(f"transfer plan: exploration must be positive, got {self.exploration}")
        for what in ("teacher_control", "imitation", "reinforcement"):
            values = [value for _, value in getattr(self, what).points]
            if not all(0.0 <= value < math.inf for value in values):
                raise ValueError(f"transfer plan: {what} must not be negative, got {values}")
        both = (self.teacher_control, self.reinforcement)
        steps = sorted({step for schedule in both for step, _ in schedule.points})
        between = [(a + b) // 2 for a, b in pairwise(steps)]
        for step in (*steps, *between):
            if self.teacher_control.at(step) > 0 and self.reinforcement.at(step) > 0:
                raise ValueError(
                    f"transfer plan: at step {step} the teacher drives while the student's own "
                    "actions are reinforced; reinforcement must wait until teacher_control is 0"
                )

    @property
    def needs_teacher(self) -> bool:
        """Whether there is anything to take from a teacher."""
        return self.initialization != "none" or self.trainable == "none" or self.imitates

    @property
    def imitates(self) -> bool:
        """Whether the teacher is asked during training."""
        schedules = (self.imitation, self.teacher_control)
        return any(value > 0 for schedule in schedules for _, value in schedule.points)


PLANS: dict[str, TransferPlan] = {
    "scratch": TransferPlan("learns from nothing, by reinforcement alone"),
    "zero_shot": TransferPlan(
        "the teacher's policy in the student's body, untrained",
        initialization="all",
        trainable="none",
        reinforcement=constant(0.0),
    ),
    "finetune": TransferPlan(
        "all weights that align are copied, then trained",
        initialization="all",
    ),
    "frozen": TransferPlan(
        "the trunk is copied as a fixed feature extractor under a new last layer",
        initialization="trunk",
        trainable="head",
    ),
    "last_layer": TransferPlan(
        "all weights are copied, the last layer alone is trained",
        initialization="all",
        trainable="head",
    ),
    "distill": TransferPlan(
        "a new network imitates the teacher on the states that the teacher visits",
        teacher_control=constant(1.0),
        imitation=constant(1.0),
        remember=True,
        reinforcement=constant(0.0),
        source="Rusu et al. 2015, Policy Distillation",
    ),
    "dagger": TransferPlan(
        "a new network imitates the teacher on the states that it reaches itself",
        teacher_control=Schedule(((0, 1.0), (16_384, 0.0))),
        imitation=constant(1.0),
        remember=True,
        reinforcement=constant(0.0),
        source="Ross et al. 2011, A Reduction of Imitation Learning to No-Regret Online Learning",
    ),
    "kickstart": TransferPlan(
        "a new network is reinforced while its distance to the teacher weighs less and less",
        imitation=Schedule(((0, 2.0), (150_000, 0.0))),
        source="Schmitt et al. 2018, Kickstarting Deep Reinforcement Learning",
    ),
    "reuse_kickstart": TransferPlan(
        "all weights that align are copied, then trained as in kickstarting",
        initialization="all",
        imitation=Schedule(((0, 0.3), (20_000, 0.0))),
    ),
}


def find_plan(method: str, plans: Mapping[str, TransferPlan] = PLANS) -> TransferPlan:
    """The plan called ``method``.

    Raises:
        ValueError: If there is none of that name.
    """
    if method not in plans:
        raise ValueError(unknown("method", method, plans))
    return plans[method]
