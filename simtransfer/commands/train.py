"""``simtransfer train``: a policy from scratch, as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from agents.bundle import Network
from agents.settings import AS_TUNED, PPOChanges, SACSettings
from envs import find_robot
from simtransfer.commands.options import TrainingRandomization
from simtransfer.commands.single import train_once
from simtransfer.run_config import RunConfig
from simtransfer.schedule import Schedule


def train(
    task: str = RunConfig.task,
    robot: str = RunConfig.robot,
    steps: int = RunConfig.steps,
    seed: int = RunConfig.seed,
    randomization: TrainingRandomization = RunConfig.randomization,
    schedule: Schedule = RunConfig.schedule,
    evaluation: str = RunConfig.evaluation,
    simulator: str = RunConfig.simulator,
    interval: int = RunConfig.interval,
    renewal: int = RunConfig.renewal,
    episodes: int = RunConfig.episodes,
    final_episodes: int = RunConfig.final_episodes,
    network: Network = RunConfig.network,
    algorithm: Literal["ppo", "sac"] = "ppo",
    ppo: PPOChanges = AS_TUNED,
    sac: SACSettings = RunConfig.sac,
    workers: int | None = None,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Train a policy from scratch. A killed training goes on when it is started again.

    Args:
        task: The task.
        robot: A robot's name or the path of a robot.toml.
        steps: Environment steps, rounded up to whole rollouts. A finished training is trained
            further by the same command with more steps.
        seed: Of networks and training episodes.
        randomization: Domain randomization of training.
        schedule: How much of its ranges training draws from, and when.
        evaluation: Domain randomization of evaluations: a set's name or a file of terms.
        simulator: The engine of training and evaluations: pybullet, or mujoco.
        interval: Steps between evaluations.
        renewal: Evaluations until worlds begin anew, which is where a killed run goes on from.
        episodes: Episodes of each evaluation.
        final_episodes: Episodes of every suite in the last evaluation.
        network: Shape of the networks.
        algorithm: PPO or SAC.
        ppo: What differs from the task's hyperparameters of PPO.
        sac: Hyperparameters of SAC.
        workers: Processes that step the worlds. Default: the number of cores.
        output: Folder of the run. Default: runs/<task>-<robot>-<seed>.
        json: Print JSON instead of a table.
    """
    config = RunConfig(
        task=task,
        robot=robot,
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
        network=network,
        algorithm=algorithm,
        ppo=ppo,
        sac=sac,
    )
    default = Path("runs") / f"{task}-{find_robot(robot).name}-{seed}"
    train_once(config, output or default, json, workers)
