"""Normalises grey values: mean and deviation of a volume without padding and outliers.

Volume -> Normalisation; slice (y, x) -> its normalised pixels

Training, validation, prediction and int8 calibration all normalise here. It never stores a slice,
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

# Name of this rule in model.json and in the ids of outputs.
NAME = "volume mean and deviation, padding and outliers left out"

# A million voxels fix a mean and a standard deviation to a thousandth of the latter.
SAMPLED_VOXELS = 1_000_000

# This share at either end (hot voxels, X-rays, gold beads) counts as its innermost value. Left out
# instead, plain noise would seem to deviate by a hundredth less than it does.
TAIL_PERCENT = 0.1
# If more than that share is hot: values more than BEYOND_CORE deviations from the mean, both taken
# of the middle 98 %, are left out too. Stain and gold are not so far.
CORE_PERCENT = 1.0
BEYOND_CORE = 50.0
# Normalised values are clipped to this many deviations. Membranes, stain and gold lie within; a
# voxel at a thousand would change the scores of the whole receptive field.
CLIP = 10.0
# A voxel this many deviations from the mean is no tissue: `notes` reports it.
FAR_OUT = 100.0

# `notes` reports padding from TOLD_SHARE of the sample on, one single value from MOST_SHARE on.
TOLD_SHARE = 0.005
MOST_SHARE = 0.5


@dataclass(frozen=True)
class Normalisation:
    """Maps grey values to mean 0 and deviation 1, by the statistics of a whole volume.

    Attributes
    ----------
    mean, deviation
        Of the sampled voxels that are neither padding nor outliers.
    padding_share
        Share of the sampled slices that is padding or not a finite number.
    far_out
        Number of voxels in the sampled slices more than `FAR_OUT` deviations from the mean.
    farthest
        The value of the farthest of them; the mean if there is none.
    commonest, commonest_share
        The median of the sampled voxels without padding, and the share that has this very value:
        the commonest value, if that is the value of more than half.
    """

    mean: float
    deviation: float
    padding_share: float = 0.0
    far_out: int = 0
    farthest: float = 0.0
    commonest: float = 0.0
    commonest_share: float = 0.0

    def __call__(self, grey: npt.NDArray[Any], padding: Bools | None = None) -> Pixels:
        """Return `grey` normalised and clipped; padding and values not finite become 0.

        Parameters
        ----------
        grey
            Any shape, any type of number.
        padding
            The same shape, True in padding.
        """
        # Values too large for float32 become infinite, and are clipped or set to 0 below.
        with np.errstate(over="ignore", invalid="ignore"):
            values = grey.astype(np.float32)
            finite = is_finite(grey)
            values -= np.float32(self.mean)
            values /= np.float32(self.deviation) or np.float32(1)
        np.clip(values, -CLIP, CLIP, out=values)
        if finite is not None:
            values[~finite] = 0
        if padding is not None:
            values[padding] = 0
        return values

    def as_dict(self) -> dict[str, float]:
        """Return all fields, for provenance."""
        return asdict(self)

    def notes(self) -> list[str]:
        """Return sentences for people on padding, outliers and cut-off values; often none."""
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
    """Measure the normalisation of a volume on up to sixteen of its slices.

    Each volume is normalised by its own statistics, so signed and unsigned copies of a tomogram,
    which differ by 128, give the same input to the network.

    Raises
    ------
    InputError
        The sampled slices are empty: all padding, no finite value, or a single value.
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
    if seen.min() == seen.max():  # nearly all voxels are one value: see the others
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
    """Return every `step`-th pixel in y and x that is not padding: `(n,)`."""
    some = plane[::step, ::step]
    return some.ravel() if empty is None else some[~empty[::step, ::step]]


def _beyond(plane: npt.NDArray[Any], mean: float, reach: float) -> int:
    """Return how many pixels that are not padding lie farther than `reach` from the mean."""
    empty = padding(plane)
    values = plane.ravel() if empty is None else plane[~empty]
    return int(np.count_nonzero(np.abs(values.astype(np.float64) - mean) > reach))


def _commonest(sample: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the median and the share of voxels that equal it."""
    # If more than half of the values are equal, they equal the median.
    middle = float(np.median(sample))
    return middle, float(np.mean(sample == middle))
