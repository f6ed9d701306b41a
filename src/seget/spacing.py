"""At which pixel size and which distance between slices volumes are read.

voxel sizes of volumes + what a network wants -> resampling in a slice, steps between slices

It never reads a voxel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median_low

from seget.errors import InputError
from seget.resampling import Resampling
from seget.volume import PixelSize, Volume

# Sizes that differ by a smaller factor are taken as equal: interpolating would lose more.
SAME_SIZE = 1.05
# Pixel sizes that differ by a larger factor are refused.
MOST_SCALE = 4.0


def common_pixel_nm(volumes: Sequence[Volume], wanted_nm: float | None = None) -> PixelSize | None:
    """Return the `(y, x)` pixel size to which all training volumes are resampled.

    `wanted_nm` (the recipe's) if given, else the median of those known, of two the finer.
    """
    if wanted_nm is not None:
        return wanted_nm, wanted_nm
    known = [size for size in (volume.pixel_nm for volume in volumes) if size is not None]
    if not known:
        return None
    middle = median_low(math.prod(size) for size in known)
    return next(size for size in known if math.prod(size) == middle)


def common_slice_nm(volumes: Sequence[Volume]) -> float | None:
    """Return the distance at which all training volumes give neighbouring slices.

    The median of those known, of two the finer; None if none is.
    """
    known = [nm for nm in (volume.slice_nm for volume in volumes) if nm is not None]
    return median_low(known) if known else None


def resampling(volume: Volume, pixel_nm: PixelSize | None) -> Resampling | None:
    """Return how slices of a volume come to a pixel size; None if they have it, or none is known.

    Raises
    ------
    InputError
        The pixel sizes differ by a factor over `MOST_SCALE`.
    """
    own = volume.pixel_nm
    if own is None or pixel_nm is None:
        return None
    scales = [size / wanted for size, wanted in zip(own, pixel_nm, strict=True)]
    if all(1 / SAME_SIZE <= scale <= SAME_SIZE for scale in scales):
        return None
    if max(max(scale, 1 / scale) for scale in scales) > MOST_SCALE:
        raise InputError(
            f"{volume.path or volume.name}: its pixels are {in_words(own)} nm, the model's "
            f"{in_words(pixel_nm)} nm, wanted at most a factor of {MOST_SCALE:g} between them; if "
            "its header is wrong, state the size (--voxel-size, or `seget info --fix`), else bin "
            "it, or train at a size between them (--set pixel_nm=NM)."
        )
    source = volume.shape[1], volume.shape[2]
    height, width = (
        max(1, round(extent * scale)) for extent, scale in zip(source, scales, strict=True)
    )
    return Resampling(source, (height, width))


def steps(volume: Volume, context: int, slice_nm: float | None = None) -> tuple[int, ...]:
    """Return how many slices a slice's neighbours on one side lie from it, the nearest first.

    Parameters
    ----------
    context
        Number of neighbours.
    slice_nm
        Distance between the slices that a network was trained on. Where the volume's slices are
        closer or farther, the nearest ones are taken; where either is unknown, the next ones.
    """
    own = volume.slice_nm
    ratio = slice_nm / own if slice_nm and own else 1.0
    if 1 / SAME_SIZE <= ratio <= SAME_SIZE:
        ratio = 1.0
    return tuple(math.floor(number * ratio + 0.5) for number in range(1, context + 1))


def in_words(size: PixelSize) -> str:
    """Return a pixel size as people write it, without its unit."""
    y, x = (f"{nm:.4g}" for nm in size)
    return y if y == x else f"{y} x {x}"
