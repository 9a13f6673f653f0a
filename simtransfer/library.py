"""Everything the command line does, as a few functions."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.arena import Arena
from agents.bundle import Bundle, load_bundle
from agents.evaluation import evaluate as play
from agents.evaluation import summarize
from agents.processes import workers_for
from envs import find_robot
from envs.robot import Robot
from envs.tables import checked, shown
from simtransfer.deployment import Deployment
from simtransfer.experiment import student_network
from simtransfer.initialization import TensorReport
from simtransfer.plan import TransferPlan, find_plan
from simtransfer.run import Run
from simtransfer.run_config import (
    TRANSFER,
    RunConfig,
    ScratchSettings,
    TrainingSettings,
    refuse_unknown,
)
from simtransfer.run_records import read_finished_curve, read_transfer

if TYPE_CHECKING:
    from typing_extensions import Unpack

FROM_SCRATCH = "it trains from scratch; use simtransfer.transfer"


@dataclass(frozen=True)
class Student:
    """What training gives back.

    Attributes:
        bundle: The policy, ready to be saved with `agents.bundle.save_bundle`.
        model: The Stable-Baselines3 algorithm; give it worlds (``set_env``) to train it further.
            None where ``output`` held the finished run already.
        curve: A row per evaluation and suite, see `agents.evaluation.summarize`.
        transferred: What happened to each tensor.
        robot: The robot that it was trained on.
    """

    bundle: Bundle
    model: BaseAlgorithm | None
    curve: pd.DataFrame
    transferred: tuple[TensorReport, ...]
    robot: Robot


def load(bundle: str | Path) -> Bundle:
    """A shipped policy by name, or one by the path of its folder; runs no code from it.

    Raises:
        ValueError: If there is none, or it is damaged.
    """
    return load_bundle(bundle)


def train(
    robot: str | Path | Robot = RunConfig.robot,
    *,
    output: Path | None = None,
    workers: int | None = 1,
    **settings: Unpack[ScratchSettings],
) -> Student:
    """Train from scratch.

    Args:
        robot: A name, the path of a ``robot.toml``, or a `Robot`.
        output: Folder of the run, from which a killed training goes on. Default: a temporary one.
        workers: Processes that step the environments; 1 is this process, None one for each core,
            as on the command line. Changes no result.
        **settings: Other settings of the run, with the command line's names and defaults:
            ``task``, ``steps``, ``seed``, ``interval``, ``renewal``, ``episodes``,
            ``final_episodes``, ``randomization``, ``schedule``, ``evaluation``, ``simulator``,
            ``network``, ``algorithm``, ``ppo`` (what differs from the task's own, as a dictionary)
            and ``sac``. See `simtransfer.run_config.RunConfig`.

    Raises:
        TypeError: For a setting that there is not, with the nearest that there is.
        ValueError: For a value that cannot be, before anything is trained.
    """
    derived = dict.fromkeys(("method", "plan", "teacher"), FROM_SCRATCH)
    known = (*ScratchSettings.__annotations__, "robot", "output", "workers")
    refuse_unknown("train", settings, known, derived)
    return _execute(RunConfig(robot=_name(robot), **settings), output, workers)


def transfer(
    teacher: str | Path,
    robot: str | Path | Robot,
    plan: str | TransferPlan | None = None,
    *,
    method: str | TransferPlan | None = None,
    hidden: tuple[int, ...] | None = None,
    output: Path | None = None,
    workers: int | None = 1,
    **settings: Unpack[TrainingSettings],
) -> Student:
    """Move a teacher's policy to another robot.

    Args:
        teacher: A shipped bundle's name or a bundle's folder.
        robot: The student.
        plan: The same as ``method``, which is the command line's word.
        method: A name of `simtransfer.plan.PLANS`, or a `TransferPlan` of your own. Default:
            ``finetune``.
        hidden: Widths of the student's hidden layers. Default: the teacher's.
        output: Folder of the run. Default: a temporary one.
        workers: As in `train`.
        **settings: Other settings of the run, with the command line's names and defaults:
            ``steps``, ``seed``, ``interval``, ``renewal``, ``episodes``, ``final_episodes``,
            ``randomization``, ``schedule``, ``evaluation``, ``simulator`` and ``ppo`` (what
            differs from the task's own, as a dictionary). See
            `simtransfer.run_config.RunConfig`.

    Raises:
        TypeError: For a setting that there is not, with the nearest that there is; for both a
            method and a plan.
        ValueError: For a value that cannot be, before anything is trained.
    """
    refuse_unknown(
        "transfer",
        settings,
        (*TrainingSettings.__annotations__, "method", "plan", "hidden", "output", "workers"),
        {
            "task": "it is the teacher's",
            "network": "it is the teacher's; give hidden=… for other widths",
            "algorithm": "students are trained by PPO",
            "sac": "students are trained by PPO",
        },
    )
    if plan is not None and method is not None:
        raise TypeError("transfer(): method and plan are two words for one thing; give one of them")
    chosen = method if method is not None else plan if plan is not None else "finetune"
    named, chosen = (chosen, find_plan(chosen)) if isinstance(chosen, str) else ("", chosen)
    if not isinstance(chosen, TransferPlan):
        raise ValueError(f"method: expected a name or a TransferPlan, got {shown(chosen)}")
    if not isinstance(teacher, str | Path):
        raise ValueError(
            f"teacher: expected a bundle's name or folder, got {type(teacher).__name__}; "
            "save a bundle with agents.bundle.save_bundle first, so that the run can be repeated"
        )
    known = load_bundle(teacher)
    changed: TrainingSettings = {**TRANSFER, **settings}
    config = RunConfig(
        task=known.task,
        robot=_name(robot),
        method=named,
        plan=chosen,
        teacher=str(teacher) if chosen.needs_teacher else None,
        network=student_network(known, hidden),
        **changed,
    )
    return _execute(config, output, workers)


def evaluate(
    policy: str | Path | Bundle | Student,
    robot: str | Path | Robot | None = None,
    *,
    suite: str = "mixed",
    episodes: int = 200,
    randomization: str = "nominal",
    simulator: str = "pybullet",
    workers: int | None = 1,
) -> pd.DataFrame:
    """Success, return and what else the task tells, on fixed episodes.

    Args:
        policy: A bundle, its name or folder, or a `Student`.
        robot: Robot to use it on: a name, a path, or a `Robot`. Default: the robot that it was
            trained on.
        suite: Scenario suite.
        episodes: How many of the suite's fixed list.
        randomization: A key of `envs.randomization.RANDOMIZATIONS`, or a file of terms.
        simulator: ``pybullet``, or ``mujoco``: a world that nobody learned in.
        workers: As in `train`.

    Returns:
        One row: ``suite, episodes, success_rate, return_mean`` and the task's own measures.
    """
    if checked(episodes, "int", "episodes") < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    student = policy if isinstance(policy, Student) else None
    deployed = Deployment(
        policy.bundle if isinstance(policy, Student) else policy,
        robot,
        randomization=randomization,
        simulator=simulator,
        trained_on=student.robot if student else None,
    )
    with Arena(deployed.make, min(workers_for(workers), episodes)) as worlds:
        return summarize(play(deployed.act, worlds, {suite: episodes}))


def _name(robot: str | Path | Robot) -> str:
    """What a run's record calls a robot."""
    if not isinstance(robot, Robot):
        find_robot(robot)  # or it is refused
        return str(robot)
    if find_robot(robot.source).digest != robot.digest:
        raise ValueError(
            f"robot {robot.name!r} is not what its file says ({robot.source}); "
            "write what was changed to a robot.toml, so that the run can be repeated"
        )
    return str(robot.source)


def _execute(config: RunConfig, output: Path | None, workers: int | None) -> Student:
    if config.plan.trainable == "none":
        raise ValueError(f"{config.method} trains nothing: evaluate the teacher on the student")
    if output is not None and not (isinstance(output, str | Path) and str(output)):
        raise ValueError(f"output: expected a folder, got {shown(output)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary if output is None else output)
        run = Run(config, folder, workers=workers_for(workers))
        trained = run.execute()
        bundle = run.trained()
        rows = read_transfer(folder)
        curve = read_finished_curve(folder)
    report = tuple(TensorReport(**vars(row)) for row in rows)
    return Student(bundle, run.learner.algorithm if trained else None, curve, report, run.robot)
