"""Everything the command line does, as a few functions."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.arena import Arena
from agents.bundle import Bundle, load_bundle
from agents.evaluation import evaluate as play
from agents.evaluation import summarize
from agents.processes import workers_for
from agents.settings import settle
from envs.robot import Robot
from simtransfer.deployment import Deployment
from simtransfer.experiment import student_network
from simtransfer.files import read_json
from simtransfer.initialization import TensorReport
from simtransfer.plan import PLANS, TransferPlan, find_plan
from simtransfer.run import Run
from simtransfer.run_config import RunConfig


@dataclass(frozen=True)
class Student:
    """What training gives back.

    Attributes:
        bundle: The policy, ready to be saved with `agents.bundle.save_bundle`.
        model: The Stable-Baselines3 algorithm; give it worlds (``set_env``) to train it further.
            None where ``output`` held the finished run already.
        curve: A row per evaluation and suite, see `agents.evaluation.summarize`.
        transferred: What happened to each tensor.
    """

    bundle: Bundle
    model: BaseAlgorithm | None
    curve: pd.DataFrame
    transferred: tuple[TensorReport, ...]


def load(bundle: str | Path) -> Bundle:
    """A shipped policy by name, or one by the path of its folder; runs no code from it.

    Raises:
        ValueError: If there is none, or it is damaged.
    """
    return load_bundle(bundle)


def train(
    robot: str | Path | Robot, *, output: Path | None = None, workers: int = 1, **settings: object
) -> Student:
    """Train from scratch.

    Args:
        robot: A name, the path of a ``robot.toml``, or a `Robot`.
        output: Folder of the run, from which a killed training goes on. Default: a temporary one.
        workers: Processes that step the worlds; 1 is this process. Changes no result.
        **settings: Other fields of `simtransfer.run_config.RunConfig`; of ``ppo``, only what
            differs from the task's own, as a dictionary.
    """
    task = str(settings.get("task", RunConfig.task))
    config = RunConfig(robot=_name(robot), **_settled(task, settings))  # type: ignore[arg-type]
    return _execute(config, output, workers)


def transfer(
    teacher: str | Path,
    robot: str | Path | Robot,
    plan: str | TransferPlan = "finetune",
    *,
    output: Path | None = None,
    workers: int = 1,
    **settings: object,
) -> Student:
    """Move a teacher's policy to another robot.

    Args:
        teacher: A shipped bundle's name or a bundle's folder.
        robot: The student.
        plan: A name of `simtransfer.plan.PLANS`, or a plan of your own.
        output: Folder of the run. Default: a temporary one.
        workers: As in `train`.
        **settings: Other fields of `simtransfer.run_config.RunConfig`: ``steps``, ``seed``, …
    """
    known = load_bundle(teacher)
    if isinstance(plan, str):
        method, chosen = plan, find_plan(plan)
    else:
        method = next((name for name, row in PLANS.items() if row == plan), "custom")
        chosen = plan
    config = RunConfig(
        task=known.task,
        robot=_name(robot),
        method=method,
        plan=chosen,
        teacher=str(teacher) if chosen.needs_teacher else None,
        network=student_network(known, None),
    )
    changed = replace(config, **_settled(known.task, settings))  # type: ignore[arg-type]
    return _execute(changed, output, workers)


def evaluate(
    policy: str | Path | Bundle | Student,
    robot: str | Path | Robot | None = None,
    *,
    suite: str = "mixed",
    episodes: int = 200,
    randomization: str = "nominal",
    simulator: str = "pybullet",
    workers: int = 1,
) -> pd.DataFrame:
    """Success, return and what else the task tells, on fixed episodes.

    Args:
        policy: A bundle, its name or folder, or a `Student`.
        robot: Whom it drives. Default: the robot it was trained on.
        suite: Scenario suite.
        episodes: How many of the suite's fixed list.
        randomization: A key of `envs.randomization.RANDOMIZATIONS`, or a file of terms.
        simulator: ``pybullet``, or ``mujoco``: a world that nobody learned in.
        workers: As in `train`.

    Returns:
        One row: ``suite, episodes, success_rate, return_mean`` and the task's own measures.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    bundle = policy.bundle if isinstance(policy, Student) else policy
    deployed = Deployment(bundle, robot, randomization=randomization, simulator=simulator)
    with Arena(deployed.make, min(workers_for(workers), episodes)) as worlds:
        return summarize(play(deployed.act, worlds, {suite: episodes}))


def _settled(task: str, settings: dict[str, object]) -> dict[str, object]:
    """With all of the task's hyperparameters, of which ``ppo`` may name those that differ."""
    given = settings.get("ppo", {})
    return settings | {"ppo": settle(task, given) if isinstance(given, dict) else given}  # type: ignore[arg-type]


def _name(robot: str | Path | Robot) -> str:
    return str(robot.source) if isinstance(robot, Robot) else str(robot)


def _execute(config: RunConfig, output: Path | None, workers: int) -> Student:
    if config.plan.trainable == "none":
        raise ValueError(f"{config.method} trains nothing: evaluate the teacher on the student")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(output or temporary)
        run = Run(config, folder, workers=workers)
        trained = run.execute()
        bundle = run.trained()
        rows = read_json(folder / "transfer.json")
        curve = pd.read_parquet(folder / "curve.parquet")
    report = tuple(TensorReport(**row) for row in rows)
    return Student(bundle, run.learner.algorithm if trained else None, curve, report)
