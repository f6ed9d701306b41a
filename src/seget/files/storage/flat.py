"""A file whose voxels lie one after the other behind a header.

(path, offset, shape, dtype) -> something that takes `target[z] = slice`

It never keeps the file open and never holds more than the slice it was given.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Flat:
    """Stores slices of a `(z, y, x)` array in C order, each where it belongs.

    Attributes
    ----------
    path
        The file; it is there already.
    offset
        Byte of the first voxel.
    shape
        `(z, y, x)` extent in voxels.
    dtype
        Type and byte order in the file.
    """

    path: Path
    offset: int
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    def __post_init__(self) -> None:
        """Reserve the whole file on the disk, so that a full disk is noticed before the work."""
        end = self.offset + math.prod(self.shape) * self.dtype.itemsize
        with self.path.open("r+b") as file:
            size = max(end, file.seek(0, os.SEEK_END))
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)

    def __setitem__(self, z: int, plane: npt.NDArray[Any]) -> None:
        """Store slice `z`, 0-based."""
        stored = np.ascontiguousarray(plane, self.dtype)
        with self.path.open("r+b") as file:
            file.seek(self.offset + z * stored.nbytes)
            file.write(stored.data.cast("B"))
