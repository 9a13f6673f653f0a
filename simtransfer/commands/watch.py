"""``simtransfer watch``: a video of a bundle at work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from simtransfer.commands.options import SetOfTerms
from simtransfer.deployment import Deployment
from simtransfer.files import claim
from simtransfer.terminal import counting, output
from simtransfer.video import Frame, play, write_video


def watch(
    bundle: Annotated[str, tyro.conf.Positional],
    /,
    robot: str | None = None,
    suite: str = "mixed",
    episodes: int = 3,
    seed: int = 0,
    randomization: SetOfTerms = "nominal",
    simulator: str = "pybullet",
    output_file: Annotated[Path, tyro.conf.arg(name="output")] = Path("watch.mp4"),
) -> None:
    """Record a bundle on evaluation episodes as an MP4.

    Args:
        bundle: A shipped bundle's name or a bundle's folder.
        robot: Robot to use it on: a name or the path of a robot.toml. Default: the robot that it
            was trained on.
        suite: Scenario suite.
        episodes: How many episodes.
        seed: The first one's number in the suite's fixed list.
        randomization: A key of `envs.randomization.RANDOMIZATIONS`.
        simulator: The engine: pybullet, or mujoco to see it in a world that it never learned in.
        output_file: Where the video goes.
    """
    if episodes < 1:
        raise ValueError(f"--episodes must be at least 1, got {episodes}")
    if seed < 0:
        raise ValueError(f"--seed must not be negative, got {seed}")
    deployed = Deployment(
        bundle,
        robot,
        randomization=randomization,
        render_mode="rgb_array",
        simulator=simulator,
    )
    claim(output_file)
    frames: list[Frame] = []
    world = deployed.make(suite=suite)
    with counting("recording", episodes) as count:
        for episode in range(seed, seed + episodes):
            frames += play(deployed.act, world, episode, f"{deployed.robot.name} #{episode}")
            count(None)
    write_video(frames, output_file, world.task.control_rate)
    world.close()
    output.print(f"video: {output_file}", highlight=False, soft_wrap=True)
