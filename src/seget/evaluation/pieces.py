"""Objects of annotated slices, found slice by slice.

bool slices in order -> Found: size, slices and a place of each object; overlaps of two Founds

It never holds more than two slices. Pixels that share an edge or a corner are one object, also from
a slice to the next one; where a slice is missing between them objects end. Specks are only counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

from seget.measurement.components import touching, united

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint32]
FEWEST_PX = 9  # on the slice where an object is largest: what has fewer is a speck


@dataclass(frozen=True)
class Found:
    """Objects, numbered from 0.

    Attributes
    ----------
    voxels
        `(n,)` how many each has.
    first, last
        `(n,)` its slices.
    places
        `(n, 3)` z, y, x of a pixel of it, in the middle of the slice on which it is largest.
    group
        Of the pieces of objects on single slices, which object each is of; -1 of specks.
    specks
        How many more there are that have fewer than 9 pixels on every slice.
    """

    voxels: Ints
    first: Ints
    last: Ints
    places: Ints
    group: Ints
    specks: int = 0

    def __len__(self) -> int:
        """Return how many objects there are."""
        return len(self.voxels)


@dataclass
class Pieces:
    """Pieces of objects on single slices, numbered from 1, and which of them are one object."""

    count: int = 0
    _voxels: list[Ints] = field(default_factory=list)
    _places: list[Ints] = field(default_factory=list)
    _touching: list[Ints] = field(default_factory=list)
    _before: tuple[int, Ids] | None = None

    def add(self, z: int, mask: Bools) -> Ids:
        """Take in slice `z`, `(y, x)`, the slices ascending; return the number at each pixel."""
        numbers = np.zeros(mask.shape, np.uint32)
        box = _box(mask)
        found, count = label(mask[box], np.ones((3, 3), np.int8), output=np.uint32)
        numbers[box] = np.where(mask[box], found + np.uint32(self.count), np.uint32(0))
        at = np.flatnonzero(mask)
        of = numbers.ravel()[at].astype(np.int64) - 1 - self.count
        by_piece = np.argsort(of, kind="stable")
        voxels = np.bincount(of, minlength=count).astype(np.int64)
        middle = np.cumsum(voxels) - voxels + voxels // 2
        y, x = np.unravel_index(at[by_piece][middle], mask.shape)
        self._voxels.append(voxels)
        self._places.append(np.stack([np.full(count, z), y, x], axis=1).astype(np.int64))
        if self._before is not None and self._before[0] == z - 1:
            above, below = (one[_box(mask, 1)] for one in (self._before[1], numbers))
            codes = [(one > 0).astype(np.uint32) for one in (above, below)]
            self._touching.append(touching(above, codes[0], below, codes[1]))
        self._before, self.count = (z, numbers), self.count + count
        return numbers

    def objects(self) -> tuple[Ints, Ints]:
        """Return which object each piece is of, from 0, and the voxels of each object."""
        group, count = united(self._touching, self.count)
        total = np.zeros(count, np.int64)
        np.add.at(total, group, np.concatenate([np.zeros(0, np.int64), *self._voxels]))
        return group, total

    def found(self) -> Found:
        """Return the objects that the pieces make up, without specks."""
        group, total = self.objects()
        count = len(total)
        voxels = np.concatenate([np.zeros(0, np.int64), *self._voxels])
        places = np.concatenate([np.zeros((0, 3), np.int64), *self._places])
        first, last = (np.zeros(count, np.int64) for _ in range(2))
        first[:] = np.iinfo(np.int64).max
        np.minimum.at(first, group, places[:, 0])
        np.maximum.at(last, group, places[:, 0])
        chosen = np.zeros((count, 3), np.int64)
        largest = np.zeros(count, np.int64)
        order = np.argsort(voxels, kind="stable")  # written last is kept: the largest piece
        chosen[group[order]] = places[order]
        largest[group[order]] = voxels[order]
        kept = largest >= FEWEST_PX
        number = np.where(kept, np.cumsum(kept) - 1, -1)
        specks = count - int(kept.sum())
        return Found(total[kept], first[kept], last[kept], chosen[kept], number[group], specks)


def _box(mask: Bools, margin: int = 0) -> tuple[slice, slice]:
    """Return rows and columns that hold a mask of a slice, and a margin around; none if empty."""
    ends = []
    for axis in (1, 0):
        on = np.flatnonzero(mask.any(axis=axis))
        first, last = (int(on[0]), int(on[-1]) + 1) if on.size else (0, 0)
        ends.append(slice(max(0, first - margin), last + margin if on.size else 0))
    return ends[0], ends[1]


@dataclass
class Overlaps:
    """How many pixels each piece of one kind shares with each of another."""

    _keys: list[npt.NDArray[Any]] = field(default_factory=list)
    _counts: list[Ints] = field(default_factory=list)

    def add(self, a: Ids, b: Ids) -> None:
        """Take in the numbers of two kinds of pieces on a slice."""
        both = (a > 0) & (b > 0)
        key = a[both].astype(np.int64) << 32 | b[both].astype(np.int64)
        keys, counts = np.unique(key, return_counts=True)
        self._keys.append(keys)
        self._counts.append(counts.astype(np.int64))

    def of(self, a: Found, b: Found) -> tuple[Ints, Ints, Ints]:
        """Return pairs of objects that overlap, `(k,)` of `a`, of `b`, and pixels in common."""
        keys = np.concatenate([np.zeros(0, np.int64), *self._keys])
        counts = np.concatenate([np.zeros(0, np.int64), *self._counts])
        of_a, of_b = a.group[(keys >> 32) - 1], b.group[(keys & 0xFFFFFFFF) - 1]
        kept = (of_a >= 0) & (of_b >= 0)
        pairs, which = np.unique(of_a[kept] << 32 | of_b[kept], return_inverse=True)
        total = np.zeros(len(pairs), np.int64)
        np.add.at(total, which.ravel(), counts[kept])
        return pairs >> 32, pairs & 0xFFFFFFFF, total
