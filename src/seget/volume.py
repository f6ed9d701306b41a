"""A tomogram in memory: an array with its voxel size and origin.

array + voxel size + origin -> Volume

It never opens a file, never copies a whole volume, and never imports torch.
Axis order is (z, y, x) everywhere; lengths are in nanometres.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError

Triple = tuple[float, float, float]
PixelSize = tuple[float, float]
Box = tuple[slice, slice]  # rows and columns of a slice

# The value of score 1 in a score map: bytes 0..127 read the same as signed and as unsigned.
FULL_SCORE = 127

# Slices read for statistics and fingerprint of a volume: more would cost seconds and change little.
SAMPLED_SLICES = 16


# A voxel size that is written by programs that do not know it (MRC's default).
UNKNOWN_NM = 0.1


@dataclass(frozen=True)
class Volume:
    """A (z, y, x) array with its origin and voxel size.

    Attributes
    ----------
    data
        `(z, y, x)` array: NumPy, a memory map, a Zarr array; anything that slices lazily.
    voxel_size_nm
        `(z, y, x)` edge lengths of a voxel in nm, or None where the file does not say.
    origin_nm
        `(z, y, x)` position of the first voxel in nm (the MRC2014 sense), or None if unknown.
    name
        Name of the tomogram, used for the names of outputs.
    path
        The file or folder it was read from, if any.
    grid
        The bytes of the file's header, if any: an output on the same grid keeps its fields. Only
        `seget.files` reads them.
    """

    data: Any
    voxel_size_nm: Triple | None = None
    origin_nm: Triple | None = None
    name: str = "volume"
    path: Path | None = None
    grid: bytes | None = None

    def __post_init__(self) -> None:
        if len(self.data.shape) != 3:
            raise InputError(
                f"{self.path or self.name}: the array has shape {tuple(self.data.shape)}, "
                "a volume has three axes (z, y, x); add or select an axis."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(z, y, x)` extent in voxels."""
        z, y, x = self.data.shape
        return int(z), int(y), int(x)

    @property
    def pixel_nm(self) -> PixelSize | None:
        """`(y, x)` pixel size of its slices in nm, or None if unknown, see `known_pixel_nm`."""
        return known_pixel_nm(self.voxel_size_nm)

    @property
    def slice_nm(self) -> float | None:
        """Distance between its slices in nm; None if its pixel size is unknown."""
        if self.voxel_size_nm is None or self.pixel_nm is None:
            return None
        return self.voxel_size_nm[0] or None

    @property
    def pixel_area_nm2(self) -> float:
        """Area of a pixel of its slices in nm2; nan if the pixel size is unknown."""
        return math.prod(self.pixel_nm or (math.nan,))

    def slice(self, z: int) -> npt.NDArray[Any]:
        """Return slice `z` (0-based) as a `(y, x)` array, read now."""
        return np.asarray(self.data[z])

    def box(self, z: int, box: Box) -> npt.NDArray[Any]:
        """Return rows and columns of slice `z` as a `(y, x)` array; only their chunks are read."""
        return np.asarray(self.data[z, box[0], box[1]])

    def fingerprint(self, full: bool = False, slices: Iterable[int] = ()) -> str:
        """Hash of shape, type, voxel size and voxels, to tell tomograms apart.

        It reads sixteen slices, which is quick, and those of `slices`; with `full` all, so that any
        changed voxel shows.
        """
        digest = hashlib.sha256(
            repr((self.shape, str(self.data.dtype), self.voxel_size_nm)).encode()
        )
        some = sorted({*sampled_slices(self.shape[0]), *slices})
        for z in range(self.shape[0]) if full else some:
            digest.update(np.ascontiguousarray(self.slice(z)).tobytes())
        return digest.hexdigest()

    def on_same_grid(self, data: Any, name: str) -> Volume:
        """Return `data`, of the same shape, as a Volume with this origin, voxel size and header."""
        return replace(self, data=data, name=name, path=None)


def known_pixel_nm(voxel_size_nm: Triple | None) -> PixelSize | None:
    """Return `(y, x)` of a voxel size `(z, y, x)` in nm; None where no file states it.

    Exactly 1 angstrom in y and x is what programs write that do not know the size.
    """
    if voxel_size_nm is None or all(
        math.isclose(nm, UNKNOWN_NM, rel_tol=1e-6) for nm in voxel_size_nm[1:]
    ):
        return None
    return voxel_size_nm[1], voxel_size_nm[2]


def sampled_slices(depth: int) -> list[int]:
    """Return up to `SAMPLED_SLICES` slice numbers spread over `depth` slices."""
    spread = np.linspace(0, depth - 1, min(depth, SAMPLED_SLICES)).round()
    return sorted({int(z) for z in spread})
