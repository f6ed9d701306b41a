"""The square of a panel that magnifies an area of it, as in the paper's figure 4.

labels of all panels -> which area, in which corner -> painted into each panel

It never hides what it magnifies, and lies where the fewest labels are.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seget.evaluation.sheet import RGB, Labels, SheetLayout, resized, rgb

# The magnified square takes this share of a panel's shorter edge, and shows its area so many times
# as large as the panel does.
BOX_SHARE, MAGNIFICATION = 0.4, 3
FRAME, EDGE, FRAME_PX = "#a0a0a0", "#000000", 3


class Corner(NamedTuple):
    """A corner of a panel."""

    bottom: bool
    right: bool

    def area(self, shape: tuple[int, ...], edge: int) -> tuple[slice, slice]:
        """Return rows and columns of a square of this edge in the corner."""
        height, width = shape[:2]
        rows = slice(max(0, height - edge), height) if self.bottom else slice(edge)
        columns = slice(max(0, width - edge), width) if self.right else slice(edge)
        return rows, columns


CORNERS = tuple(Corner(*at) for at in itertools.product((False, True), repeat=2))


class MagnifiedSquare(NamedTuple):
    """The square of a slice that is shown `times` as large: its first row, column and its edge.

    It is shown in a corner of the panel, at the bottom or the top, to the right or the left.
    """

    y: int
    x: int
    edge: int
    times: int
    corner: Corner


def designated(
    zoom: tuple[int, int, int], labelled: npt.NDArray[np.int64], layout: SheetLayout
) -> MagnifiedSquare:
    """Return the area asked for, if it can be shown larger than the panel shows it."""
    y, x, edge = zoom
    shape = labelled.shape
    if min(y, x) < 0 or edge < 1 or y + edge > shape[0] or x + edge > shape[1]:
        raise ValueError(f"zoom {zoom} is not inside the slice of shape {shape}.")
    box = BOX_SHARE * min(layout.height, layout.width)
    largest = int(box / (int(layout.shown) + 1))
    if edge > largest:
        raise ValueError(f"zoom {zoom} is too large to be magnified; its edge may be {largest} px.")
    times = int(box / edge)
    wanted = np.zeros(shape, np.bool_)
    wanted[y : y + edge, x : x + edge] = True
    # Any corner rather than on top of what is to be seen.
    hidden = _hidden(edge * times, layout)
    return MagnifiedSquare(y, x, edge, times, _emptiest(labelled + wanted * labelled.size, hidden))


def _hidden(box_px: int, layout: SheetLayout) -> int:
    """Return the edge in pixels of the slice of what a magnified square and its frame hide."""
    return math.ceil((box_px + 3 * layout.px(FRAME_PX)) / layout.shown)


def _emptiest(labelled: npt.NDArray[np.int64], edge: int) -> Corner:
    """Return the corner whose square holds the fewest labels, the first of equal ones."""
    return min(CORNERS, key=lambda corner: labelled[corner.area(labelled.shape, edge)].sum())


def busiest(truth: Labels, labelled: npt.NDArray[np.int64], layout: SheetLayout) -> MagnifiedSquare:
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
    hidden = _hidden(edge * times, layout)
    corner = _emptiest(labelled, hidden)
    # A window that reaches into the corner begins less than its edge before it.
    counts[corner.area(counts.shape, hidden)] = -1
    y, x = np.unravel_index(int(counts.argmax()), counts.shape)
    return MagnifiedSquare(int(y), int(x), edge, times, corner)


def magnify(panel: RGB, whole: RGB, square: MagnifiedSquare, layout: SheetLayout) -> None:
    """Frame the square in the panel, and put it into the corner, magnified."""
    y, x, edge, times, corner = square
    shown, line = layout.shown, layout.px(FRAME_PX)
    top, left = int(y * shown), int(x * shown)
    bottom, right = math.ceil((y + edge) * shown), math.ceil((x + edge) * shown)
    _frame(panel, panel[top:bottom, left:right].copy(), (top, left), line)
    large = resized(whole[y : y + edge, x : x + edge], times)
    height, width = panel.shape[0] - line - len(large), panel.shape[1] - line - large.shape[1]
    place = (height if corner.bottom else line, width if corner.right else line)
    _frame(panel, large, place, line)


def _frame(panel: RGB, inside: RGB, corner: tuple[int, int], line: int) -> None:
    """Put `inside` into the panel, with a frame just outside of it."""
    (top, left), (height, width) = corner, inside.shape[:2]
    # Grey alone is lost on a grey image.
    for reach, colour in ((line + math.ceil(line / 2), EDGE), (line, FRAME)):
        outer = slice(max(0, top - reach), top + height + reach)
        panel[outer, max(0, left - reach) : left + width + reach] = rgb(colour)
    panel[top : top + height, left : left + width] = inside
