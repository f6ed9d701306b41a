"""Pictures of networks side by side: the paper's figures 3 and 4, and curves of their training.

image + masks, image + label ids a network, rows of log.csv a network -> PNG

It never computes a score and never predicts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seget.evaluation.sheet import (
    DPI,
    RGB,
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
    resized,
    rgb,
)

# The magnified square takes this share of a panel's shorter edge, and shows its area so many times
# as large as the panel does.
BOX_SHARE, MAGNIFICATION = 0.4, 3
FRAME, EDGE, FRAME_PX = "#a0a0a0", "#000000", 3

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


class MagnifiedSquare(NamedTuple):
    """The square of a slice that is shown `times` as large: its first row, column and its edge."""

    y: int
    x: int
    edge: int
    times: int


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

    The square in the top left corner of each panel magnifies the area with the thin frame.

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
        with the most borders of labels in the last panel, the first of equal ones, clear of the
        square.
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
    square = _busiest(truth, layout) if zoom is None else _designated(zoom, image.shape, layout)
    for name, panel in drawn.items():
        _magnify(panel, whole[name], square, layout)
    unseen = [UNSEEN] if np.ma.is_masked(truth) else []
    key = Key("structures", [*colours.values(), *unseen])
    draw_sheet(path, drawn, [key], title, layout, pixel_size_nm)


def _designated(
    zoom: tuple[int, int, int], shape: tuple[int, ...], layout: SheetLayout
) -> MagnifiedSquare:
    """Return the area asked for, if it can be shown larger than the panel shows it."""
    y, x, edge = zoom
    if min(y, x) < 0 or edge < 1 or y + edge > shape[0] or x + edge > shape[1]:
        raise ValueError(f"zoom {zoom} is not inside the slice of shape {shape}.")
    box = BOX_SHARE * min(layout.height, layout.width)
    largest = int(box / (int(layout.shown) + 1))
    if edge > largest:
        raise ValueError(f"zoom {zoom} is too large to be magnified; its edge may be {largest} px.")
    return MagnifiedSquare(y, x, edge, int(box / edge))


def _busiest(truth: Labels, layout: SheetLayout) -> MagnifiedSquare:
    """Return the square with the most borders of labels that the magnified one does not hide."""
    box = BOX_SHARE * min(layout.height, layout.width)
    edge = max(1, int(box / max(1, math.ceil(MAGNIFICATION * layout.shown))))
    times = max(1, int(box / edge))
    truth = np.ma.getdata(truth)
    borders = np.zeros(truth.shape, dtype=np.int64)
    borders[1:] += truth[1:] != truth[:-1]
    borders[:, 1:] += truth[:, 1:] != truth[:, :-1]
    # Sums over all windows from sums over all rectangles that begin in the corner.
    sums = np.pad(borders.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    counts = sums[edge:, edge:] - sums[:-edge, edge:] - sums[edge:, :-edge] + sums[:-edge, :-edge]
    hidden = math.ceil((edge * times + 3 * layout.px(FRAME_PX)) / layout.shown)
    counts[:hidden, :hidden] = -1
    y, x = np.unravel_index(int(counts.argmax()), counts.shape)
    return MagnifiedSquare(int(y), int(x), edge, times)


def _magnify(panel: RGB, whole: RGB, square: MagnifiedSquare, layout: SheetLayout) -> None:
    """Frame the square in the panel, and put it into the corner, magnified."""
    y, x, edge, times = square
    shown, line = layout.shown, layout.px(FRAME_PX)
    top, left = int(y * shown), int(x * shown)
    bottom, right = math.ceil((y + edge) * shown), math.ceil((x + edge) * shown)
    _frame(panel, panel[top:bottom, left:right].copy(), (top, left), line)
    _frame(panel, resized(whole[y : y + edge, x : x + edge], times), (line, line), line)


def _frame(panel: RGB, inside: RGB, corner: tuple[int, int], line: int) -> None:
    """Put `inside` into the panel, with a frame just outside of it."""
    (top, left), (height, width) = corner, inside.shape[:2]
    # Grey alone is lost on a grey image.
    for reach, colour in ((line + math.ceil(line / 2), EDGE), (line, FRAME)):
        outer = slice(max(0, top - reach), top + height + reach)
        panel[outer, max(0, left - reach) : left + width + reach] = rgb(colour)
    panel[top : top + height, left : left + width] = inside


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
