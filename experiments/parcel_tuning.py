"""Hyperparameters for learning to carry parcels from scratch.

python -m experiments.parcel_tuning --trials 24
"""

from __future__ import annotations

import sys
from pathlib import Path

from agents.bundle import Network
from experiments.scratch_tuning import Between, OneOf, Scratch, Tuning, launch_search

SCRATCH = Scratch(
    task="parcel",
    students=("strider", "pocket"),
    ranges={
        "learning_rate": Between(1e-4, 1e-3, log=True),
        "rollout": OneOf((128, 256, 512)),
        "batch": OneOf((512, 1024, 2048)),
        "epochs": Between(3, 10),
        "one_minus_discount": Between(0.003, 0.03, log=True),
        "divergence": Between(0.005, 0.05, log=True),
        "exploration": Between(0.05, 0.4, log=True),
        "critic_first": OneOf((0, 32_768)),
        "critic_rate": Between(1.0, 6.0, log=True),
    },
    network=Network(activation="tanh"),
)
TUNING = Tuning(
    Path("experiments/results/parcel_tuning"),
    trials=24,
    steps=131_072,
    interval=32_768,
    episodes=10,
)

if __name__ == "__main__":
    sys.exit(launch_search(SCRATCH, TUNING))
