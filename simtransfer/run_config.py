"""All that determines a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, cast

from agents.bundle import Network
from agents.settings import PPOSettings, SACSettings, settle
from envs.catalogue import SIMULATORS, find_robot, is_made_for
from envs.interface import unknown
from envs.randomization import Term
from envs.randomization_file import digest, find_randomization, is_file
from envs.tables import LARGEST, shown
from simtransfer.files import plain
from simtransfer.plan import PLANS, TransferPlan
from simtransfer.schedule import Schedule

ALGORITHMS = ("ppo", "sac")


@dataclass(frozen=True)
class RunConfig:
    """All that determines a run.

    Attributes:
        task: The task.
        robot: The student's robot.
        method: The plan's name.
        plan: How the teacher's knowledge is used.
        teacher: The teacher's bundle, by name or path.
        seed: Of networks and training episodes; shared by the methods that are compared.
        steps: Environment steps.
        interval: Steps between evaluations.
        renewal: Evaluations until worlds begin anew, which is where a killed run goes on from.
            Until then a world should have time for several episodes.
        episodes: Episodes of the training suite in each evaluation.
        final_episodes: Episodes of every suite in the last evaluation.
        randomization: Of training: a set's name or a file of terms.
        schedule: How much of its ranges training draws from, and when.
        evaluation: Randomization of evaluations: the world that the policy is meant for.
        simulator: The engine of training and evaluations.
        network: Shape of the student's networks.
        algorithm: ``ppo``, or ``sac`` (from scratch only: plans extend PPO's loss).
        ppo: Hyperparameters of PPO. Default: the task's own.
        sac: Hyperparameters of SAC.
    """

    task: str = "driving"
    robot: str = "hatchback"
    method: str = "scratch"
    plan: TransferPlan = field(default_factory=lambda: PLANS["scratch"])
    teacher: str | None = None
    seed: int = 0
    steps: int = 400_000
    interval: int = 20_480
    renewal: int = 1
    episodes: int = 50
    final_episodes: int = 50
    randomization: str = "nominal"
    schedule: Schedule = Schedule()
    evaluation: str = "nominal"
    simulator: str = "pybullet"
    network: Network = Network()
    algorithm: str = "ppo"
    ppo: PPOSettings = cast(PPOSettings, None)  # until the task is known
    sac: SACSettings = SACSettings()

    def __post_init__(self) -> None:
        """Refuse figures that no run can have."""
        if self.ppo is None:
            object.__setattr__(self, "ppo", settle(self.task, {}))
        for name in ("steps", "interval", "renewal", "episodes", "final_episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {shown(getattr(self, name))}")
            if getattr(self, name) >= LARGEST:
                raise ValueError(f"{name} must be below 2**63, got {shown(getattr(self, name))}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must not be negative nor above 4294967295, got {self.seed}")
        if self.algorithm not in ALGORITHMS:
            raise ValueError(unknown("algorithm", self.algorithm, ALGORITHMS))
        if self.algorithm == "sac" and self.plan.needs_teacher:
            raise ValueError(f"method {self.method!r} trains with ppo; sac trains from scratch")
        if self.plan.needs_teacher and self.teacher is None:
            raise ValueError(f"method {self.method!r} needs a teacher: give a bundle")
        terms = find_randomization(self.randomization)
        if self.schedule.kind != "fixed" and not any(isinstance(term, Term) for term in terms):
            raise ValueError(
                f"schedule.kind: {self.schedule.kind!r} has no range to move in randomization "
                f"{self.randomization!r}; choose another randomization, or 'fixed'"
            )
        find_randomization(self.evaluation)
        if self.simulator not in SIMULATORS:
            raise ValueError(unknown("simulator", self.simulator, SIMULATORS))
        robot = find_robot(self.robot)
        if not is_made_for(robot, self.task):
            made = ", ".join(robot.tasks)
            raise ValueError(f"robot {robot.name!r} is made for {made}, not for {self.task!r}")

    @property
    def files(self) -> dict[str, str]:
        """Fingerprints of the randomizations that are told by files, which may change."""
        told = {key: getattr(self, key) for key in ("randomization", "evaluation")}
        return {k: digest(find_randomization(name)) for k, name in told.items() if is_file(name)}


def completed(record: Any) -> Any:
    """A run's record in which settings that there were not yet have their defaults."""
    if not isinstance(record, dict):
        return record
    whole = plain(asdict(RunConfig())) | record
    for name, defaults in (("ppo", PPOSettings()), ("sac", SACSettings())):
        if isinstance(whole[name], dict):
            whole[name] = asdict(defaults) | whole[name]
    return whole
