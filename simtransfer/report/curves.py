"""`curves.png`: learning curves per student, and beneath them the speed-ups."""

from __future__ import annotations

import io
import math
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from simtransfer.lettering import literal
from simtransfer.report import wording
from simtransfer.report.findings import Findings
from simtransfer.report.tables import speed_up_cell
from simtransfer.statistics import AggregateCurve, Interval
from simtransfer.transfer_metrics import BASELINE, TransferMetrics

# Okabe & Ito, "Color Universal Design" (2008), without the yellow, which is faint on white. The
# baseline is black; methods beyond the sixth repeat the colours with another line and marker.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
BASELINE_COLOUR = "#222222"
LineStyle = Literal["-", "--", "-."]
LINES: tuple[LineStyle, ...] = ("-", "--", "-.")
MARKERS = ("o", "s", "D")
GREY = "#777777"
PANELS_PER_ROW = 3


@literal
def draw_curves(findings: Findings) -> bytes:
    """Draw learning curves and speed-ups of every student, as a PNG."""
    students = findings.experiment.students
    columns = min(len(students), PANELS_PER_ROW)
    bands = math.ceil(len(students) / columns)
    others = sum(method != BASELINE for method in findings.experiment.methods)
    heights = [3.1, 0.75 + 0.27 * max(others, 1)] * bands
    width = 4.6 * columns if columns > 1 else 7.0
    figure = Figure(figsize=(width, sum(heights) + 0.7), dpi=150, layout="constrained")
    grid = figure.add_gridspec(2 * bands, columns, height_ratios=heights)
    for number, student in enumerate(students):
        band, column = divmod(number, columns)
        _draw_learning(figure.add_subplot(grid[2 * band, column]), findings, student, column == 0)
        _draw_speed_ups(
            figure.add_subplot(grid[2 * band + 1, column]), findings, student, column == 0
        )
    _draw_legend(figure, findings, columns)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", facecolor="white")
    return picture.getvalue()


def method_style(findings: Findings, method: str) -> tuple[str, LineStyle, str]:
    """Colour, line style and marker of a method: the same in every panel and for every student."""
    if method == BASELINE:
        return BASELINE_COLOUR, "-", "o"
    others = [name for name in findings.experiment.methods if name != BASELINE]
    lap, place = divmod(others.index(method), len(PALETTE))
    return PALETTE[place], LINES[lap % len(LINES)], MARKERS[lap % len(MARKERS)]


def _draw_learning(axes: Axes, findings: Findings, student: str, is_first: bool) -> None:
    curves = [curve for curve in findings.aggregates if curve.student == student]
    # Scratch last, on top: it is what every other curve is read against.
    for curve in sorted(curves, key=lambda curve: curve.method == BASELINE):
        _draw_curve(axes, findings, curve)
    teacher = findings.experiment.teacher.success_rate
    if not math.isnan(teacher):
        axes.axhline(teacher, color=GREY, linestyle="--", linewidth=1.0)
    threshold = findings.threshold(student)
    if not math.isnan(threshold):
        axes.axhline(threshold, color=GREY, linestyle=":", linewidth=1.2)
    axes.set(title=student, xlabel="environment steps", ylim=(-0.03, 1.03))
    # A run ends with a whole rollout, which may lie a little past the steps that were asked for.
    ends = [int(curve.steps[-1]) for curve in curves if len(curve.steps)]
    axes.set_xlim(0, max([findings.experiment.steps, *ends]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.steps(value)))
    axes.set_yticks(np.linspace(0.0, 1.0, 6))
    if is_first:
        axes.set_ylabel("success rate")
    if not curves:
        axes.text(0.5, 0.5, "no runs yet", transform=axes.transAxes, ha="center", color=GREY)
    _tidy(axes)


def _draw_curve(axes: Axes, findings: Findings, curve: AggregateCurve) -> None:
    colour, line, _ = method_style(findings, curve.method)
    axes.fill_between(curve.steps, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(curve.steps, curve.mean, color=colour, linestyle=line, linewidth=1.8)
    if curve.short_seeds and len(curve.steps):
        axes.plot(curve.steps[-1], curve.mean[-1], marker="x", color=colour, clip_on=False)


def _draw_speed_ups(axes: Axes, findings: Findings, student: str, is_first: bool) -> None:
    methods = [method for method in findings.experiment.methods if method != BASELINE]
    rows = {row.method: row for row in findings.metrics if row.student == student}
    axes.axvline(1.0, color=BASELINE_COLOUR, linewidth=1.0)
    ends = [0.5, 2.0]
    for place, method in enumerate(methods):
        if method in rows and not math.isnan(rows[method].speed_up.estimate):
            ends += _draw_speed_up(axes, findings, rows[method], place)
        else:
            axes.text(1.0, place, "  not defined", va="center", color=GREY, fontsize=8)
    axes.set_xscale("log")
    # Room at the right for the numbers that stand beside the points.
    axes.set_xlim(min(ends) / 1.25, max(ends) * 2.6)
    _tick_factors(axes)
    axes.set_ylim(len(methods) - 0.4, -0.6)
    axes.set_yticks(range(len(methods)), methods if is_first else [""] * len(methods))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("speed-up over scratch (steps to threshold)")
    _tidy(axes)


def _draw_speed_up(axes: Axes, findings: Findings, row: TransferMetrics, place: int) -> list[float]:
    colour, _, marker = method_style(findings, row.method)
    ends = _draw_point(axes, row.speed_up, place - 0.12, colour, marker, filled=True)
    charged = row.speed_up_charged
    if not math.isnan(charged.estimate):
        ends += _draw_point(axes, charged, place + 0.2, colour, marker, filled=False)
    axes.annotate(
        speed_up_cell(row, row.speed_up).text,
        (max(ends), place),
        (6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        # The number may lie on the line at 1.
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )
    return ends


def _draw_point(
    axes: Axes, interval: Interval, place: float, colour: str, marker: str, *, filled: bool
) -> list[float]:
    ends = [end for end in (interval.low, interval.high) if not math.isnan(end)]
    if ends:
        axes.plot(ends, [place, place], color=colour, linewidth=2.2 if filled else 1.0)
    axes.plot(
        interval.estimate,
        place,
        marker=marker,
        markersize=6 if filled else 4.5,
        color=colour,
        markerfacecolor=colour if filled else "white",
    )
    return [interval.estimate, *ends]


def _tick_factors(axes: Axes) -> None:
    low, high = axes.get_xlim()
    factors = [
        m * 10.0**power for power in range(-4, 6) for m in (1, 2, 5) if low <= m * 10.0**power
    ]
    factors = [factor for factor in factors if factor <= high]
    # More than six labels run into each other: whole decades then.
    if len(factors) > 6:
        factors = [factor for factor in factors if math.log10(factor) % 1.0 == 0.0]
    axes.xaxis.set_major_locator(FixedLocator(factors))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))


def _draw_legend(figure: Figure, findings: Findings, columns: int) -> None:
    entries = []
    for method in findings.experiment.methods:
        colour, line, _ = method_style(findings, method)
        entries.append(Line2D([], [], color=colour, linestyle=line, linewidth=2.5, label=method))
    entries += [
        Line2D([], [], color=GREY, linestyle="--", label="teacher's level"),
        Line2D([], [], color=GREY, linestyle=":", label="threshold: 90 % of scratch's final level"),
        Line2D([], [], color=GREY, marker="o", linewidth=2.2, label="teacher's cost ignored"),
        Line2D(
            [], [], color=GREY, marker="o", markerfacecolor="white", label="teacher's cost charged"
        ),
    ]
    if any(curve.short_seeds for curve in findings.aggregates):
        entries.append(Line2D([], [], color=GREY, marker="x", linewidth=0, label="unfinished"))
    figure.legend(
        handles=entries, loc="outside upper center", ncols=2 * columns, frameon=False, fontsize=9
    )


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.title.set_fontweight("bold")
