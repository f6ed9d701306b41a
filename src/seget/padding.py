"""Finds the padding of a slice: frames and corners of one value, empty slices, NaN and infinity.

slice (y, x) -> True where it is padding

It never looks at another slice, and never changes a pixel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Bools = npt.NDArray[np.bool_]

# Padding consists of squares of one value with this edge; noise has hardly any such square.
SQUARE_PX = 3
# A region of padding has at least BORDER_RUN_PX pixels on the border of the slice, LEAST_PX in all.
BORDER_RUN_PX, LEAST_PX = 16, 64
# A slice with at most this many different values is taken for labels; grey values have more.
MOST_LABELS = 32


def padding(plane: npt.NDArray[Any]) -> Bools | None:
    """Return True where a slice `(y, x)` is padding; None if nothing of it is.

    Padding is every region of one value, whichever it is, with `BORDER_RUN_PX` or more pixels on
    the border of the slice; a slice of one value is all padding. Regions are made of 3 x 3 squares
    of one value, so that noise which happens to equal it does not belong. Values that are not
    finite are padding anywhere.
    """
    finite = is_finite(plane)
    if finite is None and not _has_run(plane):
        return None
    flat = _squares(plane)
    if finite is not None:
        flat |= ~finite
    labels, number = ndimage.label(flat)
    sizes = np.bincount(labels.ravel(), minlength=number + 1)
    on_border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    reached = np.bincount(on_border, minlength=number + 1)
    height, width = plane.shape
    is_padding = (sizes >= min(LEAST_PX, plane.size)) & (
        reached >= min(BORDER_RUN_PX, height, width)
    )
    is_padding[0] = False
    found: Bools = is_padding[labels]
    _grow(found, plane)
    if finite is not None:
        found |= ~finite
    return found if found.any() else None


def is_drawn(plane: npt.NDArray[Any]) -> bool:
    """Whether a slice `(y, x)` holds labels rather than grey values.

    It has few different values, or most pixels that are not padding lie in squares of one value.
    """
    return np.unique(plane).size <= MOST_LABELS or is_flat(plane, padding(plane))


def is_flat(plane: npt.NDArray[Any], empty: Bools | None = None) -> bool:
    """Whether most pixels of a slice `(y, x)` lie in squares of one value, `empty` left out."""
    flat = _squares(plane)
    return bool(np.mean(flat if empty is None else flat[~empty]) > 0.5)


def _grow(found: Bools, plane: npt.NDArray[Any]) -> None:
    """Add neighbours of the same value, which squares miss along slanted outlines; in place."""
    down, across = plane[1:] == plane[:-1], plane[:, 1:] == plane[:, :-1]
    for _ in range(SQUARE_PX - 1):
        found[1:] |= found[:-1] & down
        found[:-1] |= found[1:] & down
        found[:, 1:] |= found[:, :-1] & across
        found[:, :-1] |= found[:, 1:] & across


def is_finite(plane: npt.NDArray[Any]) -> Bools | None:
    """Return where values are finite as float32; None if they are everywhere."""
    if np.issubdtype(plane.dtype, np.integer):
        return None
    with np.errstate(over="ignore"):
        finite: Bools = np.isfinite(plane.astype(np.float32, copy=False))
    return None if finite.all() else finite


def _has_run(plane: npt.NDArray[Any]) -> bool:
    """Whether a border of the slice has a run of one value; if none has, there is no padding."""
    for line in (plane[0], plane[-1], plane[:, 0], plane[:, -1]):
        changes = np.flatnonzero(line[1:] != line[:-1])
        ends = np.concatenate([[-1], changes, [len(line) - 1]])
        if np.diff(ends).max() >= min(BORDER_RUN_PX, len(line)):
            return True
    return False


def _squares(plane: npt.NDArray[Any]) -> Bools:
    """Return True for the pixels of all 3 x 3 squares of one value.

    The border is repeated outwards, so that a frame of a single row is found too.
    """
    wide = np.pad(plane, SQUARE_PX - 1, mode="edge")
    down = wide[1:] == wide[:-1]
    columns = down[1:] & down[:-1]  # three below each other are equal
    across = wide[1:-1, 1:] == wide[1:-1, :-1]
    # The middle of a square: its three columns are each of one value, and the values are equal.
    middle = columns[:, 2:] & columns[:, 1:-1] & columns[:, :-2] & across[:, 1:] & across[:, :-1]
    rows = middle[2:] | middle[1:-1] | middle[:-2]
    squares: Bools = rows[:, 2:] | rows[:, 1:-1] | rows[:, :-2]
    return squares
