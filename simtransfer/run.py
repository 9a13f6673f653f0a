"""One run: one method, one seed, in a folder that says all about it and from which it resumes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from stable_baselines3.common.logger import Logger, configure
from stable_baselines3.common.vec_env import VecEnv

from agents.bundle import Bundle, Network, load_bundle, save_bundle
from agents.evaluation import evaluate, summarize
from agents.learner import Learner, PPOLearner
from agents.sac import SACLearner
from agents.settings import PPOSettings, SACSettings
from agents.worlds import Worlds
from envs import control_rate, find_robot, make_environment, suites, training_suite
from envs.environment import Environment
from envs.interface import unknown
from simtransfer.alignment import SPEED
from simtransfer.deployment import robot_of
from simtransfer.files import load_state, plain, read_json, save_state, write_json, write_table
from simtransfer.imitation import Imitation, TeacherDrives
from simtransfer.initialization import TensorReport, freeze, initialize, report
from simtransfer.plan import PLANS, TransferPlan
from simtransfer.versions import versions
from simtransfer.view import TeacherView

ALGORITHMS = ("ppo", "sac")
CHECKPOINT = "checkpoint.safetensors"


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
        interval: Steps between evaluations, where a killed run goes on from.
        episodes: Episodes of the training suite in each evaluation.
        final_episodes: Episodes of every suite in the last evaluation.
        randomization: Of training and evaluation.
        network: Shape of the student's networks.
        algorithm: ``ppo``, or ``sac`` (from scratch only: plans extend PPO's loss).
        ppo: Hyperparameters of PPO.
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
    episodes: int = 50
    final_episodes: int = 50
    randomization: str = "nominal"
    network: Network = Network()
    algorithm: str = "ppo"
    ppo: PPOSettings = PPOSettings()
    sac: SACSettings = SACSettings()

    def __post_init__(self) -> None:
        """Refuse figures that no run can have."""
        for name in ("steps", "interval", "episodes", "final_episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if self.algorithm not in ALGORITHMS:
            raise ValueError(unknown("algorithm", self.algorithm, ALGORITHMS))
        if self.algorithm == "sac" and self.plan.needs_teacher:
            raise ValueError(f"method {self.method!r} trains with ppo; sac trains from scratch")
        if self.plan.needs_teacher and self.teacher is None:
            raise ValueError(f"method {self.method!r} needs a teacher: give a bundle")


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        steps: Environment steps trained.
        total: Steps it will train.
        success_rate: The last evaluation's.
    """

    steps: int
    total: int
    success_rate: float


def refuse_other_run(config: RunConfig, folder: Path) -> None:
    """Refuse a folder that holds a run made otherwise.

    Raises:
        ValueError: If it does.
    """
    record = folder / "config.json"
    if record.exists() and read_json(record) != plain(asdict(config)):
        raise ValueError(
            f"{folder}: holds a run with another configuration; "
            "remove it, or write to another --output"
        )


class Run:
    """Training in segments, each from an evaluation to the next.

    A segment depends on nothing but the weights it starts with, the seed and its number: worlds are
    made anew and generators seeded for each. So a run that was killed and goes on from its last
    evaluation ends with the same curve, to the bit, as one that was not.

    Args:
        config: What is run.
        folder: Where its records are kept.
        on_progress: Told how far it is.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self.config, self.folder, self._on_progress = config, Path(folder), on_progress
        self.robot = find_robot(config.robot)
        self.teacher = load_bundle(config.teacher) if config.teacher is not None else None
        if self.teacher and self.teacher.task != config.task:
            raise ValueError(
                f"bundle {config.teacher}: trained for {self.teacher.task!r}, "
                f"not for {config.task!r}; choose a teacher of the same task"
            )
        sac = config.algorithm == "sac"
        self._count = config.sac.worlds if sac else config.ppo.worlds
        rollout = self._count if sac else self._count * config.ppo.rollout
        self._segment_steps = math.ceil(config.interval / rollout) * rollout
        self._segments = math.ceil(config.steps / self._segment_steps)
        if config.plan.trainable == "none":
            self._segments = 0
        self._rows: list[pd.DataFrame] = []
        self._seconds = 0.0

    def make(self, suite: str | None = None) -> Environment:
        """An environment of this run."""
        return make_environment(
            self.config.task,
            self.robot,
            randomization=self.config.randomization,
            suite=suite,
            privileged=True,
        )

    def execute(self) -> Path:
        """Train, or go on, to the end; returns the folder of the resulting bundle."""
        torch.set_num_threads(1)  # a network this small gains nothing from more
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(asdict(self.config), self.folder / "config.json")
        self._build()
        segment = self._resume()
        if segment == 0:
            self._evaluate(0, self._segments == 0)
        while segment < self._segments:
            began = time.perf_counter()
            self._train(segment)
            segment += 1
            self._seconds += time.perf_counter() - began
            self._evaluate(segment, segment == self._segments)
            self._save(segment)
        return self._finish()

    def _build(self) -> None:
        """Make the learner and give it what the teacher knows."""
        config = self.config
        worlds = self._worlds(0)
        self.interface = worlds.worlds[0].interface
        logger: Logger = configure(str(self.folder / "tensorboard"), ["tensorboard"])
        self._imitation: Imitation | None = None
        self._view: TeacherView | None = None
        self.learner: Learner
        if config.algorithm == "sac":
            self.learner = SACLearner(
                worlds, self.interface, config.network, config.sac, seed=config.seed, logger=logger
            )
            self._note(report(self.learner.tensors(), {}, ()))
        else:
            budget = self._segments * self._segment_steps
            learner = PPOLearner(
                worlds,
                self.interface,
                config.network,
                config.ppo,
                budget=budget,
                seed=config.seed,
                logger=logger,
            )
            self.learner = learner
            self._transfer(learner)
        worlds.close()

    def _transfer(self, learner: PPOLearner) -> None:
        plan, policy = self.config.plan, learner.policy
        taken: dict[str, tuple[str, str]] = {}
        if self.teacher and plan.needs_teacher:
            own = robot_of(self.teacher)
            self._view = TeacherView(self.teacher, own, self.robot, self.interface)
            taken = initialize(policy, self.teacher, self._view, plan)
            if plan.imitates:
                self._imitation = Imitation(policy, self._view.act, remember=plan.remember)
                learner.algorithm.auxiliary = self._imitation
        if plan.exploration is not None:
            with torch.no_grad():
                policy.log_std.fill_(math.log(plan.exploration))
            taken["log_std"] = ("new", f"the plan's exploration, {plan.exploration:g}")
        self._note(report(policy.named_tensors(), taken, freeze(policy, plan.trainable)))

    def _note(self, transferred: tuple[TensorReport, ...]) -> None:
        write_json([asdict(row) for row in transferred], self.folder / "transfer.json")

    def _worlds(self, segment: int) -> Worlds:
        words = np.random.SeedSequence([self.config.seed, segment])
        seeds = words.generate_state(self._count).tolist()
        return Worlds(self.make, seeds)

    def _train(self, segment: int) -> None:
        # Stable-Baselines3 draws minibatches from NumPy's global generator, actions from torch's.
        np.random.seed(self.config.seed * 10_007 + segment)  # noqa: NPY002
        torch.manual_seed(self.config.seed * 10_007 + segment)
        self.learner.algorithm.action_space.seed(self.config.seed * 10_007 + segment)
        inner = self._worlds(segment)
        worlds: VecEnv = inner
        if self._imitation and self._view:
            worlds = TeacherDrives(inner, self._view.act, self._imitation)
        plan = self.config.plan

        def before(step: int) -> None:
            if isinstance(self.learner, PPOLearner):
                self.learner.algorithm.actor_weight = plan.reinforcement.at(step)
            if self._imitation and isinstance(worlds, TeacherDrives):
                self._imitation.weight = plan.imitation.at(step)
                worlds.share = plan.teacher_control.at(step)
            self._tell(step)

        def after() -> None:
            if isinstance(worlds, TeacherDrives):
                worlds.show()

        try:
            self.learner.learn(worlds, self._segment_steps, before, after)
        finally:
            inner.close()

    def _tell(self, step: int) -> None:
        total = self._segments * self._segment_steps
        last = float(self._rows[-1]["success_rate"].iloc[0]) if self._rows else math.nan
        self._on_progress(Progress(step, total, last))

    def _evaluate(self, segment: int, last: bool) -> None:
        config = self.config
        act = self.learner.actor().act
        if config.plan.trainable == "none" and self._view:
            act = self._view.act  # exact, where the student's network is the nearest affine one
        episodes = {training_suite(config.task): config.episodes}
        if last:
            episodes |= dict.fromkeys(suites(config.task), config.final_episodes)
        table = summarize(evaluate(act, self.make, episodes))
        table.insert(0, "step", segment * self._segment_steps)
        table["wall_seconds"] = self._seconds
        self._rows.append(table)
        write_table(pd.concat(self._rows, ignore_index=True), self.folder / "curve.parquet")
        self._tell(segment * self._segment_steps)

    def _save(self, segment: int) -> None:
        tensors = {f"learner.{k}": v for k, v in self.learner.state().items()}
        if self._imitation:
            tensors["states"] = self._imitation.states
            tensors["answers"] = self._imitation.answers
        rows = pd.concat(self._rows, ignore_index=True).to_json(
            orient="records", double_precision=15
        )
        about = {"segment": str(segment), "seconds": repr(self._seconds), "rows": rows}
        save_state(tensors, about, self.folder / CHECKPOINT)

    def _resume(self) -> int:
        """Take up the checkpoint, if there is one; returns the segment to go on with."""
        file = self.folder / CHECKPOINT
        if not file.exists():
            return 0
        tensors, about = load_state(file)
        prefix = "learner."
        self.learner.restore(
            {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        )
        if self._imitation:
            self._imitation.states = tensors["states"]
            self._imitation.answers = tensors["answers"]
        self._seconds = float(about["seconds"])
        self._rows = [pd.DataFrame(json.loads(about["rows"]))]
        return int(about["segment"])

    def _finish(self) -> Path:
        curve = pd.concat(self._rows, ignore_index=True)
        last = curve[curve["step"] == curve["step"].max()]
        bundle = Bundle(
            task=self.config.task,
            robot=self.robot.name,
            control_rate=control_rate(self.config.task),
            network=replace(self.config.network, squash=self.config.algorithm == "sac"),
            reads=self.interface.group("deployable"),
            judges=self.interface.observation if self.config.algorithm == "ppo" else (),
            acts=self.interface.action,
            tensors=self.learner.tensors(),
            provenance={
                "config": asdict(self.config),
                "steps": self.learner.steps,
                "hours": self._seconds / 3600,
                "versions": versions(),
                "measured": json.loads(last.to_json(orient="records")),
                "actions": self._usual_actions(),
            },
        )
        folder = save_bundle(bundle, self.folder / "bundle")
        write_json(
            {"steps": self.learner.steps, "seconds": self._seconds}, self.folder / "done.json"
        )
        (self.folder / CHECKPOINT).unlink(missing_ok=True)
        return folder

    def _usual_actions(self) -> dict[str, Any]:
        """Mean and deviation of the policy's actions, and its speed, over some episodes.

        A student's first weights are the affine map that is best where the teacher usually acts.
        """
        seen: list[NDArray[np.float32]] = []
        done: list[NDArray[np.float32]] = []
        act = self.learner.actor().act

        def watched(observations: NDArray[np.float32]) -> NDArray[np.float32]:
            actions = act(observations)
            seen.append(observations)
            done.append(actions)
            return actions

        evaluate(watched, self.make, {training_suite(self.config.task): 20})
        actions = np.concatenate(done)
        speed = np.concatenate(seen)[:, self.interface.indices([SPEED])[0]]
        return {
            "mean": actions.mean(axis=0).tolist(),
            "std": actions.std(axis=0).tolist(),
            "speed": float(speed.mean()),
        }
