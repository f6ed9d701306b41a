"""Slices gathered until they fill a layer of chunks.

slices in any order -> whole slabs of a chunked array

It never holds more than one slab. A slab that is written in two goes is read back in between.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

CHUNK = (8, 256, 256)
SLAB_BYTES = 256 * 2**20


def chunk_shape(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> tuple[int, int, int]:
    """Return the `(z, y, x)` extent of a chunk.

    Eight slices deep, so that neither a viewer of cubes nor a reader of slices reads much that it
    does not need; less where eight whole slices take more than `SLAB_BYTES`.
    """
    z, y, x = (min(extent, chunk) for extent, chunk in zip(shape, CHUNK, strict=True))
    plane = shape[1] * shape[2] * dtype.itemsize
    return max(1, min(z, SLAB_BYTES // plane)), y, x


class Slabs:
    """Takes slices as `slabs[z] = slice` and stores them in a chunked array, a slab at a time.

    Given in order, each slab is written once; in another order it may be read back and written
    again.

    Parameters
    ----------
    target
        The chunked `(z, y, x)` array.
    depth
        Slices in a slab.
    """

    def __init__(self, target: Any, depth: int) -> None:
        self._target = target
        self._depth = depth
        self._start = 0
        self._slab: npt.NDArray[Any] | None = None

    def __setitem__(self, z: int, plane: npt.NDArray[Any]) -> None:
        """Keep slice `z`, 0-based."""
        start = z - z % self._depth
        if self._slab is None or start != self._start:
            self.flush()
            self._start = start
            self._slab = np.array(self._target[start : start + self._depth])
        self._slab[z - start] = plane
        if z - start == len(self._slab) - 1:  # its last slice; given in order, it is full
            self.flush()

    def __getitem__(self, z: int) -> npt.NDArray[Any]:
        """Return slice `z`, kept or stored."""
        if self._slab is not None and 0 <= z - self._start < len(self._slab):
            kept: npt.NDArray[Any] = self._slab[z - self._start]
            return kept
        return np.asarray(self._target[z])

    def flush(self) -> None:
        """Store what is kept."""
        if self._slab is not None:
            self._target[self._start : self._start + len(self._slab)] = self._slab
            self._slab = None
