"""Transfer plans: every method is a row of the same few knobs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from envs.interface import unknown
from envs.tables import settle_types, shown


@dataclass(frozen=True)
class Schedule:
    """A value over a training: linear between points, constant outside them.

    Attributes:
        points: Pairs of a fraction of the run's budget, from 0 (its start) to 1 (its end), and a
            value; fractions rising. So a plan means the same in a short run and in a long one.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse an empty or unordered schedule, and one in environment steps."""
        try:
            points = tuple((float(fraction), float(value)) for fraction, value in self.points)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(
                f"schedule {shown(self.points)}: expected pairs of a fraction and a value, "
                "such as ((0.0, 1.0), (0.5, 0.0))"
            ) from None
        object.__setattr__(self, "points", points)
        fractions = [fraction for fraction, _ in self.points]
        if not fractions or fractions != sorted(set(fractions)):
            raise ValueError(f"schedule {self.points}: give points at rising fractions")
        for fraction in fractions:
            if not 0.0 <= fraction <= 1.0:
                raise ValueError(
                    f"schedule {self.points}: points are at fractions of the run's budget, from 0 "
                    f"to 1, got {fraction:g}; step 20,000 of 100,000 is 0.2"
                )

    def at(self, fraction: float) -> float:
        """The value at ``fraction`` of the run's budget."""
        (last_place, last), *rest = self.points
        if fraction <= last_place:
            return last
        for place, value in rest:
            if fraction < place:
                share = (fraction - last_place) / (place - last_place)
                return last + share * (value - last)
            last_place, last = place, value
        return last

    @property
    def changes(self) -> bool:
        """Whether the value depends on how far the training is."""
        return len({value for _, value in self.points}) > 1


def constant(value: float) -> Schedule:
    """A schedule that does not change."""
    return Schedule(((0.0, value),))


@dataclass(frozen=True)
class TransferPlan:
    """How what a teacher knows reaches a student.

    Attributes:
        summary: One line for people.
        initialization: Which teacher weights are copied: ``none``, ``trunk`` (hidden layers), or
            ``all`` (the last layer and the critic too), each as far as it aligns by name.
        trainable: Which of the actor's layers learn: ``all``, ``head`` or ``none``.
        teacher_control: Share of worlds that the teacher drives, over the run.
        imitation: Weight of the squared distance to the teacher's action, over the run.
        remember: Whether imitation also learns from all states seen before (dataset aggregation).
        reinforcement: Weight of the reinforcement-learning loss of the actor, over the run.
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
        settle_types(self, "transfer plan: ")
        for what in ("teacher_control", "imitation", "reinforcement"):
            if not isinstance(schedule := getattr(self, what), Schedule):
                raise ValueError(
                    f"transfer plan: {what}: expected a Schedule, such as constant(1.0), "
                    f"got {shown(schedule)}"
                )
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
        if not all(value <= 1.0 for _, value in self.teacher_control.points):
            raise ValueError("transfer plan: teacher_control is a share of worlds, at most 1")
        both = (self.teacher_control, self.reinforcement)
        places = sorted({place for schedule in both for place, _ in schedule.points})
        between = [(a + b) / 2 for a, b in pairwise(places)]
        for place in (*places, *between):
            if self.teacher_control.at(place) > 0 and self.reinforcement.at(place) > 0:
                raise ValueError(
                    f"transfer plan: at {place:g} of the budget the teacher drives while the "
                    "student's own actions are reinforced; reinforcement must wait until "
                    "teacher_control is 0"
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

    @property
    def changes(self) -> bool:
        """Whether what the plan does depends on how far a training is."""
        schedules = (self.teacher_control, self.imitation, self.reinforcement)
        return any(schedule.changes for schedule in schedules)


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
        teacher_control=Schedule(((0.0, 1.0), (0.16, 0.0))),
        imitation=constant(1.0),
        remember=True,
        reinforcement=constant(0.0),
        source="Ross et al. 2011, A Reduction of Imitation Learning to No-Regret Online Learning",
    ),
    "kickstart": TransferPlan(
        "a new network is reinforced while its distance to the teacher weighs less and less",
        imitation=Schedule(((0.0, 2.0), (1.0, 0.0))),
        source="Schmitt et al. 2018, Kickstarting Deep Reinforcement Learning",
    ),
    "reuse_kickstart": TransferPlan(
        "all weights that align are copied, then trained as in kickstarting",
        initialization="all",
        imitation=Schedule(((0.0, 0.3), (0.2, 0.0))),
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


def name_plan(plan: TransferPlan, called: str = "") -> str:
    """What a plan is called: the name that it has in `PLANS`, or a name of the user's own.

    Args:
        plan: The plan.
        called: The name that it is to have; empty to look it up.

    Returns:
        The name; ``custom`` for a plan that has none.

    Raises:
        ValueError: If ``called`` is the name of another plan, or this plan has another name.
    """
    names = [name for name, row in PLANS.items() if row == plan]
    if not called:
        return names[0] if names else "custom"
    if called in names or not (names or called in PLANS):
        return called
    raise ValueError(
        f"method {called!r} is not the plan given, which is {names[0] if names else 'custom'!r}; "
        "give one of the two, or both of one name"
    )
