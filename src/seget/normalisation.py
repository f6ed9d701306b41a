"""Grey values made comparable: statistics without padding and outliers, one rule everywhere.

Volume -> Normalisation; slice (y, x) -> its normalised pixels

Training, validation, prediction and int8 calibration all normalise here. It never keeps a slice,
and never imports torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.padding import Bools, is_finite, padding
from seget.volume import Volume, sampled_slices

Pixels = npt.NDArray[np.float32]

# What model.json and the ids of outputs call the rule below.
NAME = "volume mean and deviation, padding and outliers left out"

# A million voxels fix a mean and a standard deviation to a thousandth of the latter.
SAMPLED_VOXELS = 1_000_000

# So much at either end counts as the value where it begins: hot voxels, X-rays, gold beads. Left
# out instead, plain noise would seem to deviate by a hundredth less than it does.
TAIL_PERCENT = 0.1
# Where more than that is hot, values are left out that lie this many deviations of the middle 98 %
# away from it: no stain or gold does.
CORE_PERCENT = 1.0
BEYOND_CORE = 50.0
# Normalised values are clipped to this many deviations. Membranes, stain and gold lie within; one
# voxel a thousand deviations out would flood the receptive field.
CLIP = 10.0
# A voxel this many deviations out is no tissue, and people are told of it.
FAR_OUT = 100.0

# Share of the sample from which on people are told that it is one value, or padding.
TOLD_SHARE = 0.005
MOST_SHARE = 0.5


@dataclass(frozen=True)
class Normalisation:
    """Grey values to zero mean and unit deviation, by the statistics of a whole volume.

    Attributes
    ----------
    mean, deviation
        Of the sampled voxels that are neither padding nor outliers.
    padding_share
        Share of the sampled slices that is padding or not a finite number.
    far_out
        Number of voxels in the sampled slices that lie more than `FAR_OUT` deviations out.
    farthest
        The value of the farthest of them; the mean where there is none.
    commonest, commonest_share
        The value that most of the sampled voxels have, padding left out, and their share.
    """

    mean: float
    deviation: float
    padding_share: float = 0.0
    far_out: int = 0
    farthest: float = 0.0
    commonest: float = 0.0
    commonest_share: float = 0.0

    def __call__(self, grey: npt.NDArray[Any], padding: Bools | None = None) -> Pixels:
        """Return `grey` normalised and clipped; padding and what is not finite become 0.

        Parameters
        ----------
        grey
            Any shape, any type of number.
        padding
            The same shape, True where `grey` holds nothing.
        """
        # What is too large for float32 becomes infinite, and is clipped or replaced below.
        with np.errstate(over="ignore", invalid="ignore"):
            values = grey.astype(np.float32)
            finite = is_finite(values)
            values -= np.float32(self.mean)
            values /= np.float32(self.deviation) or np.float32(1)
        np.clip(values, -CLIP, CLIP, out=values)
        if finite is not None:
            values[~finite] = 0
        if padding is not None:
            values[padding] = 0
        return values

    def as_dict(self) -> dict[str, float]:
        """Return all numbers, for provenance."""
        return asdict(self)

    def notes(self) -> list[str]:
        """Return a sentence for each thing that people should know of the grey values."""
        notes = []
        if self.padding_share >= TOLD_SHARE:
            notes.append(
                f"{self.padding_share:.0%} of the sampled slices is padding (one value along the "
                "border, empty slices, or NaN), which is left out and scored 0."
            )
        if self.far_out:
            voxels = "1 sampled voxel lies" if self.far_out == 1 else f"{self.far_out} sampled "
            voxels += "" if self.far_out == 1 else "voxels lie"
            notes.append(
                f"{voxels} more than {FAR_OUT:g} deviations from the mean of {self.mean:.4g} (up "
                f"to {self.farthest:.4g}): hot voxels or X-rays, clipped at {CLIP:g} deviations."
            )
        if self.commonest_share > MOST_SHARE:
            notes.append(
                f"{self.commonest_share:.0%} of the sampled voxels inside are "
                f"{self.commonest:g}: check that grey values were not cut off when the tomogram "
                "was converted."
            )
        return notes


def normalisation(volume: Volume) -> Normalisation:
    """Measure how a volume is normalised, from up to sixteen of its slices.

    Each volume is normalised by itself, so signed and unsigned copies of one tomogram, which
    differ by a constant 128, are the same image to the network.

    Raises
    ------
    InputError
        Nothing is in the sampled slices: no number is finite, or all that is not padding is one
        value.
    """
    slices = sampled_slices(volume.shape[0])
    size = volume.shape[1] * volume.shape[2]
    step = max(1, int(np.sqrt(len(slices) * size / SAMPLED_VOXELS)))
    parts, extremes, padded = [], {}, 0
    for z in slices:
        plane = volume.slice(z)
        empty = padding(plane)
        if empty is not None:
            padded += int(np.count_nonzero(empty))
        seen = plane if empty is None else plane[~empty]
        if seen.size:
            extremes[z] = (float(seen.min()), float(seen.max()))
        parts.append(_every(plane, empty, step))
    sample = np.concatenate(parts).astype(np.float64)
    mean, deviation = _statistics(sample, volume)
    reach = FAR_OUT * deviation
    suspects = {z: ends for z, ends in extremes.items() if max(abs(e - mean) for e in ends) > reach}
    far_out = sum(_beyond(volume.slice(z), mean, reach) for z in suspects)
    ends = [end for pair in suspects.values() for end in pair]
    farthest = max(ends, key=lambda end: abs(end - mean), default=mean)
    commonest, share = _commonest(sample)
    return Normalisation(
        mean, deviation, padded / (len(slices) * size), far_out, farthest, commonest, share
    )


def _statistics(sample: npt.NDArray[np.float64], volume: Volume) -> tuple[float, float]:
    """Return mean and deviation of a sample of finite voxels, outliers left out."""
    where = volume.path or volume.name
    if sample.size == 0:
        raise InputError(
            f"{where}: nothing is in the sampled slices, each of which is one value or no number "
            "(of float32); check that the file was written to its end, or reconstruct it again."
        )
    low, high = _ends(sample, CORE_PERCENT)
    core = sample[(sample >= low) & (sample <= high)]
    middle, wide = core.mean(), core.std()
    kept = sample[np.abs(sample - middle) <= BEYOND_CORE * wide] if wide > 0 else sample
    seen = np.clip(kept, *_ends(kept, TAIL_PERCENT))
    if seen.min() == seen.max():  # all but a few are one value: these few are what there is to see
        seen = sample
    if seen.min() == seen.max():
        raise InputError(
            f"{where}: all sampled voxels are {seen[0]:g}, wanted an image; check that the file "
            "was written to its end."
        )
    return float(seen.mean()), float(seen.std())


def _ends(sample: npt.NDArray[np.float64], percent: float) -> tuple[float, float]:
    """Return the values beyond which so much of a sample lies at either end."""
    low, high = np.percentile(sample, [percent, 100 - percent], method="nearest")
    return float(low), float(high)


def _every(plane: npt.NDArray[Any], empty: Bools | None, step: int) -> npt.NDArray[Any]:
    """Return every `step`-th pixel in y and x that is not padding, in one row."""
    some = plane[::step, ::step]
    return some.ravel() if empty is None else some[~empty[::step, ::step]]


def _beyond(plane: npt.NDArray[Any], mean: float, reach: float) -> int:
    """Return how many pixels that are not padding lie farther than `reach` from the mean."""
    empty = padding(plane)
    values = plane.ravel() if empty is None else plane[~empty]
    return int(np.count_nonzero(np.abs(values.astype(np.float64) - mean) > reach))


def _commonest(sample: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the value that stands most often in a sample, and its share, if it is over half."""
    middle = float(np.median(sample))  # a value of more than half is the one in the middle
    return middle, float(np.mean(sample == middle))
