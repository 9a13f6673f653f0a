"""Is a teacher worth having? From scratch against transfer, on three cars built differently.

python -m experiments.driving_transfer --seeds 10

Of three seeds of training the van from scratch, two had converged after 262,144 steps and one had
not, so the budget is twice that; the report warns where it was too short.
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
    steps=524_288,
    interval=8_192,
    episodes=20,
)

if __name__ == "__main__":
    sys.exit(launch(EXPERIMENT))
