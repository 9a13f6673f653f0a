"""An experiment: students × methods × seeds, each a run in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from agents.bundle import Bundle, Network, lineage, load_bundle
from agents.settings import PPOChanges, settle
from envs import curve_suite, find_robot
from envs.tables import settle_types, shown
from simtransfer.files import write_json
from simtransfer.names import require_name
from simtransfer.plan import find_plan
from simtransfer.pool import RunNews, execute_runs
from simtransfer.run_config import RunConfig
from simtransfer.schedule import Schedule
from simtransfer.transfer_metrics import BASELINE
from simtransfer.versions import versions

MOST_SEEDS = 10_000  # each is a training; more is a typing error
ATTEMPTS = 3  # a worker that dies (killed, out of memory) is started again so many times


@dataclass(frozen=True)
class ExperimentConfig:
    """What is compared.

    Attributes:
        name: Of the experiment, for people.
        task: The task.
        teacher: The teacher's bundle, by name or path.
        students: Robots to transfer to.
        methods: Transfer plans; ``scratch`` is the baseline.
        seeds: How many seeds; the same ones for every method.
        steps: Environment steps of each run, rounded up to whole rollouts; as many as training from
            scratch needs to converge.
        interval: Steps between evaluations.
        renewal: Evaluations until worlds begin anew; see `RunConfig.renewal`.
        episodes: Episodes of each evaluation.
        final_episodes: Episodes of each suite in the last evaluation.
        randomization: Of training.
        schedule: How much of its ranges training draws from, and when.
        evaluation: Randomization of evaluations: the world that the policy is meant for.
        simulator: The engine of training and evaluations: pybullet, or mujoco.
        hidden: Widths of the students' hidden layers. Default: the teacher's.
        ppo: What differs from the task's hyperparameters; the same for all methods.
    """

    name: str = "comparison"
    task: str = "driving"
    teacher: str = "hatchback-driving"
    students: tuple[str, ...] = ("van", "skid_steer", "trike")
    methods: tuple[str, ...] = ("scratch", "zero_shot", "finetune")
    seeds: int = 5
    steps: int = 262_144
    interval: int = 8_192
    renewal: int = 1
    episodes: int = 50
    final_episodes: int = 50
    randomization: str = "nominal"
    schedule: Schedule = Schedule()
    evaluation: str = "nominal"
    simulator: str = "pybullet"
    hidden: tuple[int, ...] | None = None
    ppo: PPOChanges = field(default_factory=PPOChanges)

    def __post_init__(self) -> None:
        """Refuse an experiment that compares nothing, or has no name that can be written."""
        settle_types(self, "")
        require_name(self.name, "name")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise ValueError(
                f"seeds must be at least 1, at most {MOST_SEEDS}, got {shown(self.seeds)}"
            )
        if not self.students or not self.methods:
            raise ValueError("name at least one student and one method")
        students = tuple(find_robot(student).name for student in self.students)
        for method in self.methods:
            find_plan(method)
        settle(self.task, self.ppo)
        if BASELINE not in self.methods:
            raise ValueError(f"methods: add {BASELINE!r}, which the others are compared with")
        for what, names in (("student", students), ("method", self.methods)):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{what} {min(twice)!r} is named twice")

    def runs(self) -> Iterator[tuple[str, RunConfig]]:
        """Every run's place below the experiment's folder and its configuration.

        Seeds come first, so that a comparison which is stopped early is still paired.
        """
        network = student_network(load_bundle(self.teacher), self.hidden)
        ppo = settle(self.task, self.ppo)
        for seed in range(self.seeds):
            for student in self.students:
                robot = find_robot(student)
                for method in self.methods:
                    plan = find_plan(method)
                    config = RunConfig(
                        task=self.task,
                        robot=student,
                        method=method,
                        plan=plan,
                        teacher=self.teacher if plan.needs_teacher else None,
                        seed=seed,
                        steps=self.steps,
                        interval=self.interval,
                        renewal=self.renewal,
                        episodes=self.episodes,
                        final_episodes=self.final_episodes,
                        randomization=self.randomization,
                        schedule=self.schedule,
                        evaluation=self.evaluation,
                        simulator=self.simulator,
                        network=network,
                        ppo=ppo,
                    )
                    yield f"runs/{robot.name}/{method}/seed-{seed}", config


def student_network(teacher: Bundle, hidden: tuple[int, ...] | None) -> Network:
    """The teacher's shape, which weights can be copied into, or one with ``hidden`` layers.

    Raises:
        ValueError: If these are no widths.
    """
    network = replace(teacher.network, squash=False)
    if hidden is not None and not isinstance(hidden, tuple | list):
        raise ValueError(f"hidden: expected widths such as (64, 64), got {shown(hidden)}")
    return (
        replace(network, hidden=tuple(hidden), critic_hidden=tuple(hidden)) if hidden else network
    )


def execute(
    config: ExperimentConfig,
    folder: Path,
    *,
    workers: int | None = None,
    command: str = "",
    on_news: Callable[[RunNews], None] = lambda news: None,
) -> None:
    """Do every run that is not done yet, one on each core at a time.

    Args:
        config: What is compared.
        folder: Where records are kept; what is there already is not done again.
        workers: Processes at a time. Default: the number of cores.
        command: How to make it again, for the record.
        on_news: Told how runs proceed.

    Raises:
        ValueError: If the folder holds runs made otherwise, or is being written by another process.
        RuntimeError: If a run keeps failing.
    """

    def describe() -> None:
        write_json(_describe(config, command), Path(folder) / "experiment.json")

    execute_runs(dict(config.runs()), folder, workers=workers, on_news=on_news, checked=describe)


def _sum(trainings: list[dict[str, Any]], what: str) -> float | None:
    """What all of them took, or None if one does not tell."""
    if not all(what in training for training in trainings):
        return None
    total: float = sum(training[what] for training in trainings)
    return total


def _describe(config: ExperimentConfig, command: str) -> dict[str, Any]:
    teacher = load_bundle(config.teacher)
    measured = {row["suite"]: row for row in teacher.provenance.get("measured", [])}
    suite = measured.get(curve_suite(config.task), {})
    return {
        "name": config.name,
        "task": config.task,
        "teacher": {
            "name": Path(config.teacher).name,
            "robot": teacher.robot,
            "steps": _sum(lineage(teacher), "steps"),
            "hours": _sum(lineage(teacher), "hours"),
            "success_rate": suite.get("success_rate"),
        },
        "students": [find_robot(student).name for student in config.students],
        "methods": list(config.methods),
        "seeds": list(range(config.seeds)),
        "steps": config.steps,
        "evaluation_interval": config.interval,
        "command": command,
        "versions": versions(),
        "config": asdict(config) | {"ppo": asdict(settle(config.task, config.ppo))},
    }
