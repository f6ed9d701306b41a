"""A picture of how far scores are from probabilities: the share of foreground by score.

results of `evaluate` -> PNG

It never computes a score. On the diagonal a score is the probability of being right.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seget.fusion import colour

DPI = 128
WIDTH_PX, HEIGHT_PX = 768, 896
FONT_PT = 12
# The paper's colours are for black; on white the light ones need an edge.
EDGE_COLOUR = "#404040"


def draw_reliability(to: Path | IO[bytes], structures: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw a point a structure and range of scores, as a PNG.

    Parameters
    ----------
    to
        Where the PNG is written.
    structures
        Of a result of `evaluate`: `reliability` and `calibration_error` are drawn. A structure
        that was judged nowhere is left out.
    """
    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.plot((0, 1), (0, 1), color="#909090", linestyle="--", linewidth=1, zorder=0)
    for index, (structure, scores) in enumerate(structures.items()):
        if scores["reliability"]:
            _draw(axes, structure, colour(structure, index), scores)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("score", fontsize=FONT_PT)
    axes.set_ylabel("share of foreground", fontsize=FONT_PT)
    axes.set_title("below the line: more certain than right", fontsize=FONT_PT)
    if len(axes.lines) > 1:
        figure.legend(loc="outside lower center", ncols=2, fontsize=FONT_PT - 2)
    # The format is said outright: while it is written, a file may have a passing name.
    figure.savefig(to, dpi=DPI, format="png")


def _draw(axes: Axes, structure: str, paint: str, scores: Mapping[str, Any]) -> None:
    """Draw one structure's line, with its calibration error in the legend."""
    rows = scores["reliability"]
    (line,) = axes.plot(
        [row["score"] for row in rows],
        [row["foreground"] for row in rows],
        color=EDGE_COLOUR,
        linewidth=1,
        marker="o",
        markersize=8,
        markerfacecolor=paint,
        markeredgecolor=EDGE_COLOUR,
        clip_on=False,
    )
    # A leading underscore would keep a name out of the legend, dollar signs would be a formula.
    name = structure.replace("$", r"\$").lstrip("_")
    line.set_label(f"{name}, error {scores['calibration_error']:.4f}")
