"""A policy in real time over a worse and worse network: success, and how the loop kept its time.

python -m experiments.deployment

The robot and its client are processes of their own, as on a desk. Takes a machine with time to
spare: what its scheduler delays is counted as missed deadlines and overruns.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import tyro

from agents.bundle import load_bundle
from simtransfer.cli import deferred, guarded
from simtransfer.files import claim_folder, write_json, write_table, write_text
from simtransfer.target.network_faults import Faults
from simtransfer.terminal import counting, output

COLUMNS = {
    "commands lost": "commands_lost",
    "readings lost": "readings_lost",
    "steps that held a command": "held",
    "safe": "safe",
    "overruns": "overruns",
}


@dataclass(frozen=True)
class Deployments:
    """What is measured.

    Attributes:
        bundle: A shipped bundle's name or a bundle's folder.
        output: Folder of the tables.
        episodes: Of each network, the same ones.
        loss: Probabilities that a datagram is lost, a network each.
        delay: Mean time that a datagram takes, s.
        jitter: Largest deviation from that, s.
        speed: Robot's seconds a second of the wall clock.
        at_once: How many networks are measured side by side.
    """

    bundle: str = "hatchback-driving"
    output: Path = Path("experiments/results/deployment")
    episodes: int = 50
    loss: tuple[float, ...] = (0.0, 0.01, 0.05, 0.2)
    delay: float = 0.01
    jitter: float = 0.005
    speed: float = 1.0
    at_once: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        for name in ("episodes", "at_once"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0.0 < self.speed < math.inf:
            raise ValueError(f"speed must be positive, got {self.speed:g}")
        for loss in self.loss:
            Faults(loss, self.delay, self.jitter)


def deploy(plan: Deployments, network: tuple[str, ...]) -> dict[str, Any]:
    """Play all episodes over one network: what the robot tells, and the client's figures.

    Raises:
        RuntimeError: If either ends before its time.
    """
    bundle = load_bundle(plan.bundle)
    own = ("--task", bundle.task, "--episodes", str(plan.episodes), "--json")
    program = (sys.executable, "-m", "simtransfer")
    with subprocess.Popen(
        (*program, "target", "serve", bundle.robot, *own, *network),
        stdout=subprocess.PIPE,
        text=True,
    ) as robot:
        try:
            assert robot.stdout  # a pipe was asked for
            target = robot.stdout.readline().strip()
            if not target:
                raise RuntimeError(f"no robot could be served: {' '.join(network)}")
            client = subprocess.run(
                (*program, "deploy", plan.bundle, "--target", target, "--json"),
                stdout=subprocess.PIPE,
                text=True,
            )
            told = robot.communicate(timeout=60)[0]
        finally:
            robot.kill()
    if client.returncode or robot.returncode:
        raise RuntimeError(f"{plan.bundle} at {' '.join(network)} ended before its time")
    result: dict[str, Any] = json.loads(told)
    return result | {"client": json.loads(client.stdout)["client"]}


def row(result: Mapping[str, Any]) -> list[str]:
    """A table's cells for one network."""
    low, high = result["success_interval"]
    counts, client = result["counts"], result["client"]
    steps = counts["steps"]
    return [
        f"{100 * result['success_rate']:.0f} %",
        f"{100 * low:.0f}–{100 * high:.0f} %",
        *(f"{100 * counts[name] / steps:.1f} %" for name in COLUMNS.values()),
        f"{client['counts']['deadline_misses']} of {steps:,}",
        f"{client['latency_ms']['median']:.2f}, {client['latency_ms']['99 %']:.2f}",
    ]


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: a line for each network."""
    head = ["network", "success", "95 % interval", *COLUMNS, "deadline misses"]
    lines = [[*head, "answer, ms: median, 99 %"], ["---", *["---:"] * (len(head))]]
    lines += [[name, *row(result)] for name, result in results.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def measure(plan: Annotated[Deployments, tyro.conf.arg(name="")] = Deployments()) -> None:
    """Play the same episodes over each network, and write the tables."""
    load_bundle(plan.bundle)  # refused before anything is started
    claim_folder(plan.output)
    networks: dict[str, tuple[str, ...]] = {"none, in lockstep": ("--lockstep",)}
    faults = ("--delay", str(plan.delay), "--jitter", str(plan.jitter), "--speed", str(plan.speed))
    for loss in plan.loss:
        networks[f"{100 * loss:g} % lost"] = ("--loss", str(loss), *faults)
    with (
        counting(plan.bundle, len(networks)) as count,
        ThreadPoolExecutor(plan.at_once) as pool,
    ):
        under_way = {name: pool.submit(deploy, plan, each) for name, each in networks.items()}
        results = {}
        try:
            for name, future in under_way.items():
                results[name] = future.result()
                count(None)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    episodes = [
        {"network": name, **{k: v for k, v in each.items() if not isinstance(v, dict)}}
        | each["measures"]
        | each["counts"]
        for name, result in results.items()
        for each in result["played"]
    ]
    write_table(pd.DataFrame(episodes), plan.output / "episodes.parquet")
    short = {
        name: {key: value for key, value in result.items() if key != "played"}
        for name, result in results.items()
    }
    write_json(short, plan.output / "networks.json")
    write_text(table(results), plan.output / "table.md")
    output.print(table(results), highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(measure))))
