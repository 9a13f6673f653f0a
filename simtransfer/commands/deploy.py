"""``simtransfer deploy``: a policy drives a robot that is a process of its own."""

from __future__ import annotations

from typing import Annotated

import tyro

from simtransfer.deployment import Deployment
from simtransfer.target.client import Client, parse_target
from simtransfer.target.control_loop import Patience
from simtransfer.target.record import summary, summary_table
from simtransfer.target.safety import EmergencyStopError, interruption
from simtransfer.terminal import counting, errors, output, print_json


def deploy(
    bundle: Annotated[str, tyro.conf.Positional],
    /,
    target: str,
    robot: str | None = None,
    safe_after: float = 0.5,
    give_up: float = 3.0,
    json: bool = False,
) -> int:
    """Run a policy against a robot in real time; Ctrl-C is the emergency stop.

    Args:
        bundle: A shipped bundle's name or a bundle's folder.
        target: Where the robot is, as in udp://127.0.0.1:9000.
        robot: Whom it is to be: a name or a robot.toml. Default: the robot it was trained on.
        safe_after: Robot's seconds without a reading after which the safe posture is commanded;
            until then the last command is held.
        give_up: Seconds of the wall clock without a reading after which the run is over.
        json: Print JSON instead of a table.
    """
    parse_target(target)
    patience = Patience(safe_after, give_up)
    with interruption() as interrupted:
        deployed = Deployment(bundle, robot)
        try:
            client = Client(deployed, target, patience, interrupted)
        except EmergencyStopError as stop:
            errors.print(f"simtransfer: {stop}", highlight=False, soft_wrap=True)
            return 1
        with counting(f"{bundle} at {target}", client.told.episodes - client.told.begun) as count:
            run = client.run(count)
    row = summary(run.played) if run.played else {"episodes": 0}
    row |= {"client": run.told(), "ended": run.ended}
    if json:
        print_json(row)
    elif run.played:
        output.print(summary_table(f"{bundle} at {target}", row))
    if run.ended:
        errors.print(f"simtransfer: {run.ended}", highlight=False, soft_wrap=True, markup=False)
    return 1 if run.ended else 0
