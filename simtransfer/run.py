"""One run: one method, one seed, in a folder that says all about it and from which it resumes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from agents.actor import Act
from agents.arena import Arena
from agents.bundle import Bundle, lineage, load_bundle, require_limits, save_bundle
from agents.group import Make
from agents.learner import Learner, PPOLearner
from agents.processes import form
from agents.sac import SACLearner
from agents.worlds import Worlds
from envs import control_rate, find_robot, make_environment
from envs.catalogue import interface_of
from envs.randomization_file import find_randomization
from simtransfer.deployment import robot_of
from simtransfer.files import (
    claim_folder,
    load_state,
    locked,
    plain,
    read_json,
    save_state,
    write_json,
)
from simtransfer.imitation import Imitation, TeacherDrives
from simtransfer.initialization import (
    TensorReport,
    freeze,
    initialize,
    refuse_other_shape,
    report,
)
from simtransfer.measured_curve import MeasuredCurve
from simtransfer.measured_ranges import MeasuredRanges
from simtransfer.recollection import recollect
from simtransfer.run_config import RunConfig, completed
from simtransfer.run_identity import without_places
from simtransfer.run_records import is_finished
from simtransfer.schedule import Drawn
from simtransfer.training_figures import TrainingFigures
from simtransfer.versions import versions
from simtransfer.view import TeacherView

CHECKPOINT = "checkpoint.safetensors"
ASKEW = "left and right differ, so what is learned on one side is not on the other"


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        steps: Environment steps trained.
        total: Steps it will train.
        success_rate: The last evaluation's that has ended; NaN before the first.
    """

    steps: int
    total: int
    success_rate: float


class Run:
    """Training in segments, each from an evaluation to the next.

    Where worlds begin anew, at every `RunConfig.renewal`-th segment, what follows depends on
    nothing but the weights, the seed and the segment's number: worlds keep no memory of earlier
    episodes, and generators are seeded. So a run that was killed and goes on from there ends with
    the same curve, to the bit, as one that was not.

    Args:
        config: What is run.
        folder: Where its records are kept.
        on_progress: Told how far it is.
        command: How to make it again, for the record.
        workers: Processes that step the worlds; 1 is this one. Changes no result.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        command: str = "",
        workers: int = 1,
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers}")
        self._command, self._workers = command, workers
        self.config, self.folder, self._on_progress = config, Path(folder), on_progress
        self.robot = find_robot(config.robot)
        self.teacher = load_bundle(config.teacher) if config.teacher is not None else None
        if self.teacher:
            if self.teacher.task != config.task:
                raise ValueError(
                    f"bundle {config.teacher}: trained for {self.teacher.task!r}, "
                    f"not for {config.task!r}; choose a teacher of the same task"
                )
            refuse_other_shape(config.network, self.teacher, config.plan)
            if config.plan.needs_teacher and not (self.folder / "done.json").exists():
                robot_of(self.teacher, self.robot)  # or it is refused, before any work
        require_limits(config.network, interface_of(config.task, self.robot))
        sac = config.algorithm == "sac"
        self._count = config.sac.worlds if sac else config.ppo.worlds
        rollout = self._count if sac else self._count * config.ppo.rollout
        self._segment_steps = math.ceil(config.interval / rollout) * rollout
        self._segments = math.ceil(config.steps / self._segment_steps)
        if config.plan.trainable == "none":
            self._segments = 0
        self._budget = self._segments * self._segment_steps
        self._curve = MeasuredCurve(config, self.folder / "curve.parquet")
        self._whole = find_randomization(config.randomization)
        self._ranges = config.schedule.begin(self._whole, self._budget)
        self._widths = MeasuredRanges(self._ranges, self.folder / "ranges.parquet")

    def make(self, randomization: str) -> Make:
        """What makes the environments of this run."""
        engine = self.config.simulator
        made = partial(make_environment, self.config.task, self.robot, simulator=engine)
        return partial(made, randomization=randomization, privileged=True)

    def is_done(self) -> bool:
        """Whether the folder holds this run, finished.

        Raises:
            ValueError: If it holds a run with another configuration.
        """
        record = self.folder / "config.json"
        there = completed(read_json(record)) if record.exists() else None
        if record.exists() and without_places(there) != without_places(plain(self._record())):
            raise ValueError(
                f"{self.folder}: holds a run with another configuration; "
                "remove it, or write to another --output"
            )
        return is_finished(self.folder)

    def _record(self) -> dict[str, Any]:
        """The configuration, and what the names in it stood for."""
        teacher = self.teacher.digest if self.teacher else None
        digests = {"robot": self.robot.digest, "teacher": teacher, **self.config.files}
        return asdict(self.config) | {"digests": digests}

    def execute(self) -> bool:
        """Train, or go on, to the end; does nothing where that has been done.

        Returns:
            Whether there was anything to do.

        Raises:
            ValueError: If the folder holds another run, or another process is writing there.
        """
        if self.is_done():
            return False
        torch.set_num_threads(1)  # a network this small gains nothing from more
        claim_folder(self.folder)
        with locked(self.folder, patience=30.0):  # an orphan of a killed comparison soon notices
            if self.is_done():
                return False
            # Making a world takes longer than playing an episode: they are made once.
            train, judge = self.config.randomization, self.config.evaluation
            group = form(self.make(train), self._count, self._workers)
            self._training = Worlds(group, on_episode=self._hear)
            try:
                with Arena(self.make(judge), self._workers) as self._arena:
                    self._work()
            finally:
                self._training.close()
        return True

    def _work(self) -> None:
        self._build()
        write_json(self._record(), self.folder / "config.json")
        segment = self._resume()
        if not self._curve.holds(segment * self._segment_steps):  # or was about to, when killed
            self._evaluate(segment)
        while segment < self._segments:
            began = time.perf_counter()
            self._train(segment)
            segment += 1
            self._curve.seconds += time.perf_counter() - began
            self._evaluate(segment)
            if segment % self.config.renewal == 0 or segment == self._segments:
                self._save(segment)
        self._finish()

    def _build(self) -> None:
        """Make the learner and give it what the teacher knows."""
        config = self.config
        self._drawn: Drawn = (self._whole, (), 0.0)  # as worlds are made
        worlds = self._training
        self.interface = worlds.interface
        logger = Logger(None, [TrainingFigures(self.folder / "tensorboard")])
        self._imitation: Imitation | None = None
        self._view: TeacherView | None = None
        self.learner: Learner
        if config.algorithm == "sac":
            self.learner = SACLearner(
                worlds, self.interface, config.network, config.sac, seed=config.seed, logger=logger
            )
            self._note(report(self.learner.tensors(), {}, ()))
        else:
            learner = PPOLearner(
                worlds,
                self.interface,
                config.network,
                config.ppo,
                budget=self._budget,
                seed=config.seed,
                logger=logger,
                mirror=worlds.group.spaces.mirror,
            )
            self.learner = learner
            self._transfer(learner)

    def _transfer(self, learner: PPOLearner) -> None:
        plan, policy = self.config.plan, learner.policy
        taken: dict[str, tuple[str, str]] = {}
        if self.teacher and plan.needs_teacher:
            own = robot_of(self.teacher, self.robot)
            self._view = TeacherView(self.teacher, own, self.robot, self.interface)
            if plan.initialization != "none" and plan.trainable != "none":
                states = recollect(self.teacher, own, self.config.randomization)
                taken = initialize(policy, self.teacher, self._view, plan, states)
                if not learner.check_symmetry():
                    taken = {
                        name: (status, "; ".join(filter(None, (how, ASKEW))))
                        for name, (status, how) in taken.items()
                    }
                if "critic.head.weight" in taken:
                    learner.algorithm.critic_first = 0  # it knows enough not to lead astray
            if plan.imitates:
                self._imitation = Imitation(policy, self._view.act, remember=plan.remember)
                learner.algorithm.auxiliary = self._imitation
        if plan.exploration is not None:
            with torch.no_grad():
                policy.log_std.fill_(math.log(plan.exploration))
            taken["log_std"] = ("new", f"the plan's exploration, {plan.exploration:g}")
        if "actor.head.weight" not in taken:
            learner.algorithm.warm_up = 0  # a new actor has nothing to lose
        self._note(report(policy.named_tensors(), taken, freeze(policy, plan.trainable)))

    def _note(self, transferred: tuple[TensorReport, ...]) -> None:
        write_json([asdict(row) for row in transferred], self.folder / "transfer.json")

    def _train(self, segment: int) -> None:
        self._curve.pause()
        begun = self._begin(segment) if segment % self.config.renewal == 0 else None
        plan, driven = self.config.plan, self._driven

        def before(step: int) -> None:
            self._curve.pause()  # as many processes as there are cores step worlds now
            self._widen(step)
            if isinstance(self.learner, PPOLearner):
                self.learner.algorithm.actor_weight = plan.reinforcement.at(step)
            if self._imitation and driven:
                self._imitation.weight = plan.imitation.at(step)
                driven.share = plan.teacher_control.at(step)
            self._tell(step)

        def after() -> None:
            self._curve.go_on()
            if driven:
                driven.show()

        self.learner.learn(begun, self._segment_steps, before, after)

    def _begin(self, segment: int) -> VecEnv:
        """Worlds that begin anew, and generators with them."""
        # Stable-Baselines3 draws minibatches from NumPy's global generator, actions from torch's.
        word = int(np.random.SeedSequence([self.config.seed, segment, 1]).generate_state(1)[0])
        np.random.seed(word)  # noqa: NPY002
        torch.manual_seed(word)
        self.learner.algorithm.action_space.seed(word)
        words = np.random.SeedSequence([self.config.seed, segment])
        self._widen(segment * self._segment_steps)  # before worlds draw what lasts
        self._training.begin(words.generate_state(self._count).tolist())
        self._driven: TeacherDrives | None = None
        if self._imitation and self._view:
            self._driven = TeacherDrives(self._training, self._view.act, self._imitation)
        return self._driven or self._training

    def _widen(self, step: int) -> None:
        """Tell worlds what to draw from, where that has changed."""
        if (drawn := self._ranges.drawn(step)) != self._drawn:
            self._drawn = drawn
            self._training.env_method("randomize", *drawn)

    def _hear(self, world: int, info: Mapping[str, Any]) -> None:
        """Take note of an episode's end, unless the teacher drove."""
        if not self._driven or world >= self._driven.count:
            self._ranges.tell(info)

    def _tell(self, step: int) -> None:
        self._on_progress(Progress(step, self._budget, self._curve.latest))

    def _act(self) -> Act:
        if self.config.plan.trainable == "none" and self._view:
            return self._view.act
        return self.learner.actor().act

    def _evaluate(self, segment: int) -> None:
        """Begin the curve's next point; after the last segment, results of every suite too."""
        step, last = segment * self._segment_steps, segment == self._segments
        self._curve.begin(step, self._act(), self._arena, last)
        self._widths.keep(step)
        self._tell(step)

    def _save(self, segment: int) -> None:
        tensors = {f"learner.{k}": v for k, v in self.learner.state().items()}
        tensors |= {f"ranges.{k}": v for k, v in self._ranges.state().items()}
        if self._imitation:
            tensors["states"] = self._imitation.states
            tensors["answers"] = self._imitation.answers
        about = {"segment": str(segment), **self._curve.state(), **self._widths.state()}
        save_state(tensors, about, self.folder / CHECKPOINT)

    def _resume(self) -> int:
        """Take up the checkpoint, if there is one; returns the segment to go on with."""
        file = self.folder / CHECKPOINT
        if not file.exists():
            return 0
        tensors, about = load_state(file)
        try:
            learned = _below("learner.", tensors)
            self.learner.restore(learned)
            self._ranges.restore(_below("ranges.", tensors))
            if self._imitation:
                self._imitation.states = tensors["states"]
                self._imitation.answers = tensors["answers"]
            self._curve.restore(about)
            self._widths.restore(about)
            segment = int(about["segment"])
            if not 0 <= segment <= self._segments:
                raise ValueError(f"segment {segment} of {self._segments}")
            if self.learner.steps != segment * self._segment_steps:
                raise ValueError(f"{self.learner.steps} steps after segment {segment}")
            if not all(torch.isfinite(tensor).all() for tensor in learned.values()):
                raise ValueError("NaN or infinity among what was learned")
            return segment
        # Whatever a damaged checkpoint makes its readers raise, the user's remedy is the same.
        except Exception:
            raise ValueError(
                f"{file}: is not a checkpoint of this run; remove it to begin again"
            ) from None

    def _finish(self) -> None:
        config = self.config
        if config.plan.trainable != "none":
            bundle = Bundle(
                task=config.task,
                robot=self.robot.name,
                robot_digest=self.robot.digest,
                control_rate=control_rate(config.task),
                network=replace(config.network, squash=config.algorithm == "sac"),
                reads=self.interface.group("deployable"),
                judges=self.interface.observation if config.algorithm == "ppo" else (),
                acts=self.interface.action,
                tensors=self.learner.tensors(),
                provenance={
                    "command": self._command,
                    "config": asdict(config),
                    "steps": self.learner.steps,
                    "hours": self._curve.seconds / 3600,
                    "teachers": lineage(self.teacher) if self.teacher else [],
                    "versions": versions(),
                    "measured": self._curve.measured.to_dict("records"),
                },
            )
            save_bundle(bundle, self.bundle)
        done = {
            "steps": self.learner.steps,
            "seconds": self._curve.seconds,
            "measured": self._curve.measured.to_dict("records"),
            "evaluations": self._curve.evaluations,
        }
        write_json(done, self.folder / "done.json")
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    @property
    def bundle(self) -> Path:
        """Where the trained policy is; a plan that trains nothing leaves none."""
        return self.folder / "bundle"

    def trained(self) -> Bundle:
        """The trained policy.

        Raises:
            ValueError: If it is damaged, or was removed after the run was finished.
        """
        if not self.bundle.exists():
            raise ValueError(
                f"{self.bundle}: is missing though the run is finished; "
                f"remove {self.folder} to begin again"
            )
        return load_bundle(self.bundle)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose names begin so, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
