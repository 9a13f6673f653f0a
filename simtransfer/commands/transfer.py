"""``simtransfer transfer``: a teacher's policy moved to another robot, as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from agents.bundle import load_bundle
from agents.settings import AS_TUNED, PPOChanges, settle
from envs import find_robot
from simtransfer.commands.options import SetOfTerms
from simtransfer.commands.single import train_once
from simtransfer.experiment import student_network
from simtransfer.plan import find_plan
from simtransfer.run_config import RunConfig
from simtransfer.schedule import Schedule


def transfer(
    teacher: Annotated[str, tyro.conf.Positional],
    /,
    robot: str,
    method: str = "finetune",
    steps: int = 100_000,
    seed: int = 0,
    randomization: SetOfTerms = "nominal",
    schedule: Schedule = Schedule(),
    evaluation: str = "nominal",
    simulator: str = "pybullet",
    interval: int = 20_480,
    renewal: int = 1,
    episodes: int = 50,
    final_episodes: int = 200,
    hidden: tuple[int, ...] | None = None,
    ppo: PPOChanges = AS_TUNED,
    workers: int | None = None,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Move a teacher's policy to another robot, and say what was copied, aligned, new and frozen.

    Args:
        teacher: A shipped bundle's name or a bundle's folder.
        robot: The student: a robot's name or the path of a robot.toml.
        method: The transfer plan.
        steps: Environment steps.
        seed: Of networks and training episodes.
        randomization: Of training; a key of `envs.randomization.RANDOMIZATIONS`.
        schedule: How much of its ranges training draws from, and when.
        evaluation: Randomization of evaluations.
        simulator: The engine of training and evaluations: pybullet, or mujoco.
        interval: Steps between evaluations.
        renewal: Evaluations until worlds begin anew, which is where a killed run goes on from.
        episodes: Episodes of each evaluation.
        final_episodes: Episodes of every suite in the last evaluation.
        hidden: Widths of the student's hidden layers. Default: the teacher's.
        ppo: What differs from the task's hyperparameters.
        workers: Processes that step the worlds. Default: the number of cores.
        output: Folder of the run. Default: runs/<task>-<robot>-<method>-<seed>.
        json: Print JSON instead of tables.
    """
    bundle = load_bundle(teacher)
    plan = find_plan(method)
    config = RunConfig(
        task=bundle.task,
        robot=robot,
        method=method,
        plan=plan,
        teacher=teacher if plan.needs_teacher else None,
        seed=seed,
        steps=steps,
        interval=interval,
        renewal=renewal,
        episodes=episodes,
        final_episodes=final_episodes,
        randomization=randomization,
        schedule=schedule,
        evaluation=evaluation,
        simulator=simulator,
        network=student_network(bundle, hidden),
        ppo=settle(bundle.task, ppo),
    )
    default = Path("runs") / f"{bundle.task}-{find_robot(robot).name}-{method}-{seed}"
    train_once(config, output or default, json, workers)
