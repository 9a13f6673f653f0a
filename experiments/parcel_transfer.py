"""Seven days each? Carrying from scratch against transfer, on three humanoids built differently.

python -m experiments.parcel_transfer --seeds 5
"""

from __future__ import annotations

import sys

from simtransfer.cli import launch
from simtransfer.experiment import ExperimentConfig

EXPERIMENT = ExperimentConfig(
    name="parcel_transfer",
    task="parcel",
    teacher="porter-parcel",
    students=("courier", "pocket", "strider"),
    methods=("scratch", "zero_shot", "finetune"),
    seeds=5,
    steps=1_048_576,
    interval=65_536,
    episodes=20,
)

if __name__ == "__main__":
    sys.exit(launch(EXPERIMENT))
