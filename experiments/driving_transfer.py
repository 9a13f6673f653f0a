"""Is a teacher worth having? From scratch against transfer, on three cars built differently.

python -m experiments.driving_transfer --seeds 10
"""

from __future__ import annotations

import sys

from simtransfer.cli import launch
from simtransfer.experiment import ExperimentConfig

EXPERIMENT = ExperimentConfig(
    name="driving_transfer",
    teacher="hatchback-driving",
    students=("van", "skid_steer", "trike"),
    methods=("scratch", "zero_shot", "finetune"),
    seeds=10,
    steps=98_304,
    interval=4_096,
    episodes=20,
)

if __name__ == "__main__":
    sys.exit(launch(EXPERIMENT))
