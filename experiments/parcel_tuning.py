"""Hyperparameters for learning to carry parcels from scratch.

python -m experiments.parcel_tuning --trials 16

In the task in which methods are compared, on one student, so that no trial is pruned; networks as
those of the world's teacher.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agents.bundle import Network
from experiments.scratch_tuning import Between, OneOf, Scratch, Tuning, launch_search

SCRATCH = Scratch(
    task="parcel-detuned",
    students=("strider",),
    ranges={
        "learning_rate": Between(2e-4, 3e-3, log=True),
        "rollout": OneOf((64, 128, 256)),
        "epochs": Between(3, 12),
        "divergence": Between(0.01, 0.06, log=True),
        "one_minus_discount": Between(0.005, 0.03, log=True),
        "exploration": Between(0.06, 0.35, log=True),
        "averaging": OneOf((16_384, 65_536)),
    },
    network=Network(activation="tanh"),
)
TUNING = Tuning(
    Path("experiments/results/parcel_tuning"),
    trials=16,
    steps=131_072,
    interval=32_768,
    episodes=12,
)

if __name__ == "__main__":
    sys.exit(launch_search(SCRATCH, TUNING))
