"""Areas of a slice as closed polygons, and polygons as areas.

mask <-> polygons

Filling the polygons of a mask gives exactly that mask. IMOD's contours have no holes: a hole is a
contour within a contour, and a pixel is in if an odd number of contours goes around its centre (the
even-odd rule). Polygons are `(n, 2)` y, x; pixel (i, j) reaches from (i, j) to (i + 1, j + 1). It
never knows a model or a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Polygon = npt.NDArray[np.floating[Any]]

# So many crossings of edges with rows are in memory at once.
CROSSINGS = 1 << 21


def outline(mask: Mask) -> list[npt.NDArray[np.float32]]:
    """Return the closed polygons around a mask.

    Their corners lie halfway between the centre of a pixel that is in and of a neighbour that is
    not: on borders of pixels, never on a corner, so that polygons do not touch. Corners on a
    straight line are left out. Pixels that touch by a corner only are outlined apart.

    Parameters
    ----------
    mask
        `(y, x)`, True inside.
    """
    starts, directions, width = _cracks(mask)
    if not starts.size:
        return []
    following = _following(starts, directions, width)
    y, x = np.divmod(starts, width)
    dy, dx = np.array([0, 1, 0, -1]), np.array([1, 0, -1, 0])
    # - 1 for the frame of background around the mask.
    middles = np.stack([y + dy[directions] / 2, x + dx[directions] / 2], axis=1) - 1
    return [_corners(middles[loop]) for loop in _loops(following.tolist())]


def _cracks(mask: Mask) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Return the borders between pixels that are in and not, directed around the inside.

    A border along +x has the inside at larger y, one along +y at smaller x.

    Returns
    -------
    starts
        Corner a border starts at, `y * width + x`.
    directions
        0 to 3: along +x, +y, -x, -y. Sorted by start, then by direction.
    width
        Corners in a row.
    """
    framed = np.pad(mask, 1).astype(np.int8)
    width = framed.shape[1] + 1
    rise_y, rise_x = np.diff(framed, axis=0), np.diff(framed, axis=1)
    found = []
    for direction, rise, sign, back in (
        (0, rise_y, 1, (0, 0)),
        (1, rise_x, -1, (0, 0)),
        (2, rise_y, -1, (0, 1)),
        (3, rise_x, 1, (1, 0)),
    ):
        y, x = np.nonzero(rise == sign)
        # The corner with number (y, x) is the one before pixel (y, x) of the framed mask.
        below, right = (1, 0) if direction in (0, 2) else (0, 1)
        corner = (y + below + back[0]) * width + x + right + back[1]
        found.append(4 * corner + direction)
    keys = np.sort(np.concatenate(found))
    return keys // 4, keys % 4, width


def _following(
    starts: npt.NDArray[np.int64], directions: npt.NDArray[np.int64], width: int
) -> npt.NDArray[np.int64]:
    """Return for each border the number of the one that follows it."""
    ends = starts + np.array([1, width, -1, -width])[directions]
    first = np.searchsorted(starts, ends)
    second = np.minimum(first + 1, starts.size - 1)
    # Where two pixels touch by a corner only, two borders start: the turn from +x
    # to +y, from +y to -x and so on stays at the same pixel.
    left = (directions + 1) % 4
    is_fork = (second > first) & (starts[second] == ends)
    following: npt.NDArray[np.int64] = np.where(
        is_fork & (directions[first] != left), second, first
    )
    return following


def _loops(following: list[int]) -> list[list[int]]:
    """Split a permutation into its cycles."""
    seen = bytearray(len(following))
    loops = []
    for start in range(len(following)):
        loop, at = [], start
        while not seen[at]:
            seen[at] = 1
            loop.append(at)
            at = following[at]
        if loop:
            loops.append(loop)
    return loops


def _corners(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    step = np.roll(points, -1, axis=0) - points
    turns = (step != np.roll(step, 1, axis=0)).any(axis=1)
    corners: npt.NDArray[np.float32] = points[turns].astype(np.float32)
    return corners


def fill(polygons: Sequence[Polygon], shape: tuple[int, int]) -> Mask:
    """Return the pixels whose centres an odd number of polygons goes around.

    A centre on a polygon itself is in where the area lies at larger y, or at larger x.

    Parameters
    ----------
    polygons
        `(n, 2)` y, x each, closed by themselves; fewer than three corners go around nothing.
    shape
        `(y, x)` extent in pixels; what lies beyond is cut off.
    """
    mask = np.zeros(shape, np.bool_)
    edges = _edges(polygons)
    if not edges.size:
        return mask
    corner = np.clip(np.floor(edges.min(axis=(0, 1))), 0, shape).astype(np.int64)
    height, width = np.clip(np.ceil(edges.max(axis=(0, 1))), corner, shape).astype(int) - corner
    toggles = np.zeros((height, width + 1), np.uint8)
    for begin, end in _batches(edges - corner, height):
        _cross(toggles, begin, end)
    # A pixel is in after an odd number of crossings; a sum of bytes wraps and stays odd or even.
    inside = np.bitwise_xor.accumulate(toggles[:, :width] & 1, axis=1)
    mask[corner[0] :, corner[1] :][:height, :width] = inside
    return mask


def _edges(polygons: Sequence[Polygon]) -> npt.NDArray[np.float64]:
    """Return `(edges, 2, 2)`: begin and end of each, y and x."""
    parts = [np.zeros((0, 2, 2))]
    for polygon in polygons:
        points = polygon.astype(np.float64)
        parts.append(np.stack([points, np.roll(points, -1, axis=0)], axis=1))
    return np.concatenate(parts)


def _batches(
    edges: npt.NDArray[np.float64], height: int
) -> list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Return edges in groups that cross no more than `CROSSINGS` rows altogether."""
    size = max(1, CROSSINGS // max(1, height))
    return [
        (edges[at : at + size, 0], edges[at : at + size, 1]) for at in range(0, len(edges), size)
    ]


def _cross(
    toggles: npt.NDArray[np.uint8], begin: npt.NDArray[np.float64], end: npt.NDArray[np.float64]
) -> None:
    """Add 1 to the first pixel behind each crossing of an edge with the middle of a row."""
    height, columns = toggles.shape
    # Row i is crossed where i + 0.5 lies in [lower end, upper end): corners count once.
    first, last = (
        np.clip(np.ceil(pick(begin[:, 0], end[:, 0]) - 0.5), 0, height).astype(np.int64)
        for pick in (np.minimum, np.maximum)
    )
    counts = last - first
    edge = np.repeat(np.arange(len(begin)), counts)
    row = np.arange(edge.size) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    (y0, x0), (y1, x1) = begin[edge].T, end[edge].T
    x = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
    column = np.clip(np.ceil(x - 0.5), 0, columns - 1).astype(np.int64)
    np.add.at(toggles, (row, column), 1)
