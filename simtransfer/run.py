"""One run: one method, one seed, in a folder that says all about it and from which it resumes."""

from __future__ import annotations

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
from agents.processes import form, workers_for
from agents.sac import SACLearner
from agents.worlds import Worlds
from envs import control_rate, find_robot, make_environment
from envs.catalogue import interface_of
from envs.randomization_file import find_randomization
from simtransfer.deployment import robot_of
from simtransfer.files import claim_folder, load_state, locked, read_json, save_state, write_json
from simtransfer.footprint import require_memory
from simtransfer.imitation import TeacherDrives
from simtransfer.initialization import FittedHead, refuse_other_shape, report
from simtransfer.measured_curve import MeasuredCurve
from simtransfer.measured_ranges import MeasuredRanges
from simtransfer.recorded_config import completed, differences, moved, said, settled
from simtransfer.run_config import RunConfig
from simtransfer.run_records import is_finished
from simtransfer.schedule import Drawn
from simtransfer.segments import Segments
from simtransfer.teaching import Teaching, teach
from simtransfer.training_figures import TrainingFigures
from simtransfer.versions import versions

CHECKPOINT = "checkpoint.safetensors"


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
        self._command, self._workers = command, workers_for(workers)
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
        self._count = (
            config.sac.worlds if config.algorithm == "sac" else config.hyperparameters.worlds
        )
        self.segments = Segments.of(config)
        self._curve = MeasuredCurve(config, self.folder / "curve.parquet")
        self._whole = find_randomization(config.randomization)
        self._ranges = config.schedule.begin(self._whole, self.segments.budget)
        self._widths = MeasuredRanges(self._ranges, self.folder / "ranges.parquet")

    def make(self, randomization: str) -> Make:
        """What makes the environments of this run."""
        engine = self.config.simulator
        made = partial(make_environment, self.config.task, self.robot, simulator=engine)
        return partial(made, randomization=randomization, privileged=True)

    def is_done(self) -> bool:
        """Whether the folder holds this run, finished; not if it is to be trained for longer.

        Raises:
            ValueError: If it holds a run with another configuration, which is named.
        """
        file, done = self.folder / "config.json", is_finished(self.folder)
        if not file.exists():
            return done
        there, here = completed(read_json(file)), self._record()
        same = moved(there, here)
        differing = [row for row in differences(there, here) if row[0] not in same]
        if not differing:
            return done
        fixed = ""
        key, trained, asked = differing[0]
        if len(differing) == 1 and key == "steps" and isinstance(trained, int) and asked > trained:
            fixed = self._why_not_longer(trained if done else 0)
            if not fixed:
                return False
        raise ValueError(
            f"{self.folder}: holds a run with another configuration: {said(differing)}"
            f"{fixed}; remove it, or write to another --output"
        )

    def _why_not_longer(self, finished: int) -> str:
        """What keeps a run in the folder from being trained for more steps; empty if nothing.

        Args:
            finished: Steps after which it was finished, if it was.
        """
        if self.config.plan.changes:
            return f" (it cannot be extended: {self.config.method}'s schedules span the budget)"
        if self.config.schedule.kind == "curriculum":
            return " (it cannot be extended: its curriculum spans the budget)"
        kept = (self.folder / CHECKPOINT).exists()
        # One that was shorter than that is trained from its beginning.
        if finished >= self.config.renewal * self.segments.interval and not kept:
            return " (it cannot be extended: it is finished, and kept no checkpoint)"
        return ""

    def _record(self) -> dict[str, Any]:
        """The configuration, and what the names in it stood for."""
        teacher = self.teacher.digest if self.teacher else None
        digests = {"robot": self.robot.digest, "teacher": teacher, **self.config.files}
        return settled(self.config) | {"digests": digests}

    def execute(self) -> bool:
        """Train, or go on, to the end; does nothing where that has been done.

        Returns:
            Whether there was anything to do.

        Raises:
            ValueError: If the folder holds another run, or another process is writing there.
        """
        if self.is_done():
            return False
        require_memory(self.config, self._workers)
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
        segments, file = self.segments, self.folder / CHECKPOINT
        kept = load_state(file) if file.exists() else None
        fitted = _below("fitted.", kept[0]) if kept else {}
        known = fitted.keys() == {"weights", "explained"}
        self._build(FittedHead(**fitted) if known else None)
        segment = self._resume(*kept) if kept else 0
        (self.folder / "done.json").unlink(missing_ok=True)  # of a run that is to train for longer
        write_json(self._record(), self.folder / "config.json")
        if not self._curve.holds(segments.start(segment)):  # or was about to, when killed
            self._evaluate(segment)
        while segment < segments.count:
            began = time.perf_counter()
            self._train(segment)
            segment += 1
            self._curve.seconds += time.perf_counter() - began
            self._evaluate(segment)
            if segment % self.config.renewal == 0 and segments.is_whole(segment - 1):
                self._save(segment)
        self._finish()

    def _build(self, fitted: FittedHead | None = None) -> None:
        """Make the learner and give it what the teacher knows."""
        config = self.config
        self._drawn: Drawn = (self._whole, (), 0.0)  # as worlds are made
        worlds = self._training
        self.interface = worlds.interface
        logger = Logger(None, [TrainingFigures(self.folder / "tensorboard")])
        self.learner: Learner
        if config.algorithm == "sac":
            self.learner = SACLearner(
                worlds, self.interface, config.network, config.sac, seed=config.seed, logger=logger
            )
            self._taught = Teaching(transferred=report(self.learner.tensors(), {}, ()))
        else:
            learner = self.learner = PPOLearner(
                worlds,
                self.interface,
                config.network,
                config.hyperparameters,
                seed=config.seed,
                logger=logger,
                mirror=worlds.group.spaces.mirror,
            )
            self._taught = teach(learner, config, self.teacher, self.robot, self.interface, fitted)
        rows = [asdict(row) for row in self._taught.transferred]
        write_json(rows, self.folder / "transfer.json")

    def _train(self, segment: int) -> None:
        self._curve.pause()
        begun = self._begin(segment) if segment % self.config.renewal == 0 else None
        plan, driven = self.config.plan, self._driven

        def share(step: int) -> float:
            return step / self.segments.budget

        def before(step: int) -> None:
            self._curve.pause()  # as many processes as there are cores step worlds now
            self._widen(step)
            if isinstance(self.learner, PPOLearner):
                self.learner.algorithm.actor_weight = plan.reinforcement.at(share(step))
            if self._taught.imitation and driven:
                self._taught.imitation.weight = plan.imitation.at(share(step))
                driven.share = plan.teacher_control.at(share(step))
            self._tell(step)

        def after() -> None:
            self._curve.go_on()
            if driven:
                driven.show()

        self.learner.learn(begun, self.segments.steps(segment), before, after)

    def _begin(self, segment: int) -> VecEnv:
        """Worlds that begin anew, and generators with them."""
        # Stable-Baselines3 draws minibatches from NumPy's global generator, actions from torch's.
        word = int(np.random.SeedSequence([self.config.seed, segment, 1]).generate_state(1)[0])
        np.random.seed(word)  # noqa: NPY002
        torch.manual_seed(word)
        self.learner.algorithm.action_space.seed(word)
        words = np.random.SeedSequence([self.config.seed, segment])
        self._widen(self.segments.start(segment))  # before worlds draw what lasts
        self._training.begin(words.generate_state(self._count).tolist())
        self._driven: TeacherDrives | None = None
        if self._taught.imitation and self._taught.view:
            self._driven = TeacherDrives(
                self._training, self._taught.view.act, self._taught.imitation
            )
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
        self._on_progress(Progress(step, self.segments.budget, self._curve.latest))

    def _act(self) -> Act:
        if self.config.plan.trainable == "none" and self._taught.view:
            return self._taught.view.act
        return self.learner.actor().act

    def _evaluate(self, segment: int) -> None:
        """Begin the curve's next point; after the last segment, results of every suite too."""
        step, last = self.segments.start(segment), segment == self.segments.count
        self._curve.begin(step, self._act(), self._arena, last)
        self._widths.keep(step)
        self._tell(step)

    def _save(self, segment: int) -> None:
        tensors = {f"learner.{k}": v for k, v in self.learner.state().items()}
        tensors |= {f"ranges.{k}": v for k, v in self._ranges.state().items()}
        if self._taught.imitation:
            tensors["states"] = self._taught.imitation.states
            tensors["answers"] = self._taught.imitation.answers
        if fitted := self._taught.fitted:
            tensors |= {"fitted.weights": fitted.weights, "fitted.explained": fitted.explained}
        about = {"segment": str(segment), **self._curve.state(), **self._widths.state()}
        save_state(tensors, about, self.folder / CHECKPOINT)

    def _resume(self, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> int:
        """Restore a checkpoint; returns the segment to continue with."""
        try:
            learned = _below("learner.", tensors)
            self.learner.restore(learned)
            self._ranges.restore(_below("ranges.", tensors))
            if self._taught.imitation:
                self._taught.imitation.states = tensors["states"]
                self._taught.imitation.answers = tensors["answers"]
            self._curve.restore(about, end=self.segments.budget)
            self._widths.restore(about)
            segment = int(about["segment"])
            if not 0 <= segment <= self.segments.count:
                raise ValueError(f"segment {segment} of {self.segments.count}")
            if self.learner.steps != self.segments.start(segment):
                raise ValueError(f"{self.learner.steps} steps after segment {segment}")
            if not all(torch.isfinite(tensor).all() for tensor in learned.values()):
                raise ValueError("NaN or infinity among what was learned")
            return segment
        # Whatever a damaged checkpoint makes its readers raise, the user's remedy is the same.
        except Exception:
            raise ValueError(
                f"{self.folder / CHECKPOINT}: is not a checkpoint of this run; "
                "remove it to begin again"
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
                    "config": settled(config),
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
        remembers = config.plan.remember or config.algorithm == "sac"  # which is large
        if remembers or self._why_not_longer(0):
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
