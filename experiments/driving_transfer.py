"""Is a teacher worth having? From scratch against transfer, on three cars built differently.

python -m experiments.driving_transfer --seeds 10

The budget is where training from scratch has converged; the report warns where it has not.
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
    steps=262_144,
    interval=8_192,
    episodes=20,
)

if __name__ == "__main__":
    sys.exit(launch(EXPERIMENT))
