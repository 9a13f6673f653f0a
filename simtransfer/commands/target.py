"""``simtransfer target serve``: a robot as a process of its own."""

from __future__ import annotations

import sys
from typing import Annotated

import tyro

from simtransfer.commands.options import SetOfTerms
from simtransfer.target.network_faults import Faults
from simtransfer.target.record import summary, summary_table
from simtransfer.target.safety import interruption
from simtransfer.target.server import TargetConfig, TargetServer
from simtransfer.terminal import counting, errors, output, print_json


def serve(
    robot: Annotated[str, tyro.conf.Positional] = "hatchback",
    /,
    task: str = "driving",
    suite: str = "mixed",
    episodes: int = 10,
    seed: int = 0,
    randomization: SetOfTerms = "nominal",
    port: int = 0,
    host: str = "127.0.0.1",
    speed: float = 1.0,
    lockstep: bool = False,
    loss: float = 0.0,
    delay: float = 0.0,
    jitter: float = 0.0,
    network_seed: int = 0,
    safe_after: float = 0.5,
    leave_after: float = 5.0,
    json: bool = False,
) -> int:
    """Serve a robot in a world of MuJoCo's over UDP; its first line of output says where.

    Args:
        robot: A robot's name or the path of a robot.toml.
        task: What it is there for.
        suite: Scenario suite.
        episodes: How many episodes to play; with the last one the robot is switched off.
        seed: Which stretch of the suite's endless fixed list: episodes seed*episodes and following.
        randomization: A key of `envs.randomization.RANDOMIZATIONS`.
        port: UDP port; 0 for any that is free.
        host: Address to listen at. Whoever reaches it can drive the robot.
        speed: Robot's seconds a second of the wall clock.
        lockstep: Wait for the command of each reading: not in real time, but the same each time.
        loss: Probability that the network loses a datagram, in either direction.
        delay: Mean time that a datagram takes, in robot's seconds.
        jitter: Largest deviation from that, in robot's seconds.
        network_seed: Of what the network loses and delays.
        safe_after: Robot's seconds without a command after which it takes its safe posture.
        leave_after: Seconds of the wall clock without a message after which a client has left.
        json: Print JSON instead of a table, after the first line.
    """
    config = TargetConfig(
        robot=robot,
        task=task,
        suite=suite,
        episodes=episodes,
        seed=seed,
        randomization=randomization,
        speed=speed,
        lockstep=lockstep,
        faults=Faults(loss, delay, jitter),
        network_seed=network_seed,
        host=host,
        port=port,
        safe_after=safe_after,
        leave_after=leave_after,
    )
    with interruption() as interrupted:
        server = TargetServer(config)
        print("udp://{}:{}".format(*server.address))
        sys.stdout.flush()
        with counting(f"{robot}, {suite}", episodes) as count:
            played = server.run(count, interrupted)
        who = interrupted()
    if who:
        errors.print(f"the robot was switched off by {who}", highlight=False)
    if not played:
        came = ", ".join(f"{count} {name}" for name, count in vars(server.arrivals).items())
        errors.print(f"no episode was played; messages: {came}", highlight=False)
        return 1
    row = summary(played)
    row["counts"] |= vars(server.arrivals)  # also of the time between and after episodes
    if json:
        print_json(row | {"played": [vars(each) for each in played]})
    else:
        output.print(summary_table(f"{robot} as it was driven, {suite}", row))
    return 1 if who else 0
