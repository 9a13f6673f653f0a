"""``simtransfer train``: a policy from scratch, as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from agents.bundle import Network
from agents.settings import AS_TUNED, PPOChanges, SACSettings, settle
from envs import find_robot
from simtransfer.commands.options import SetOfTerms
from simtransfer.commands.single import train_once
from simtransfer.run_config import RunConfig
from simtransfer.schedule import Schedule


def train(
    task: str = "driving",
    robot: str = "hatchback",
    steps: int = 1_000_000,
    seed: int = 0,
    randomization: SetOfTerms = "nominal",
    schedule: Schedule = Schedule(),
    evaluation: str = "nominal",
    simulator: str = "pybullet",
    interval: int = 102_400,
    renewal: int = 1,
    episodes: int = 50,
    final_episodes: int = 200,
    network: Network = Network(),
    algorithm: Literal["ppo", "sac"] = "ppo",
    ppo: PPOChanges = AS_TUNED,
    sac: SACSettings = SACSettings(),
    workers: int | None = None,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Train a policy from scratch. A killed training goes on when it is started again.

    Args:
        task: The task.
        robot: A robot's name or the path of a robot.toml.
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
        ppo=settle(task, ppo),
        sac=sac,
    )
    default = Path("runs") / f"{task}-{find_robot(robot).name}-{seed}"
    train_once(config, output or default, json, workers)
