"""An array whose slices are read when they are asked for.

(shape, dtype, z -> slice) -> something that indexes like a (z, y, x) array

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


def native(array: Any) -> Any:
    """Return `array`, `(z, y, x)`, with slices in the byte order of this machine."""
    if array.dtype.isnative:
        return array
    return Slices(array.shape, array.dtype.newbyteorder("="), partial(_native_slice, array))


def _native_slice(array: Any, z: int) -> npt.NDArray[Any]:
    plane = np.asarray(array[z])
    return plane.astype(plane.dtype.newbyteorder("="))
