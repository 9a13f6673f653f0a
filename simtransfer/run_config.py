"""All that determines a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypedDict, cast

from agents.bundle import Network
from agents.evaluation import MOST_EPISODES
from agents.settings import PPOChanges, PPOSettings, SACSettings, settle
from envs.catalogue import SIMULATORS, find_robot, is_made_for
from envs.interface import unknown
from envs.randomization import Term
from envs.randomization_file import digest, find_randomization, is_file
from envs.tables import LARGEST, settle_types, shown
from simtransfer.plan import TransferPlan, find_plan, name_plan
from simtransfer.schedule import Schedule

ALGORITHMS = ("ppo", "sac")
NOT_YET = cast(Any, None)  # until the other of method and plan is known
NESTED = {"plan": TransferPlan, "schedule": Schedule, "network": Network, "sac": SACSettings}


@dataclass(frozen=True)
class RunConfig:
    """All that determines a run.

    Attributes:
        task: The task.
        robot: The student's robot.
        method: The plan's name, one of `simtransfer.plan.PLANS`. Default: what the plan is called,
            ``custom`` if it is in no table; ``scratch`` without one.
        plan: How the teacher's knowledge is used. Default: the method's.
        teacher: The teacher's bundle, by name or path.
        seed: Of networks and training episodes; shared by the methods that are compared.
        steps: Environment steps, rounded up to whole rollouts.
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
        ppo: Hyperparameters of PPO: all of them, or a dictionary of those that differ from the
            task's own, which `hyperparameters` completes.
        sac: Hyperparameters of SAC.
    """

    task: str = "driving"
    robot: str = "hatchback"
    method: str = ""
    plan: TransferPlan = NOT_YET
    teacher: str | None = None
    seed: int = 0
    steps: int = 1_024_000
    interval: int = 102_400
    renewal: int = 1
    episodes: int = 50
    final_episodes: int = 200
    randomization: str = "nominal"
    schedule: Schedule = Schedule()
    evaluation: str = "nominal"
    simulator: str = "pybullet"
    network: Network = Network()
    algorithm: str = "ppo"
    ppo: PPOSettings | PPOChanges = field(default_factory=PPOChanges)
    sac: SACSettings = SACSettings()

    def __post_init__(self) -> None:
        """Settle what follows from what is given; refuse figures that no run can have."""
        settle_types(self, "")
        if self.plan is NOT_YET:
            object.__setattr__(self, "plan", find_plan(self.method or "scratch"))
        for name, kind in NESTED.items():
            if not isinstance(getattr(self, name), kind):
                given = shown(getattr(self, name))
                raise ValueError(f"{name}: expected a {kind.__name__}, got {given}")
        if not isinstance(self.ppo, PPOSettings | dict):
            raise ValueError(f"ppo: expected PPOSettings or a dictionary, got {shown(self.ppo)}")
        object.__setattr__(self, "method", name_plan(self.plan, self.method))
        _ = self.hyperparameters
        for name in ("steps", "interval", "renewal", "episodes", "final_episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {shown(getattr(self, name))}")
            if getattr(self, name) >= LARGEST:
                raise ValueError(f"{name} must be below 2**63, got {shown(getattr(self, name))}")
        if (most := max(self.episodes, self.final_episodes)) > MOST_EPISODES:
            raise ValueError(f"episodes must be at most {MOST_EPISODES:,}, got {shown(most)}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must not be negative nor above 4294967295, got {self.seed}")
        if self.algorithm not in ALGORITHMS:
            raise ValueError(unknown("algorithm", self.algorithm, ALGORITHMS))
        if self.algorithm == "sac" and self.plan.needs_teacher:
            raise ValueError(f"method {self.method!r} trains with ppo; sac trains from scratch")
        if self.plan.needs_teacher and self.teacher is None:
            raise ValueError(f"method {self.method!r} needs a teacher: give a bundle")
        if self.teacher is not None and not self.plan.needs_teacher:
            raise ValueError(f"method {self.method!r} takes nothing from a teacher: give none")
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
    def hyperparameters(self) -> PPOSettings:
        """PPO's, all of them."""
        return self.ppo if isinstance(self.ppo, PPOSettings) else settle(self.task, self.ppo)

    @property
    def files(self) -> dict[str, str]:
        """Fingerprints of the randomizations that are told by files, which may change."""
        told = {key: getattr(self, key) for key in ("randomization", "evaluation")}
        return {k: digest(find_randomization(name)) for k, name in told.items() if is_file(name)}

    def resolved(self) -> dict[str, Any]:
        """All settings as they are in records, with all of the task's hyperparameters."""
        return asdict(self) | {"ppo": asdict(self.hyperparameters)}


class TrainingSettings(TypedDict, total=False):
    """Fields of `RunConfig` that both `simtransfer.train` and `simtransfer.transfer` take."""

    seed: int
    steps: int
    interval: int
    renewal: int
    episodes: int
    final_episodes: int
    randomization: str
    schedule: Schedule
    evaluation: str
    simulator: str
    ppo: PPOSettings | PPOChanges


class ScratchSettings(TrainingSettings, total=False):
    """Those that `simtransfer.train` takes."""

    task: str
    network: Network
    algorithm: str
    sac: SACSettings


TRANSFER: TrainingSettings = {"steps": 102_400, "interval": 20_480}  # less than from scratch


def refuse_unknown(
    function: str,
    settings: Mapping[str, object],
    known: Collection[str],
    derived: Mapping[str, str],
) -> None:
    """Refuse keyword arguments that a function does not take.

    Args:
        function: Its name.
        settings: The arguments.
        known: Names of those that it takes.
        derived: What it does not take because it follows from something else, and from what.

    Raises:
        TypeError: For the first that it does not take, with the nearest that it does.
    """
    for name in settings:
        if name in derived:
            raise TypeError(f"{function}() takes no {name!r}: {derived[name]}")
        if name not in known:
            raise TypeError(f"{function}(): {unknown('setting', name, known)}")
