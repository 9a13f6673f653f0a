"""Five minutes: two cars, from scratch against transfer, three seeds each, and the report.

python -m experiments.driving_demo
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import tyro

from experiments.demo_findings import findings
from simtransfer.cli import deferred, guarded
from simtransfer.commands.compare import CompareOptions, compare
from simtransfer.experiment import ExperimentConfig
from simtransfer.terminal import output

EXPERIMENT = ExperimentConfig(
    name="demo",
    teacher="hatchback-driving",
    students=("van", "skid_steer"),
    methods=("scratch", "finetune"),
    seeds=3,
    steps=40_960,
    interval=8_192,
    episodes=20,
    final_episodes=10,
)
CAUTION = (
    "This is a quick look: training from scratch is stopped before it has finished learning. The "
    "van trained from scratch reached 95, 95 and 63 % after 262,144 steps (three seeds)."
)


def demonstrate(
    experiment: Annotated[ExperimentConfig, tyro.conf.arg(name="")] = EXPERIMENT,
    options: Annotated[CompareOptions, tyro.conf.arg(name="")] = CompareOptions(),
) -> None:
    """Compare training from scratch with transfer on two cars, and say what was found."""
    compare(experiment, options)
    if options.json:
        return
    folder = options.output or Path("runs") / experiment.name
    for sentence in (*findings(folder), CAUTION):
        output.print(sentence, highlight=False, markup=False)
    output.print(f"Open {folder / 'report.html'} in a browser.", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(demonstrate))))
