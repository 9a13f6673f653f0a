"""``simtransfer transfer``: a teacher's policy moved to another robot, as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from agents.bundle import load_bundle
from agents.settings import AS_TUNED, PPOChanges
from envs import find_robot
from simtransfer.commands.options import TrainingRandomization
from simtransfer.commands.single import train_once
from simtransfer.experiment import student_network
from simtransfer.plan import find_plan
from simtransfer.run_config import TRANSFER, RunConfig
from simtransfer.schedule import Schedule


def transfer(
    teacher: Annotated[str, tyro.conf.Positional],
    /,
    robot: str,
    method: str = "finetune",
    steps: int = TRANSFER["steps"],
    seed: int = RunConfig.seed,
    randomization: TrainingRandomization = RunConfig.randomization,
    schedule: Schedule = RunConfig.schedule,
    evaluation: str = RunConfig.evaluation,
    simulator: str = RunConfig.simulator,
    interval: int = TRANSFER["interval"],
    renewal: int = RunConfig.renewal,
    episodes: int = RunConfig.episodes,
    final_episodes: int = RunConfig.final_episodes,
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
        steps: Environment steps, rounded up to whole rollouts. A finished training whose method
            has no schedule is trained further by the same command with more steps.
        seed: Of networks and training episodes.
        randomization: Domain randomization of training.
        schedule: How much of its ranges training draws from, and when.
        evaluation: Domain randomization of evaluations: a set's name or a file of terms.
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
        ppo=ppo,
    )
    default = Path("runs") / f"{bundle.task}-{find_robot(robot).name}-{method}-{seed}"
    train_once(config, output or default, json, workers)
