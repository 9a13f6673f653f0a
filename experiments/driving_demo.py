"""Ten minutes: two cars, from scratch against transfer, three seeds each, and the report.

python -m experiments.driving_demo
"""

from __future__ import annotations

import sys

from simtransfer.cli import launch
from simtransfer.experiment import ExperimentConfig

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

if __name__ == "__main__":
    sys.exit(launch(EXPERIMENT))
