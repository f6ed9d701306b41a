"""A picture of the course of a training: loss and validation mIOU by epoch.

rows of log.csv -> PNG

It never computes a score, and never uses pyplot, whose open figures are shared by a whole process.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

# A power of two, so that 1280 / DPI * DPI are 1280 pixels again.
DPI = 128
WIDTH_PX, HEIGHT_PX = 1280, 768
FONT_PT = 14

LOSS_COLOUR, MIOU_COLOUR = "#1f5fa8", "#c2410c"
# Beyond this ratio of the highest to the lowest loss a linear axis shows a cliff and a floor.
LOG_SPAN = 30
MOST_MARKERS = 60

# Part of the height left free above and below a line, for its name.
MARGIN = 0.16


class Line(NamedTuple):
    """One line of the picture: epoch -> value, on axes of its own."""

    axes: Axes
    points: Mapping[float, float]
    colour: str
    name: str


def curves(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Draw the course of a training as a PNG: loss on the left axis, validation mIOU on the right.

    The first epoch with the highest mIOU is marked. Values that are not finite are left out, so
    a training that validates every few epochs, or not at all, is drawn as well. The loss axis
    is logarithmic where the loss spans more than a factor of 30.

    Parameters
    ----------
    path
        Where the PNG is written, whatever its suffix.
    rows
        Rows of log.csv in order, each with `epoch`, `loss` and `miou`.
    """
    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI, layout="constrained")
    loss_axes = figure.add_subplot()
    miou_axes = loss_axes.twinx()
    losses, mious = _finite(rows, "loss"), _finite(rows, "miou")
    if losses and 0 < min(losses.values()) * LOG_SPAN < max(losses.values()):
        _logarithmic(loss_axes)
    elif losses:
        loss_axes.set_ylim(0, max(losses.values()) * (1 + 2 * MARGIN) or 1)
    lines = (
        Line(loss_axes, losses, LOSS_COLOUR, "training loss"),
        Line(miou_axes, mious, MIOU_COLOUR, "validation mIOU"),
    )
    for line in lines:
        _draw(line)
    _number_epochs(loss_axes, [row["epoch"] for row in rows])
    if mious:
        _mark_best(lines[1], below=loss_axes)
    _name([line for line in lines if line.points])
    # The format is said outright: while it is written, a file may have a passing name.
    figure.savefig(path, dpi=DPI, format="png")


def _finite(rows: Sequence[Mapping[str, float]], key: str) -> dict[float, float]:
    """Epoch -> value, of the rows that have one."""
    return {row["epoch"]: row[key] for row in rows if math.isfinite(row[key])}


def _logarithmic(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with plain numbers at 1, 2 and 5."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw(line: Line) -> None:
    """Draw a line and its axis in one colour; an axis without a point has no numbers."""
    axes, points = line.axes, line.points
    marker = "o" if len(points) <= MOST_MARKERS else ""
    axes.plot(list(points), list(points.values()), color=line.colour, marker=marker, markersize=5)
    named = line.name if points else f"no {line.name} yet"
    axes.set_ylabel(named, color=line.colour, fontsize=FONT_PT)
    axes.tick_params(axis="y", labelcolor=line.colour, labelsize=FONT_PT)
    axes.margins(y=MARGIN)
    axes.spines["top"].set_visible(False)
    if not points:
        axes.set_yticks([])


def _number_epochs(axes: Axes, epochs: Sequence[float]) -> None:
    """Put whole epochs on the horizontal axis, with room for a single one."""
    first, last = (epochs[0], epochs[-1]) if epochs else (0.0, 0.0)
    room = max(0.5, 0.02 * (last - first))
    axes.set_xlim(first - room, last + room)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.tick_params(axis="x", labelsize=FONT_PT)
    axes.set_xlabel("epoch", fontsize=FONT_PT)


def _mark_best(mious: Line, below: Axes) -> None:
    """Ring the first highest mIOU, and say it above the axes, where no line can cross it."""
    best = max(mious.points, key=lambda epoch: mious.points[epoch])
    value = mious.points[best]
    # On the axes below: there it runs behind both lines and their names.
    below.axvline(best, color=mious.colour, linestyle=":", linewidth=1.5, zorder=0)
    mious.axes.plot(
        best, value, "o", color=mious.colour, fillstyle="none", markersize=14, markeredgewidth=2
    )
    mious.axes.set_title(
        f"best mIOU {value:.3f} at epoch {best:g}", color=mious.colour, fontsize=FONT_PT
    )


def _name(lines: Sequence[Line]) -> None:
    """Write each line's name at its end: the upper one's above it, the lower one's below."""
    ends = [(_height(line, list(line.points.values())[-1]), line) for line in lines]
    upper = max(ends, key=lambda end: end[0])[1] if ends else None
    for line in lines:
        epochs = list(line.points)
        # The name stands clear of the stretch of its line that it spans, and inside the axes.
        spanned = [line.points[e] for e in epochs if epochs[-1] - e <= (epochs[-1] - epochs[0]) / 4]
        above = line is upper or _height(line, min(spanned)) < MARGIN / 2
        line.axes.annotate(
            line.name,
            (epochs[-1], max(spanned) if above else min(spanned)),
            xytext=(-6, 14 if above else -14),
            textcoords="offset points",
            ha="right",
            va="bottom" if above else "top",
            color=line.colour,
            fontsize=FONT_PT,
            path_effects=[withStroke(linewidth=4, foreground="white")],
        )


def _height(line: Line, value: float) -> float:
    """Height of a value in its axes, 0..1: two axes compare only so."""
    place = line.axes.transData.transform((0.0, value))
    return float(line.axes.transAxes.inverted().transform(place)[1])
