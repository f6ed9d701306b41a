"""What a volume's file says of itself, what is true of it, and what is wrong with it.

Volume -> Description

It never knows a format; what only a format knows is added by its own module. It reads no more
than some slices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seget.errors import InputError
from seget.normalisation import normalisation
from seget.padding import is_drawn
from seget.volume import Triple, Volume, sampled_slices

# Electron tomograms have voxels of 0.1 to 50 nm; thick slices of a microtome go up to 200.
LEAST_NM, MOST_NM = 0.01, 200.0
MOST_ANISOTROPIC = 20.0
ONE_ANGSTROM_NM = 0.1
# A volume up to this size is read whole, in a fraction of a second; of a larger one a sample is.
WHOLE_VOXELS, WHOLE_SLICES = 2**22, 2**10

STATE_SIZE = "state it with --voxel-size Z,Y,X of `seget info --fix` or `seget convert`"


@dataclass(frozen=True)
class Stored:
    """Smallest, largest and mean value as a header states them."""

    low: float
    high: float
    mean: float


@dataclass(frozen=True)
class Sampled:
    """Smallest, largest and mean value of the finite voxels of some slices.

    Attributes
    ----------
    low, high, mean
        NaN where no sampled voxel is finite.
    slices
        Their numbers, 0-based.
    depth
        How many slices the volume has.
    not_finite
        How many sampled voxels are NaN or infinite.
    """

    low: float
    high: float
    mean: float
    slices: tuple[int, ...]
    depth: int
    not_finite: int = 0

    @property
    def whole(self) -> bool:
        """Whether every slice was read."""
        return len(self.slices) == self.depth


@dataclass(frozen=True)
class Description:
    """What `seget info` shows of one file.

    Attributes
    ----------
    format
        Name of the file format.
    shape_zyx
        `(z, y, x)` extent in voxels.
    dtype
        NumPy's name of the type in which voxels are handed out.
    voxel_size_nm, origin_nm
        `(z, y, x)` in nm, None where the file does not say.
    stored
        Statistics of the header, None where there are none.
    sampled
        True statistics of some slices.
    signed
        Whether bytes of MRC mode 0 were read as signed; None for all else.
    sign_reason
        Why they were read so, in words.
    extended_header
        Type and length of an extended header, in words; empty where there is none.
    labels
        Lines of text that programs left in the file.
    faults
        A sentence each: what was found, what was wanted, how to mend it.
    """

    format: str
    shape_zyx: tuple[int, int, int]
    dtype: str
    voxel_size_nm: Triple | None
    origin_nm: Triple | None
    sampled: Sampled
    stored: Stored | None = None
    signed: bool | None = None
    sign_reason: str = ""
    extended_header: str = ""
    labels: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def of(volume: Volume, format: str, why_no_size: str = "the file states none") -> Description:
    """Describe a volume as far as any format can be described; reads some slices.

    Parameters
    ----------
    volume
        What was read.
    format
        Name of the file format.
    why_no_size
        What a person is told if the voxel size is unknown.
    """
    sampled = sample(volume)
    size = volume.voxel_size_nm
    if size is None:
        faults = [f"the voxel size is unknown, {why_no_size}; {STATE_SIZE}."]
    else:
        faults = _voxel_size_faults(size, volume.shape[0])
    return Description(
        format=format,
        shape_zyx=volume.shape,
        dtype=np.dtype(volume.data.dtype).name,
        voxel_size_nm=volume.voxel_size_nm,
        origin_nm=volume.origin_nm,
        sampled=sampled,
        faults=(*faults, *_faults_of(sampled), *_faults_of_grey_values(volume, sampled)),
    )


def sample(volume: Volume) -> Sampled:
    """Take the statistics of a small volume, or of 16 slices spread over a larger one."""
    depth = volume.shape[0]
    small = depth <= WHOLE_SLICES and math.prod(volume.shape) <= WHOLE_VOXELS
    chosen = tuple(range(depth) if small else sampled_slices(depth))
    lows, highs, total, count, lost = [], [], 0.0, 0, 0
    for z in chosen:
        plane = volume.slice(z)
        values = plane
        if plane.dtype.kind == "f":
            finite = np.isfinite(plane)
            values = plane if finite.all() else plane[finite]
            lost += plane.size - values.size
        if values.size:
            lows.append(float(values.min()))
            highs.append(float(values.max()))
            total += float(values.sum(dtype=np.float64))
            count += values.size
    if not count:
        return Sampled(np.nan, np.nan, np.nan, chosen, depth, lost)
    return Sampled(min(lows), max(highs), total / count, chosen, depth, lost)


def _voxel_size_faults(size_nm: Triple, depth: int) -> list[str]:
    words = " x ".join(f"{length:g}" for length in size_nm)
    faults = []
    # A single slice has no neighbour: its size along z is not a spacing.
    counted = size_nm if depth > 1 else size_nm[1:]
    if min(counted) < LEAST_NM or max(counted) > MOST_NM:
        faults.append(
            f"the voxel size of {words} nm (z, y, x) is none of an electron tomogram, wanted "
            f"{LEAST_NM:g} to {MOST_NM:g}; {STATE_SIZE}."
        )
    elif max(counted) > MOST_ANISOTROPIC * min(counted):
        faults.append(
            f"the voxel size of {words} nm (z, y, x) differs by more than a factor of "
            f"{MOST_ANISOTROPIC:g} between the axes; {STATE_SIZE}."
        )
    if np.allclose(size_nm, ONE_ANGSTROM_NM, rtol=1e-6, atol=0):
        faults.append(
            "the voxel size is exactly 1 angstrom along each axis, which programs write that do "
            f"not know it; {STATE_SIZE}."
        )
    return faults


def _faults_of(sampled: Sampled) -> list[str]:
    if sampled.not_finite:
        return [
            f"{sampled.not_finite} sampled voxels are NaN or infinite, wanted numbers; they are "
            "left out and scored 0, so reconstruct again if they are many."
        ]
    if sampled.low == sampled.high:
        return [
            f"all sampled voxels are {sampled.low:g}, wanted an image; check that the file was "
            "written to its end."
        ]
    return []


def _faults_of_grey_values(volume: Volume, sampled: Sampled) -> list[str]:
    """Say what of the grey values is no tissue; of a mask that is no fault."""
    if not sampled.low < sampled.high or is_drawn(volume.slice(volume.shape[0] // 2)):
        return []
    try:
        return normalisation(volume).notes()
    except InputError as error:
        return [str(error)]
