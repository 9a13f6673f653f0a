"""A picture of two worlds parting: divergence over time, of each group what diverges first."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from simtransfer.bridge.divergence import APART, Divergence
from simtransfer.bridge.findings import TITLES
from simtransfer.bridge.passage import Passage
from simtransfer.lettering import literal
from simtransfer.report.curves import GREY, PALETTE

GROUPS = len(PALETTE)  # more lines than these cannot be told apart
FLOOR, CEILING = 1e-2, 1e3  # of a distance that is drawn
MEMORY = 1.0  # s; a difference crosses zero at every stride, which a logarithm makes a fence of


@literal
def draw_passage(passage: Passage) -> bytes:
    """Draw both divergences of a passage, as a PNG."""
    divergences = {
        "the policy answers what it sees": passage.closed_divergence,
        "the same actions in both": passage.replay_divergence,
    }
    colours = _colours(passage)
    figure = Figure(figsize=(11.0, 4.3), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for place, (title, divergence) in zip(axes, divergences.items(), strict=True):
        _draw(place, divergence, passage.rate, colours)
        place.set_title(title, fontweight="bold")
    axes[0].set_ylabel("distance in the observation's own spread,\nlargest of the last second")
    figure.suptitle(
        f"{passage.label}: {TITLES[passage.home]} to {TITLES[passage.away]}, "
        f"episode {passage.episode} of {passage.suite}",
        fontsize=10,
        color=GREY,
    )
    picture = io.BytesIO()
    figure.savefig(picture, format="png", facecolor="white")
    return picture.getvalue()


def group_of(name: str) -> str:
    """What an observation is about: the first word of its name, the second of a privileged one."""
    first, *rest = name.split("/")
    return rest[0] if first == "privileged" and rest else first


def most_diverging(divergence: Divergence) -> dict[str, int]:
    """Of each group, the place of the observation that diverges first, else that goes farthest."""
    onsets = {onset.feature.name: onset.step for onset in divergence.onsets}
    late = len(divergence.sizes)
    peaks = divergence.sizes.max(axis=0)
    order = sorted(
        range(len(divergence.features)),
        key=lambda k: (onsets.get(divergence.features[k].name, late), -peaks[k]),
    )
    chosen: dict[str, int] = {}
    for k in order:
        chosen.setdefault(group_of(divergence.features[k].name), k)
    return dict(list(chosen.items())[:GROUPS])


def lately(sizes: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """The largest of the last ``steps`` values at each one, ``(steps,)``."""
    before = np.concatenate([np.zeros(steps - 1), sizes])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(before, steps).max(axis=1))


def _colours(passage: Passage) -> dict[str, str]:
    """A colour for each group, the same in both panels while there are enough."""
    both = (passage.closed_divergence, passage.replay_divergence)
    groups = dict.fromkeys(group for each in both for group in most_diverging(each))
    first = {group: PALETTE[k] for k, group in enumerate(groups) if k < len(PALETTE)}
    second = most_diverging(both[1])
    free = [colour for colour in PALETTE if colour not in [first.get(g) for g in second]]
    return first | dict(zip([g for g in second if g not in first], free, strict=False))


def _draw(axes: Axes, divergence: Divergence, rate: float, colours: Mapping[str, str]) -> None:
    times = np.arange(len(divergence.sizes)) / rate
    for group, k in most_diverging(divergence).items():
        sizes = lately(divergence.sizes[:, k], max(round(MEMORY * rate), 1)).clip(FLOOR, CEILING)
        name = divergence.features[k].name
        axes.plot(times, sizes, color=colours[group], linewidth=1.5, label=name)
        for onset in divergence.onsets:
            if onset.feature.name == name:
                place = onset.step / rate, min(onset.size, CEILING)
                axes.plot(*place, marker="o", markersize=4.5, color=colours[group])
    axes.axhline(APART, color=GREY, linestyle="--", linewidth=1.0)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(0.8 * FLOOR, None)
    axes.set_xlim(0.0, max(times[-1], 1.0 / rate))
    axes.set_xlabel("time, s")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=8)
