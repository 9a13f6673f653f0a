"""`ranges.png`: from what range each term of the randomization was drawn as training went on."""

from __future__ import annotations

import io
import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simtransfer.lettering import literal
from simtransfer.report import wording

PANELS_PER_ROW = 4
COLOUR, GREY = "#0072B2", "#777777"


@literal
def draw_ranges(table: pd.DataFrame) -> bytes:
    """Draw a panel a term, as a PNG.

    Args:
        table: `simtransfer.schedule.COLUMNS`, of any number of runs that drew the same terms. Runs
            lie over each other, so that where many were, it is darker.
    """
    terms = list(table.groupby(["parameter", "occasion"], sort=False))
    columns = min(len(terms), PANELS_PER_ROW)
    rows = math.ceil(len(terms) / columns)
    figure = Figure(figsize=(3.0 * columns + 0.4, 2.0 * rows + 0.6), dpi=110, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, ((parameter, occasion), runs) in zip(panels, terms, strict=False):
        _draw_term(axes, runs)
        axes.set_title(f"{parameter}, {occasion}", fontsize=9, fontweight="bold")
    for axes in panels[len(terms) :]:
        axes.set_visible(False)
    figure.supxlabel("environment steps", fontsize=9)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", facecolor="white")
    return picture.getvalue()


def _draw_term(axes: Axes, runs: pd.DataFrame) -> None:
    labels = [name for name in ("student", "method", "seed") if name in runs.columns]
    each = [run for _, run in runs.groupby(labels, sort=False)] if labels else [runs]
    strength = 0.1 + 0.5 / len(each)
    for run in each:
        axes.fill_between(
            run["step"], run["low"], run["high"], color=COLOUR, alpha=strength, linewidth=0.8
        )
    for end in ("lowest", "highest"):
        axes.axhline(float(runs[end].iloc[0]), color=GREY, linestyle="--", linewidth=0.9)
    axes.set_xlim(0, max(float(runs["step"].max()), 1.0))
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.steps(value)))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
