"""Pictures of networks side by side: the paper's figures 3 and 4, and curves of their training.

image + masks, image + label ids a network, rows of log.csv a network -> PNG

It never computes a score and never predicts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seget.comparison.magnified import busiest, designated, magnify
from seget.evaluation.sheet import (
    DPI,
    UNSEEN,
    Colours,
    Image,
    Key,
    Labels,
    SheetLayout,
    check_labels,
    draw_sheet,
    enlarged,
    grey,
    painted,
)

WIDTH_PX, HEIGHT_PX = 1280, 640
FONT_PT = 14
# Okabe and Ito's colours, which people with any colour blindness can tell apart. Each network has
# its own, whichever others are drawn.
NETWORK_COLOURS: Mapping[str, str] = {
    "FCN-8s": "#e69f00",
    "SegNet": "#009e73",
    "U-Net": "#56b4e9",
    "DeepLabv3+": "#cc79a7",
    "SegET": "#0b5394",
}
OTHER_COLOURS = ("#d55e00", "#666666", "#b8a800")


def figure3(
    path: Path,
    image: Image,
    masks: Mapping[str, npt.NDArray[np.bool_]],
    colours: Mapping[str, str],
    title: str,
    pixel_size_nm: float | None = None,
) -> None:
    """Draw a slice and the mask of each structure beside it, the paper's figure 3.

    Parameters
    ----------
    path
        Where the PNG is written, whatever its suffix.
    image
        `(y, x)` grey values, stretched from their 0.5th to their 99.5th percentile.
    masks
        Structure -> `(y, x)`, in the order of the picture; masked (`np.ma`) where it is not
        annotated.
    colours
        Structure -> its colour as `#rrggbb`.
    title
        What is shown: tomogram and slice number.
    pixel_size_nm
        Edge of a pixel of the slice in nm; None draws no scale bar.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    panels = {"image": grey(image)}
    for structure, mask in masks.items():
        one = {1: (structure, colours[structure])}
        labels = mask.astype(np.uint8)
        check_labels(structure, labels, image, one)
        panels[structure] = painted(labels, one)
    panels, shown = enlarged(panels)
    layout = SheetLayout.of(len(panels), panels["image"].shape, shown)
    keys = [Key("masks", [UNSEEN])] if any(map(np.ma.is_masked, masks.values())) else []
    draw_sheet(path, panels, keys, title, layout, pixel_size_nm)


def figure4(
    path: Path,
    image: Image,
    panels: Mapping[str, Labels],
    colours: Colours,
    title: str,
    zoom: tuple[int, int, int] | None = None,
    pixel_size_nm: float | None = None,
) -> None:
    """Draw a slice and what each network makes of it, the paper's figure 4.

    A square in the emptiest corner of each panel magnifies the area with the thin frame.

    Parameters
    ----------
    path
        Where the PNG is written, whatever its suffix.
    image
        `(y, x)` grey values, stretched from their 0.5th to their 99.5th percentile.
    panels
        Caption -> `(y, x)` label ids, 0 for the background, in the order of the picture: the
        networks, then the truth, which is masked (`np.ma`) where nothing is annotated.
    colours
        Label id -> name of the structure and its colour as `#rrggbb`.
    title
        What is shown: tomogram and slice number.
    zoom
        First row, first column and edge of the area in pixels of the slice; None takes the one
        with the most borders of labels in the last panel, clear of the magnified square.
    pixel_size_nm
        Edge of a pixel of the slice in nm; None draws no scale bar.

    Raises
    ------
    ValueError
        If the shapes differ, a label has no colour, or the area is too large or not in the slice.
    """
    for name, labels in panels.items():
        check_labels(name, labels, image, colours)
    whole = {"image": grey(image)} | {n: painted(labels, colours) for n, labels in panels.items()}
    drawn, shown = enlarged(whole)
    layout = SheetLayout.of(len(drawn), drawn["image"].shape, shown)
    truth = list(panels.values())[-1]
    labelled = np.sum([np.ma.getdata(labels) > 0 for labels in panels.values()], axis=0)
    square = designated(zoom, labelled, layout) if zoom else busiest(truth, labelled, layout)
    for name, panel in drawn.items():
        magnify(panel, whole[name], square, layout)
    unseen = [UNSEEN] if np.ma.is_masked(truth) else []
    key = Key("structures", [*colours.values(), *unseen])
    draw_sheet(path, drawn, [key], title, layout, pixel_size_nm)


def comparison_curves(
    path: Path,
    runs: Mapping[str, Sequence[Sequence[Mapping[str, float]]]],
    by: Literal["minutes", "step"],
) -> None:
    """Draw the validation mIOU of networks as a PNG: a colour a network, a line a seed.

    Values that are not finite are left out, so a training that validates every few epochs is
    drawn as well.

    Parameters
    ----------
    path
        Where the PNG is written, whatever its suffix.
    runs
        Title of a network -> a log a seed: rows of log.csv with `miou`, `step`, `elapsed_s`.
    by
        What runs to the right: minutes of training, or optimiser steps.
    """
    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI)
    axes = figure.add_subplot()
    handles: list[Line2D] = []
    for index, (title, logs) in enumerate(runs.items()):
        colour = network_colour(title, index)
        lines = [line for rows in logs if (line := _draw(axes, rows, by, colour))]
        handles += lines[:1]
        for line in lines[:1]:
            line.set_label(title)
    _dress(axes, "minutes of training" if by == "minutes" else "optimiser steps")
    if handles:
        legend = figure.legend(
            handles=handles, loc="outside right upper", frameon=False, fontsize=FONT_PT
        )
        for shown in legend.get_lines():
            shown.set_linewidth(4)
    else:
        axes.set_ylabel("no validation mIOU yet", fontsize=FONT_PT)
    # Room around everything: on a dark page the picture's white edge is seen.
    figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.15)
    # The format is said outright: while it is written, a file may have a passing name.
    figure.savefig(path, dpi=DPI, format="png")


def network_colour(title: str, index: int) -> str:
    """Colour of a network as `#rrggbb`; `index` is only used for titles the paper does not have."""
    return NETWORK_COLOURS.get(title, OTHER_COLOURS[index % len(OTHER_COLOURS)])


def _draw(axes: Axes, rows: Sequence[Mapping[str, float]], by: str, colour: str) -> Line2D | None:
    """Draw a seed's line, ringed at its best; return it, if there is one."""
    points = [
        (row["elapsed_s"] / 60 if by == "minutes" else row["step"], row["miou"])
        for row in rows
        if row["miou"] is not None and math.isfinite(row["miou"])
    ]
    if not points:
        return None
    (line,) = axes.plot(*zip(*points, strict=True), color=colour, linewidth=1.6)
    best = max(points, key=lambda point: point[1])
    axes.plot(*best, "o", color=colour, markersize=6)
    return line


def _dress(axes: Axes, below: str) -> None:
    """Name the axes, and lay a light grid behind the lines."""
    axes.set_xlabel(below, fontsize=FONT_PT)
    axes.set_ylabel("validation mIOU", fontsize=FONT_PT)
    axes.tick_params(labelsize=FONT_PT)
    axes.set_xlim(left=0)
    axes.grid(color="#dddddd", linewidth=1)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
