"""Arrays whose voxels are read when they are asked for.

(shape, dtype, z -> slice or box -> block) -> something that indexes like a (z, y, x) array

It never keeps a slice and never knows where slices come from. Slices are in the byte order of this
machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Slices:
    """A read-only `(z, y, x)` array made of a function that returns one `(y, x)` slice.

    Attributes
    ----------
    shape
        `(z, y, x)` extent in voxels.
    dtype
        Type of every slice.
    load
        From z, 0-based, to the slice, read now.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    load: Callable[[int], npt.NDArray[Any]]

    @property
    def ndim(self) -> int:
        """Three axes."""
        return 3

    def __len__(self) -> int:
        """Return the number of slices."""
        return self.shape[0]

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        """Index z by anything NumPy takes along one axis, y and x by integers or slices."""
        if index is Ellipsis:
            return np.asarray(self)
        key, *rest = index if isinstance(index, tuple) else (index,)
        wanted = np.arange(self.shape[0])[key]
        if wanted.ndim == 0:
            plane = self.load(int(wanted))
            return np.asarray(plane[tuple(rest)])
        read = [self.load(int(z))[tuple(rest)] for z in wanted]
        empty = np.zeros((0, *self.shape[1:]), self.dtype)
        return np.stack(read) if read else empty[(slice(None), *rest)]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """Read every slice."""
        if copy is False:
            raise ValueError("slices that are read on demand cannot become an array uncopied")
        return np.stack([self.load(z) for z in range(self.shape[0])]).astype(dtype or self.dtype)


@dataclass(frozen=True)
class Blocks:
    """A read-only `(z, y, x)` array made of a function that returns any box of it.

    Attributes
    ----------
    shape
        `(z, y, x)` extent in voxels.
    dtype
        Type of every block.
    load
        From three slices with a start and a stop to the block, read now.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    load: Callable[[tuple[slice, slice, slice]], npt.NDArray[Any]]

    @property
    def ndim(self) -> int:
        """Three axes."""
        return 3

    def __len__(self) -> int:
        """Return the number of slices."""
        return self.shape[0]

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        """Index z by anything NumPy takes along one axis, y and x by integers or slices."""
        key = () if index is Ellipsis else index if isinstance(index, tuple) else (index,)
        keys = (*key, *(slice(None),) * (3 - len(key)))
        z, y, x = (np.arange(n)[k] for n, k in zip(self.shape, keys, strict=True))
        wanted = np.atleast_1d(z)
        rows, columns = _box(y), _box(x)
        block = np.zeros((0, rows.stop - rows.start, columns.stop - columns.start), self.dtype)
        if wanted.size:
            # Neighbours are read in one go: they share chunks.
            runs = np.split(wanted, np.flatnonzero(np.diff(wanted) != 1) + 1)
            parts = [self.load((_box(run), rows, columns)) for run in runs]
            block = np.concatenate(parts) if len(parts) > 1 else parts[0]
        block = _pick(block, y, rows.start, 1)
        block = _pick(block, x, columns.start, block.ndim - 1)
        return block if z.ndim else block[0]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """Read everything."""
        if copy is False:
            raise ValueError("blocks that are read on demand cannot become an array uncopied")
        return self[...].astype(dtype or self.dtype)


def _pick(
    block: npt.NDArray[Any], indices: npt.NDArray[np.int64], start: int, axis: int
) -> npt.NDArray[Any]:
    # An integer drops the axis, a step leaves out what lies between.
    whole = indices.ndim == 1 and indices.size == block.shape[axis]
    if whole and (indices.size < 2 or indices[0] < indices[-1]):
        return block
    return block.take(indices - start, axis=axis)


def _box(indices: npt.NDArray[np.int64]) -> slice:
    if indices.size == 0:
        return slice(0, 0)
    return slice(int(indices.min()), int(indices.max()) + 1)


def native(array: Any) -> Any:
    """Return `array`, `(z, y, x)`, with slices in the byte order of this machine."""
    if array.dtype.isnative:
        return array
    return Slices(array.shape, array.dtype.newbyteorder("="), partial(_native_slice, array))


def _native_slice(array: Any, z: int) -> npt.NDArray[Any]:
    plane = np.asarray(array[z])
    return plane.astype(plane.dtype.newbyteorder("="))
