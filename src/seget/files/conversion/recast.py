"""Voxels of another type, with nothing wrapped, shifted or scaled in silence.

Volume + type -> Volume whose slices are converted when they are read

It never changes a number unless a range of grey values is given to rescale; then it counts the
voxels that were outside of the range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.files.storage.lazy import Slices
from seget.volume import Volume, sampled_slices

# What `spread` leaves out at either end: hot pixels and the edges of gold beads.
TAIL_PERCENT = 0.1


def recast(volume: Volume, dtype: npt.DTypeLike) -> Volume:
    """Return a volume whose voxels are stored as another type and are the same numbers.

    Fractions may be rounded to a shorter float; any other change is refused when the slice is read.

    Raises
    ------
    InputError
        When a slice is read that holds a number the type does not have.
    """
    wanted = np.dtype(dtype).newbyteorder("=")
    if wanted == volume.data.dtype:
        return volume
    load = partial(_same_numbers, volume, wanted)
    return replace(volume, data=Slices(volume.shape, wanted, load))


def _same_numbers(volume: Volume, wanted: np.dtype[Any], z: int) -> npt.NDArray[Any]:
    plane = volume.slice(z)
    with np.errstate(all="ignore"):
        made = plane.astype(wanted)
        both_floats = plane.dtype.kind == wanted.kind == "f"
        # NumPy compares numbers of two types exactly: 255 is not -1.
        kept = np.isfinite(made) == np.isfinite(plane) if both_floats else made == plane
    if kept.all():
        return np.asarray(made)
    wrong = plane[~kept].ravel()[0]
    raise InputError(
        f"{volume.path or volume.name}: slice {z} holds {wrong.item():g}, which {wanted} does not "
        "have; take a wider type, or give a range to rescale (--rescale LOW,HIGH)."
    )


@dataclass
class Rescaled:
    """A range of grey values mapped to all values of a type of whole numbers.

    Attributes
    ----------
    volume
        The grey values.
    low, high
        The grey values that become 0 and the type's largest value; those outside are clipped.
    dtype
        uint8 or uint16.
    clipped
        How many voxels of the slices read so far were outside.
    not_finite
        How many of them were NaN, which become 0.
    """

    volume: Volume
    low: float
    high: float
    dtype: np.dtype[Any]
    clipped: int = 0
    not_finite: int = 0

    def load(self, z: int) -> npt.NDArray[Any]:
        """Return slice `z`, 0-based, rescaled."""
        plane = self.volume.slice(z).astype(np.float64)
        nan = np.isnan(plane)
        self.not_finite += int(nan.sum())
        self.clipped += int(((plane < self.low) | (plane > self.high)).sum())
        share = (np.clip(plane, self.low, self.high) - self.low) / (self.high - self.low)
        top = np.iinfo(self.dtype).max
        return np.where(nan, 0, np.rint(share * top)).astype(self.dtype)


def rescale(
    volume: Volume, low: float, high: float, dtype: npt.DTypeLike = np.uint8
) -> tuple[Volume, Rescaled]:
    """Return a volume whose grey values `low` to `high` are spread over uint8 or uint16.

    Returns
    -------
    volume
        Its slices are rescaled when they are read.
    counts
        What was clipped in the slices read so far.

    Raises
    ------
    InputError
        If the type is another, or the range is empty.
    """
    wanted = np.dtype(dtype)
    if wanted.name not in ("uint8", "uint16"):
        raise InputError(f"rescaling to {wanted} is not done, only to uint8 and uint16; name one.")
    if not low < high or not np.isfinite(high - low):
        raise InputError(
            f"{volume.path or volume.name}: the range from {low:g} to {high:g} is empty; give a "
            "low number and a higher one."
        )
    counts = Rescaled(volume, low, high, wanted)
    return replace(volume, data=Slices(volume.shape, wanted, counts.load)), counts


def spread(volume: Volume) -> tuple[float, float]:
    """Return the range of grey values of some slices, without the outermost 0.1 % at both ends.

    Raises
    ------
    InputError
        If no voxel of those slices is finite.
    """
    planes = [volume.slice(z)[::2, ::2].ravel() for z in sampled_slices(volume.shape[0])]
    sample = np.concatenate(planes)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        raise InputError(f"{volume.path or volume.name}: no sampled voxel is finite; give a range.")
    low, high = np.percentile(sample, [TAIL_PERCENT, 100 - TAIL_PERCENT])
    return float(low), float(high)
