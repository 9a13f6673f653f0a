"""One humanoid learned to deliver parcels: what is that worth to three that are built differently?

python -m experiments.parcel_transfer --seeds 5

Under `nominal` randomization the reference alone carries 19 parcels of 20, and there is little left
to learn; so training and evaluation, of all methods alike, are `moderate`, where it falls.
"""

from __future__ import annotations

import sys

from simtransfer.cli import launch
from simtransfer.experiment import ExperimentConfig

EXPERIMENT = ExperimentConfig(
    name="parcel_transfer",
    task="parcel",
    teacher="porter-parcel",
    students=("strider", "courier", "pocket"),
    methods=("scratch", "zero_shot", "finetune"),
    seeds=5,
    steps=262_144,
    interval=16_384,
    episodes=20,
    final_episodes=50,
    randomization="moderate",
    evaluation="moderate",
)

if __name__ == "__main__":
    sys.exit(launch(EXPERIMENT))
