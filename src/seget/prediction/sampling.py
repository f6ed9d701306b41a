"""Windows of a tomogram that stand for all of it.

SliceReader -> normalised windows (c, y, x) of one size, from all depths and regions

It never scores them.
"""

from __future__ import annotations

import numpy as np

from seget.prediction.engine import Pixels
from seget.slices import SliceReader
from seget.volume import Box

# Where a window lies, as a share of the room that it has in y and x.
PLACES = ((0.5, 0.5), (0.25, 0.25), (0.75, 0.75), (0.25, 0.75), (0.75, 0.25))


def sample_windows(reader: SliceReader, number: int, edge_px: int) -> list[Pixels]:
    """Return `number` windows, each of the place with the least padding of its slice.

    Windows that are all padding are left out, unless all are.
    """
    room = slice(0, reader.shape[1]), slice(0, reader.shape[2])
    found = [_window(reader, z, at, room, edge_px) for at, z in enumerate(_depths(reader, number))]
    return [pixels for pixels, share in found if share > 0] or [found[0][0]]


def content_windows(reader: SliceReader, number: int, edge_px: int, least_px: int) -> list[Pixels]:
    """Return up to `number` windows without any padding.

    They are `edge_px` wide, or as wide as the content is if a frame around it leaves less; none
    where that is below `least_px`.
    """
    depths = _depths(reader, number)
    room = _room(reader, depths)
    widths = [side.stop - side.start for side in room]
    if any(own < min(least_px, all_) for own, all_ in zip(widths, reader.shape[1:], strict=True)):
        return []
    found = [_window(reader, z, at, room, edge_px) for at, z in enumerate(depths)]
    return [pixels for pixels, share in found if share == 1]


def _depths(reader: SliceReader, number: int) -> list[int]:
    """Return slices at the middle of each of `number` parts of the depth."""
    return [int((reader.shape[0] - 1) * (at + 0.5) / number + 0.5) for at in range(number)]


def _room(reader: SliceReader, depths: list[int]) -> Box:
    """Return the rows and columns between the frames of all slices that are not all padding."""
    sides = [slice(0, extent) for extent in reader.shape[1:]]
    for content in map(reader.content, sorted(set(depths))):
        if content is None or not content.any():
            continue
        for axis, side in enumerate(sides):
            filled = np.flatnonzero(content.any(axis=1 - axis))
            low, high = max(side.start, int(filled[0])), min(side.stop, int(filled[-1]) + 1)
            sides[axis] = slice(low, max(low, high))
    return sides[0], sides[1]


def _window(reader: SliceReader, z: int, at: int, room: Box, edge_px: int) -> tuple[Pixels, float]:
    """Return a window, and the share of it that is not padding."""
    boxes = [_box(room, PLACES[(at + turn) % len(PLACES)], edge_px) for turn in range(len(PLACES))]
    shares = []
    for box in boxes:
        content = reader.content(z, box)
        shares.append(1.0 if content is None else float(content.mean()))
        if shares[-1] == 1:
            break
    best = int(np.argmax(shares))
    return reader.read(z, boxes[best]), shares[best]


def _box(room: Box, place: tuple[float, float], edge_px: int) -> Box:
    """Return rows and columns of a window at a place of the room."""
    y, x = (
        (side.start + round((side.stop - side.start - edge) * share), edge)
        for side, share in zip(room, place, strict=True)
        for edge in (min(side.stop - side.start, edge_px),)
    )
    return slice(y[0], sum(y)), slice(x[0], sum(x))
