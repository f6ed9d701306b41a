"""What a tomogram is in memory, and how its grey values are made comparable.

array + voxel size + origin -> Volume -> normalised slices

It never opens a file, never copies a whole volume, and never imports torch.
Axis order is (z, y, x) everywhere; lengths are in nanometres.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError

Triple = tuple[float, float, float]

# A score of 1 in a score map: bytes 0..127 are the same number signed or unsigned.
FULL_SCORE = 127

# A million voxels fix a mean and a standard deviation to a thousandth of the latter; reading more
# of a 300 MB memory map would cost seconds and change nothing.
SAMPLED_VOXELS = 1_000_000
SAMPLED_SLICES = 16

# In deviations. Where stain, gold or an X-ray is far out, it is so by tens; a voxel of 1e30 among
# them would leave no network's sums finite.
FARTHEST = 1e4


@dataclass(frozen=True)
class Volume:
    """A (z, y, x) array with its place and scale in space.

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
        The bytes of the file's header, if any, so that an output on the same grid can carry
        every field of it. Only `seget.files` reads them.
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

    def slice(self, z: int) -> npt.NDArray[Any]:
        """Return slice `z` (0-based) as a `(y, x)` array, read now."""
        return np.asarray(self.data[z])

    def fingerprint(self, full: bool = False) -> str:
        """Hash of shape, type, voxel size and slices: another tomogram, another hash.

        Of sixteen slices, which tells tomograms apart and is quick; with `full` of all, which also
        tells whether a single voxel changed.
        """
        digest = hashlib.sha256(
            repr((self.shape, str(self.data.dtype), self.voxel_size_nm)).encode()
        )
        for z in range(self.shape[0]) if full else sampled_slices(self.shape[0]):
            digest.update(np.ascontiguousarray(self.slice(z)).tobytes())
        return digest.hexdigest()

    def on_same_grid(self, data: Any, name: str) -> Volume:
        """Return `data`, an array of this volume's shape, at this volume's place and scale."""
        return replace(self, data=data, name=name, path=None)


@dataclass(frozen=True)
class Normalisation:
    """Grey values to zero mean and unit deviation; the same in training and in prediction.

    A deviation of 0 is that of a volume without any contrast: its voxels become exactly 0.
    """

    mean: float
    std: float

    def __call__(self, grey: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return `grey`, any shape, normalised.

        Voxels that are not finite become the mean, 0; none is farther from it than `FARTHEST`.
        """
        # What is too large for float32 becomes infinite, and is treated as such below.
        with np.errstate(over="ignore", invalid="ignore"):
            std = np.float32(self.std) or np.float32(1)
            values = (grey.astype(np.float32) - np.float32(self.mean)) / std
        if not np.issubdtype(grey.dtype, np.integer):
            values = np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(values, -FARTHEST, FARTHEST, out=values)


def sampled_slices(depth: int) -> list[int]:
    """Return up to `SAMPLED_SLICES` slice numbers spread over `depth` slices."""
    spread = np.linspace(0, depth - 1, min(depth, SAMPLED_SLICES)).round()
    return sorted({int(z) for z in spread})


def normalisation(volume: Volume) -> Normalisation:
    """Mean and standard deviation of a volume's own voxels, sampled on a fixed grid.

    Normalising each volume by itself makes signed and unsigned copies of one tomogram, which
    differ by a constant 128, the same image to the network.
    """
    depth, height, width = volume.shape
    slices = sampled_slices(depth)
    step = max(1, int(np.sqrt(len(slices) * height * width / SAMPLED_VOXELS)))
    sample = np.concatenate([volume.slice(z)[::step, ::step].ravel() for z in slices])
    sample = sample[np.isfinite(sample)].astype(np.float64)
    if sample.size == 0:
        raise InputError(
            f"{volume.path or volume.name}: no sampled voxel is finite; "
            "reconstruct or convert the tomogram again."
        )
    if sample.min() == sample.max():  # where rounding of the mean would leave a deviation
        return Normalisation(float(sample[0]), 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        return Normalisation(float(sample.mean()), float(sample.std()))
