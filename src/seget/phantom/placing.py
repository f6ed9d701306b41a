"""Tests whether an object has room: what is taken, and which side of the cleft a point is on.

balls (nm) -> is there room for them

It never paints. Every object that takes room is approximated by balls `(z, y, x, radius)` in nm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Points = npt.NDArray[np.float64]
# Balls are looked up in square cells of this edge, across z; those of a larger radius apart.
CELL_NM = 250.0


@dataclass(frozen=True)
class Thing:
    """One placed object.

    Attributes
    ----------
    kind
        The name of the function that paints it.
    structure
        The structure whose mask it belongs to, or None.
    low, high
        `(z, y, x)` corners in nm of a box that holds all of it.
    geometry
        What the painting function wants, plain numbers and lists.
    """

    kind: str
    structure: str | None
    low: tuple[float, ...]
    high: tuple[float, ...]
    geometry: Mapping[str, Any]


@dataclass(frozen=True)
class CleftSheet:
    """The middle of the synaptic cleft: a flat sheet with waves on it."""

    origin: Points
    normal: Points
    waves: tuple[tuple[float, ...], ...]

    def depth(self, points: Points) -> Points:
        """How far `(n, 3)` points lie in the T cell, nm; negative in the target cell."""
        depth: Points = (points - self.origin) @ self.normal
        for amplitude, phase, *cycles in self.waves:
            depth = depth - amplitude * np.sin(2 * np.pi * (points @ np.array(cycles)) + phase)
        return depth


class Borders(Protocol):
    """What no object may cross."""

    def depth(self, points: Points) -> Points:
        """How far `(n, 3)` points lie from it in nm; negative beyond it."""


# A thing and the balls `(n, 4)` that approximate it.
Made = tuple[Thing, Points]


class Space:
    """The field, the cleft or other borders, and the balls that have been placed."""

    def __init__(self, extent_nm: Points, cleft: Borders) -> None:
        self.extent = extent_nm
        self.cleft = cleft
        self.balls: Points = np.zeros((0, 4))
        self._cells: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self._large: list[int] = []

    def take(self, balls: Points) -> None:
        """Remember that these balls are taken."""
        cells = np.floor_divide(balls[:, 1:3], CELL_NM).astype(int).tolist()
        for number, (y, x) in enumerate(cells, start=len(self.balls)):
            large = balls[number - len(self.balls), 3] > CELL_NM
            (self._large if large else self._cells[y, x]).append(number)
        self.balls = np.concatenate([self.balls, balls])

    def free(self, balls: Points, gap: float, *, inside: bool = True) -> bool:
        """Whether balls keep `gap` nm from all that is taken, and from the cleft.

        Parameters
        ----------
        inside
            True: the balls must lie in the T cell. False: in either cell.
        """
        depth = self.cleft.depth(balls[:, :3])
        depth = depth if inside else np.abs(depth)
        if (depth < balls[:, 3] + gap + 25).any():
            return False
        return not self.touches(balls, gap).any()

    def touches(self, balls: Points, gap: float) -> npt.NDArray[np.bool_]:
        """Which balls come nearer than `gap` nm to something that is taken: `(n,)`."""
        touched = np.zeros(len(balls), dtype=bool)
        # Sorted by y and x, a batch of balls lies in a small box, which most taken balls miss.
        order = np.lexsort((balls[:, 2] // 300, balls[:, 1] // 300))
        for first in range(0, len(balls), 128):
            batch = order[first : first + 128]
            some = balls[batch]
            low = (some[:, :3] - some[:, 3:]).min(axis=0) - gap
            high = (some[:, :3] + some[:, 3:]).max(axis=0) + gap
            taken = self._taken(low, high)
            at, radius = taken[:, :3], taken[:, 3:]
            others = taken[((at > low - radius) & (at < high + radius)).all(axis=1)]
            apart = np.linalg.norm(some[:, None, :3] - others[None, :, :3], axis=2)
            near = apart < some[:, None, 3] + others[None, :, 3] + gap
            touched[batch] = near.any(axis=1)
        return touched

    def _taken(self, low: Points, high: Points) -> Points:
        """Balls that may reach into the box from `low` to `high` nm: `(n, 4)`."""
        (y, x), (last_y, last_x) = (
            np.floor_divide(corner, CELL_NM).astype(int).tolist()
            for corner in (low[1:] - CELL_NM, high[1:] + CELL_NM)
        )
        numbers = list(self._large)
        for row in range(y, last_y + 1):
            for column in range(x, last_x + 1):
                numbers += self._cells.get((row, column), ())
        return self.balls[numbers]

    def within(self, point: Sequence[float] | Points, margin: float) -> bool:
        """Whether a point lies in the field, `margin` nm from its sides (not top and bottom)."""
        at = np.asarray(point)[1:]
        return bool((at > margin).all() and (at < self.extent[1:] - margin).all())


def spread(points: Points, apart_nm: float) -> Points:
    """Return `(n, 3)` points without those nearer than `apart_nm` to an earlier one kept."""
    if not len(points):
        return points
    kept = np.ones(len(points), dtype=bool)
    for first, second in sorted(cKDTree(points).query_pairs(apart_nm)):
        if kept[first]:
            kept[second] = False
    return points[kept]


def chain(path: Points, radius: float, step_nm: float) -> Points:
    """Balls of one radius along a polyline: `(n, 4)`."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, lengths[-1], max(2, int(np.ceil(lengths[-1] / step_nm)) + 1))
    points = np.stack([np.interp(at, lengths, path[:, axis]) for axis in range(3)], axis=1)
    return np.column_stack([points, np.full(len(points), radius)])


def direction(rng: np.random.Generator, tilt_deg: float = 90.0) -> Points:
    """Random unit vector, at most `tilt_deg` out of the plane of the section."""
    up = rng.uniform(-1, 1) * np.sin(np.deg2rad(tilt_deg))
    turn = rng.uniform(0, 2 * np.pi)
    flat = np.sqrt(1 - up * up)
    return np.array([up, flat * np.sin(turn), flat * np.cos(turn)])


def frame(first: Points) -> Points:
    """Three orthonormal rows: the unit vector `first`, one in the plane of the section, a third."""
    second = np.array([0.0, -first[2], first[1]])
    norm = np.linalg.norm(second)
    second = second / norm if norm > 1e-6 else np.array([0.0, 1.0, 0.0])
    return np.stack([first, second, np.cross(first, second)])
