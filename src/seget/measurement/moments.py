"""Sums over the voxels of objects, from which size, place and principal axes follow.

voxels with numbers -> Moments (add up over parts of a volume) -> volume, centroid, axes

It never knows a voxel size: sums are in voxels, `principal_axes` and others turn them to nm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from seget.volume import Triple

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass
class Moments:
    """Sums over the voxels of `n` objects; an object without voxels has zeros.

    Attributes
    ----------
    voxels
        `(n,)` how many.
    first
        `(n, 3)` sums of z, y, x.
    second
        `(n, 6)` sums of zz, yy, xx, zy, zx, yx.
    low, high
        `(n, 3)` smallest index, and largest index + 1, along z, y, x.
    start
        `(n,)` position of the first voxel in the order in which the volume is stored.
    """

    voxels: Ints
    first: Floats
    second: Floats
    low: Ints
    high: Ints
    start: Ints

    @classmethod
    def nothing(cls, count: int) -> Moments:
        """Return the moments of `count` objects without voxels."""
        far = np.iinfo(np.int64).max
        return cls(
            np.zeros(count, np.int64),
            np.zeros((count, 3)),
            np.zeros((count, 6)),
            np.full((count, 3), far),
            np.zeros((count, 3), np.int64),
            np.full(count, far),
        )

    @classmethod
    def of(cls, numbers: npt.NDArray[Any], count: int, z: int) -> Moments:
        """Return the moments of objects 1 to `count` of a `(z, y, x)` slab that begins at `z`."""
        found = cls.nothing(count)
        at = np.flatnonzero(numbers)
        if not at.size:
            return found
        owner = numbers.ravel()[at].astype(np.int64) - 1
        place = [p.astype(np.float64) for p in np.unravel_index(at, numbers.shape)]
        place[0] += z
        found.voxels += np.bincount(owner, minlength=count)
        for axis in range(3):
            found.first[:, axis] = np.bincount(owner, place[axis], count)
        for column, (a, b) in enumerate(PAIRS):
            found.second[:, column] = np.bincount(owner, place[a] * place[b], count)
        for number, box in enumerate(find_objects(numbers, count)):
            if box is not None:
                found.low[number] = [part.start for part in box]
                found.high[number] = [part.stop for part in box]
        seen = found.voxels > 0
        found.low[seen, 0] += z
        found.high[seen, 0] += z
        # Of voxels written to one place the last stays: from the back, that is the first.
        found.start[owner[::-1]] = at[::-1] + z * numbers[0].size
        return found

    def merged(self, group: npt.NDArray[Any], count: int) -> Moments:
        """Add up objects that are one: object i belongs to `group[i]` of `count`."""
        total = Moments.nothing(count)
        np.add.at(total.voxels, group, self.voxels)
        np.add.at(total.first, group, self.first)
        np.add.at(total.second, group, self.second)
        np.minimum.at(total.low, group, self.low)
        np.maximum.at(total.high, group, self.high)
        np.minimum.at(total.start, group, self.start)
        return total

    def of_objects(self, chosen: npt.NDArray[Any]) -> Moments:
        """Return those of some objects, in the order in which they are named."""
        return Moments(
            self.voxels[chosen],
            self.first[chosen],
            self.second[chosen],
            self.low[chosen],
            self.high[chosen],
            self.start[chosen],
        )

    @property
    def centroids(self) -> Floats:
        """`(n, 3)` mean index of the voxels along z, y, x."""
        return np.asarray(self.first / np.maximum(self.voxels, 1)[:, None])

    def touches_border(self, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
        """Whether each object has a voxel at an end of an axis of more than one voxel: `(n,)`."""
        long = np.array(shape) > 1
        ends = (self.low == 0) | (self.high == np.array(shape))
        return np.asarray((ends & long).any(axis=1))


def joined(parts: list[Moments]) -> Moments:
    """Return the moments of the objects of several lists, one list behind the other."""
    if not parts:
        return Moments.nothing(0)
    return Moments(
        np.concatenate([part.voxels for part in parts]),
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.start for part in parts]),
    )


def principal_axes(moments: Moments, voxel_size_nm: Triple) -> tuple[Floats, Floats]:
    """Return lengths in nm and directions of the ellipsoids that have the objects' moments.

    Returns
    -------
    `(n, 3)` full lengths, the longest first, and `(n, 3, 3)` unit vectors z, y, x, one a row.
    """
    size = np.asarray(voxel_size_nm)
    centre = moments.centroids
    count = np.maximum(moments.voxels, 1)
    covariance = np.zeros((len(count), 3, 3))
    for column, (a, b) in enumerate(PAIRS):
        value = moments.second[:, column] / count - centre[:, a] * centre[:, b]
        # A voxel is no point: its own extent adds a twelfth of its square.
        value = value + (1 / 12 if a == b else 0)
        covariance[:, a, b] = covariance[:, b, a] = value * size[a] * size[b]
    variances, vectors = np.linalg.eigh(covariance)
    lengths = np.sqrt(20 * np.maximum(variances[:, ::-1], 0))
    return lengths, np.swapaxes(vectors[:, :, ::-1], 1, 2)
