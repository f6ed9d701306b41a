"""Where a slice is cut: windows (tiles with a halo) for prediction, patches for training.

(y, x) shape -> windows, corners

It never touches an array: it computes with integers only.
Patches: 512 px every 256 px, section 4.1 of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from seget.volume import Box


@dataclass(frozen=True)
class Window:
    """One tile of a slice: `result[write] = network(image[read])[keep]`.

    Attributes
    ----------
    read
        `(y, x)` part of the slice the network sees: `write` and the halo around it.
    keep
        `(y, x)` part of what was read that is kept, counted from the corner of `read`.
    write
        `(y, x)` part of the slice where the kept pixels go.
    """

    read: Box
    keep: Box
    write: Box


def windows(shape: tuple[int, int], size: int, halo: int, multiple: int = 16) -> list[Window]:
    """Cut a slice into windows whose write regions cover each pixel exactly once.

    Strided convolutions give the same result as in the whole slice only if the read region starts
    at a multiple of their stride, so it starts at a multiple of `multiple`. Near a border it is
    shifted inwards, not cut: all read regions have one size (up to the remainder of the slice by
    `multiple`), for which an engine compiles once.

    Parameters
    ----------
    shape
        `(y, x)` of the slice in px.
    size
        Edge of a write region in px, rounded up to a multiple of `multiple`.
    halo
        Least distance in px from a kept pixel to the edge of the read region, unless that edge is
        the border of the slice.
    multiple
        Total stride in px of the network's coarsest level.

    Raises
    ------
    ValueError
        If `size` or `multiple` is below 1, or `halo` is negative.
    """
    if size < 1 or halo < 0 or multiple < 1:
        raise ValueError(
            f"size {size}, halo {halo}, multiple {multiple}: "
            "size and multiple must be at least 1 px, halo at least 0 px."
        )
    stride = _round_up(size, multiple)
    rows, columns = (_spans(extent, stride, halo, multiple) for extent in shape)
    return [
        Window(
            read=(row[0], column[0]),
            keep=(row[1], column[1]),
            write=(row[2], column[2]),
        )
        for row, column in product(rows, columns)
    ]


def corners(shape: tuple[int, int], patch: int, stride: int) -> list[tuple[int, int]]:
    """Top left corners of the training patches of a slice, row by row.

    If the last patch does not end at the border, one more is added that does, so that every pixel
    is covered as long as `stride <= patch`. A slice smaller than the patch has the one corner 0,
    and the caller pads. 2048 px with 512 px patches every 256 px give the paper's 7 x 7.

    Parameters
    ----------
    shape
        `(y, x)` of the slice in px.
    patch, stride
        Edge of a patch, and the step from one to the next, in px.

    Raises
    ------
    ValueError
        If `patch` or `stride` is below 1.
    """
    if patch < 1 or stride < 1:
        raise ValueError(f"patch {patch}, stride {stride}: both must be at least 1 px.")
    rows, columns = (_starts(extent, patch, stride) for extent in shape)
    return list(product(rows, columns))


def share(count: int, number: int, of: int) -> range:
    """Return which of a batch's patches part `number` of so many has; all where they are too few.

    Several processes that train together have a part each.
    """
    return range(count) if count < of else range(count * number // of, count * (number + 1) // of)


def overlap(y: int, x: int, size: int, shape: tuple[int, int, int]) -> tuple[Box, Box]:
    """Return the part of a slice inside a square, as a box of the slice and of the square."""
    read, place = [], []
    for start, extent in zip((y, x), shape[1:], strict=True):
        inside = slice(max(start, 0), min(start + size, extent))
        read.append(inside)
        place.append(slice(inside.start - start, inside.stop - start))
    return (read[0], read[1]), (place[0], place[1])


def _spans(extent: int, stride: int, halo: int, multiple: int) -> list[tuple[slice, slice, slice]]:
    """Return (read, keep, write) of each window along one axis."""
    spans = []
    around = _round_up(halo, multiple)
    for start in range(0, extent, stride):
        stop = min(start + stride, extent)
        low = max(0, start - around)
        high = low + stride + 2 * around
        if high > extent:
            low = max(0, extent - stride - 2 * around) // multiple * multiple
            high = extent
        spans.append((slice(low, high), slice(start - low, stop - low), slice(start, stop)))
    return spans


def _starts(extent: int, patch: int, stride: int) -> list[int]:
    """Return the starts of the patches along one axis."""
    last = max(0, extent - patch)
    starts = list(range(0, last + 1, stride))
    return starts if starts[-1] == last else [*starts, last]


def _round_up(number: int, multiple: int) -> int:
    """Return the smallest multiple that is not below `number`."""
    return -(-number // multiple) * multiple
