"""One humanoid learned to deliver parcels: what is that worth to three that are built differently?

python -m experiments.parcel_transfer --seeds 5

With tuned reflexes the reference alone carries 19 parcels of 20, and there is little left to learn.
So it has half of each here, for all methods alike. The budget is where training from scratch should
have converged: `strider` succeeds in 0.80 to 1.00 of 40 episodes after 327,680 steps (four runs);
the report warns where it had not.
"""

from __future__ import annotations

import sys

from simtransfer.cli import launch
from simtransfer.experiment import ExperimentConfig

EXPERIMENT = ExperimentConfig(
    name="parcel_transfer",
    task="parcel-detuned",
    teacher="porter-parcel-detuned",
    students=("strider", "courier", "pocket"),
    methods=("scratch", "zero_shot", "finetune"),
    seeds=5,
    steps=524_288,
    interval=16_384,
    renewal=4,
    episodes=10,
    final_episodes=10,
)

if __name__ == "__main__":
    sys.exit(launch(EXPERIMENT))
