"""``simtransfer record``: a log of a simulated robot that carries out commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from envs import find_robot
from envs.catalogue import control_rate, first_task
from envs.driving.car import Car
from envs.randomization_file import find_randomization
from simtransfer.commands.options import RecordedRandomization
from simtransfer.files import claim
from simtransfer.identification.excitation import excitation
from simtransfer.identification.log import write_log
from simtransfer.identification.recording import hidden
from simtransfer.identification.recording import record as carry_out
from simtransfer.terminal import output as terminal
from simtransfer.terminal import print_json

CAR, HUMANOID = 7.0, 1.5  # s; a humanoid that sways falls


def record(
    robot: str = "hatchback",
    simulator: str = "pybullet",
    randomization: RecordedRandomization = "wide",
    seed: int = 0,
    episodes: int = 4,
    seconds: float | None = None,
    commands: int = 0,
    output_file: Annotated[Path, tyro.conf.arg(name="output")] = Path("log.parquet"),
    json: bool = False,
) -> None:
    """Let a simulated robot carry out commands that show what it is, and write what it read.

    Args:
        robot: A robot's name or the path of a robot.toml.
        simulator: The engine: pybullet, or mujoco for a log that identification cannot explain.
        randomization: What the robot's parameters are drawn from, once.
        seed: Of those parameters and of noise.
        episodes: How many, each from standing still.
        seconds: Length of each. Default: 7 for a car, 1.5 for a humanoid.
        commands: Seed of the commands; the same gives the same commands.
        output_file: Where the log goes.
        json: Print JSON instead of text.
    """
    for name, value in (("seed", seed), ("commands", commands)):
        if not 0 <= value < 2**32:
            raise ValueError(f"--{name} must not be negative nor above 4294967295, got {value}")
    who = find_robot(robot)
    rate = control_rate(first_task(who))
    length = seconds if seconds is not None else CAR if isinstance(who, Car) else HUMANOID
    told = excitation(who, rate, episodes, length, commands)
    claim(output_file)
    values = hidden(find_randomization(randomization), seed)
    log = carry_out(who, told, values, seed, simulator)
    write_log(log, output_file)
    if json:
        print_json({"log": str(output_file), "rows": len(log.readings), "hidden": values})
        return
    terminal.print(
        f"log: {output_file}, {episodes} episodes, {len(log.readings)} rows",
        highlight=False,
        soft_wrap=True,
    )
