"""TensorBoard logs of a training, in which each step appears once, however often it resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import TensorBoardOutputFormat
from torch.utils.tensorboard import SummaryWriter


class TrainingFigures(TensorBoardOutputFormat):
    """Writes TensorBoard's event files.

    A training that resumes from a checkpoint repeats the steps after it. Its first entry has
    TensorBoard drop what an earlier process wrote of the same steps.

    Args:
        folder: Where event files go.
    """

    def __init__(self, folder: Path) -> None:
        # The event file is opened with the first entry, since it begins with its step.
        self._folder, self._is_open, self._is_closed = folder, False, False

    def write(
        self,
        key_values: dict[str, Any],
        key_excluded: dict[str, tuple[str, ...]],
        step: int = 0,
    ) -> None:
        """Write the metrics of one step."""
        if not self._is_open:
            self.writer = SummaryWriter(str(self._folder), purge_step=step)
            self._is_open = True
        super().write(key_values, key_excluded, step)

    def close(self) -> None:
        """Close the event file."""
        if self._is_open:
            super().close()
