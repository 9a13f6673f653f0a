"""What was identified, as a picture: each parameter's distribution, and readings in their band."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from simtransfer.files import replace_file
from simtransfer.identification.identified import INNER, NORMAL_WIDTH, Identified
from simtransfer.lettering import literal

COLUMNS = 4
SHOWN = 8  # channels at most, those that move most


@literal
def draw(found: Identified, file: Path) -> None:
    """Write a PNG.

    Above, the prior's middle 90 % is grey, samples are blue. Below, readings are black and the
    middle 90 % of what replays with samples would read is blue; episodes follow one another.
    """
    parameters = found.rows()
    moving = found.log.readings.std(axis=0) / [f.scale for f in found.log.channels]
    chosen = sorted(np.argsort(-moving)[:SHOWN].tolist())
    above = -(-len(parameters) // COLUMNS)
    below = -(-len(chosen) // 2)
    figure = plt.figure(figsize=(12, 2.0 * above + 1.9 * below))
    halves = figure.subfigures(2, 1, height_ratios=[2.0 * above, 1.9 * below])
    top, bottom = np.ravel(np.asarray(halves))
    panels = top.subplots(above, COLUMNS, squeeze=False).ravel()
    for k, row in enumerate(parameters):
        _marginal(panels[k], row["parameter"], row["unit"], row["prior"], found.values[:, k])
    for panel in panels[len(parameters) :]:
        panel.set_visible(False)
    panels = bottom.subplots(below, 2, squeeze=False).ravel()
    for panel, channel in zip(panels, chosen, strict=False):
        _overlay(panel, found, channel)
    for panel in panels[len(chosen) :]:
        panel.set_visible(False)
    for part in (top, bottom):
        part.subplots_adjust(hspace=0.75, wspace=0.25, left=0.06, right=0.98, bottom=0.16)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, lambda draft: figure.savefig(draft, dpi=110, format="png"))
    plt.close(figure)


def _marginal(
    panel: Axes, name: str, unit: str, prior: list[float], values: NDArray[np.float64]
) -> None:
    panel.axvspan(*prior, color="0.88")
    panel.hist(values, bins=30, color="C0")
    reach = NORMAL_WIDTH / 2.0 * 0.1 * (prior[1] - prior[0])
    panel.set_xlim(min(prior[0] - reach, values.min()), max(prior[1] + reach, values.max()))
    panel.set_xlabel(name if unit == "1" else f"{name}, {unit}")
    panel.set_yticks([])
    panel.xaxis.set_major_locator(MaxNLocator(4))


def _overlay(panel: Axes, found: Identified, channel: int) -> None:
    feature = found.log.channels[channel]
    low, high = np.quantile(found.band[:, :, channel], INNER, axis=0)
    steps = np.arange(len(low))
    panel.fill_between(steps, low, high, color="C0", alpha=0.5, linewidth=0)
    panel.plot(steps, found.log.readings[:, channel], color="k", linewidth=0.7)
    for end in np.cumsum([len(told) for told in found.log.commands])[:-1]:
        panel.axvline(end, color="0.7", linewidth=0.6)
    unit = "" if feature.unit == "1" else f", {feature.unit}"
    panel.set_title(f"{feature.name}{unit}", fontsize=9)
    panel.set_xlabel("control step")
