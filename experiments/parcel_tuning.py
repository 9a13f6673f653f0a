"""Hyperparameters for learning to carry parcels from scratch.

python -m experiments.parcel_tuning --trials 24

One student, so that no trial is pruned; networks as those of the world's teacher; the randomization
in which methods are compared.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agents.bundle import Network
from experiments.scratch_tuning import Between, OneOf, Scratch, Tuning, launch_search

SCRATCH = Scratch(
    task="parcel",
    students=("strider",),
    ranges={
        "learning_rate": Between(5e-5, 1e-3, log=True),
        "rollout": OneOf((64, 128, 256)),
        "epochs": Between(3, 10),
        "one_minus_discount": Between(0.003, 0.03, log=True),
        "exploration": Between(0.05, 0.4, log=True),
        "critic_first": OneOf((0, 32_768)),
    },
    network=Network(activation="tanh"),
    randomization="moderate",
)
TUNING = Tuning(
    Path("experiments/results/parcel_tuning"),
    trials=24,
    steps=196_608,
    interval=65_536,
    episodes=30,
)

if __name__ == "__main__":
    sys.exit(launch_search(SCRATCH, TUNING))
