"""Resamples slices: by the area mean to a coarser grid, bilinearly to a finer one.

pixels (..., y, x) on one grid -> pixels (..., y, x) on another that covers the same area

It never knows a volume or a voxel size. It is a sparse matrix for each axis, so a box of the result
needs only a box of the source, and equals the same box cut from the whole result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from seget.volume import Box

Shape = tuple[int, int]
Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Resampling:
    """Resampling between two grids of a slice whose outer edges coincide.

    Attributes
    ----------
    source, target
        `(y, x)` extents in pixels.
    """

    source: Shape
    target: Shape

    @cached_property
    def inverse(self) -> Resampling:
        """Resampling back; not an exact inverse, since a coarser grid loses detail."""
        return Resampling(self.target, self.source)

    @cached_property
    def _weights(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        return _weights(self.source[0], self.target[0]), _weights(self.source[1], self.target[1])

    def box(self, wanted: Box) -> Box:
        """Return the part of the source that a part of the target depends on."""
        rows, columns = (
            _reach(weights, part) for weights, part in zip(self._weights, wanted, strict=True)
        )
        return rows, columns

    def __call__(self, pixels: npt.NDArray[Any], wanted: Box | None = None) -> Pixels:
        """Return `(..., y, x)` of the target, or of the part `wanted` of it.

        Parameters
        ----------
        pixels
            `(..., y, x)` of the source, or of `box(wanted)` of it.
        """
        rows, columns = self._weights
        if wanted is not None:
            read = self.box(wanted)
            rows = rows[wanted[0]][:, read[0]]
            columns = columns[wanted[1]][:, read[1]]
        flat = pixels.reshape(-1, *pixels.shape[-2:]).astype(np.float32, copy=False)
        # rows (y', y) @ plane (y, x), then columns (x', x) along the other axis.
        made = np.stack([(columns @ (rows @ plane).T).T for plane in flat])
        return np.ascontiguousarray(made.reshape(*pixels.shape[:-2], *made.shape[-2:]))


def _weights(source: int, target: int) -> sparse.csr_array:
    """Return `(target, source)` weights along one axis, each row of sum 1."""
    ratio = source / target
    if target >= source:  # bilinear; beyond the centre of an outermost pixel its value
        place = np.clip((np.arange(target) + 0.5) * ratio - 0.5, 0, source - 1)
        low = np.minimum(place.astype(np.int64), max(0, source - 2))
        high = np.minimum(low + 1, source - 1)
        part = place - low
        rows = np.tile(np.arange(target), 2)
        made = sparse.coo_array(
            (np.concatenate([1 - part, part]), (rows, np.concatenate([low, high]))),
            shape=(target, source),
        )
    else:  # area mean: share of a target pixel that a source pixel covers
        edges = np.union1d(np.arange(source + 1), np.arange(target + 1) * ratio)
        middles = (edges[1:] + edges[:-1]) / 2
        rows = np.minimum((middles / ratio).astype(np.int64), target - 1)
        columns = np.minimum(middles.astype(np.int64), source - 1)
        made = sparse.coo_array((np.diff(edges) / ratio, (rows, columns)), shape=(target, source))
    return made.tocsr().astype(np.float32)


def _reach(weights: sparse.csr_array, part: slice) -> slice:
    """Return the columns that some rows of the weights use."""
    start, stop, _ = part.indices(weights.shape[0])
    used = weights.indices[weights.indptr[start] : weights.indptr[stop]]
    return slice(int(used.min()), int(used.max()) + 1)
