"""Hyperparameters for learning to drive from scratch.

python -m experiments.driving_tuning --trials 40
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.scratch_tuning import Between, OneOf, Scratch, Tuning, launch_search

SCRATCH = Scratch(
    task="driving",
    students=("van", "trike", "skid_steer"),
    ranges={
        "learning_rate": Between(1e-4, 3e-3, log=True),
        "rollout": OneOf((64, 128, 256, 512)),
        "batch": OneOf((128, 256, 512, 1024)),
        "epochs": Between(4, 16),
        "one_minus_discount": Between(0.005, 0.05, log=True),
        "trace": Between(0.85, 0.98),
        "clip": Between(0.1, 0.3),
        "divergence": Between(0.01, 0.1, log=True),
        "exploration": Between(0.2, 0.8),
    },
)
TUNING = Tuning(Path("experiments/results/driving_tuning"))

if __name__ == "__main__":
    sys.exit(launch_search(SCRATCH, TUNING))
