"""One humanoid learned to deliver parcels: what is that worth to three that are built differently?

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
    students=("courier", "strider", "pocket"),
    methods=("scratch", "zero_shot", "finetune"),
    seeds=5,
    steps=524_288,
    interval=65_536,
    episodes=20,
    final_episodes=20,
)

if __name__ == "__main__":
    sys.exit(launch(EXPERIMENT))
