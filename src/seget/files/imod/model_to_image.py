"""From pixels of a model to pixels of an image that need not be the one it was drawn on.

Model + Volume -> ModelToImage: points and slices of the model in pixels of the image

It scales and shifts as 3dmod does when it loads a model on another image, and never rotates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.files.imod.model import ANGSTROM_NM, Model, angles
from seget.volume import Triple, Volume

SAME_SCALE = 1e-5  # relative
SAME_ANGLE = 0.01  # degrees
MEND = "open the model on this tomogram in 3dmod, correct its place, and save it"


@dataclass(frozen=True)
class ModelToImage:
    """Scale and shift: image = model * scale + shift_px.

    In this equation a whole z is the border between two slices, not the middle of one.

    Attributes
    ----------
    scale
        `(z, y, x)` pixels of the image per pixel of the model.
    shift_px
        `(z, y, x)` in pixels of the image.
    """

    scale: Triple = (1.0, 1.0, 1.0)
    shift_px: Triple = (0.0, 0.0, 0.0)

    def points(self, points_zyx: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return `(n, 3)` points; a whole z is the middle of a slice in both."""
        middle = np.array([0.5, 0.0, 0.0])
        moved = (points_zyx.astype(np.float64) + middle) * self.scale + self.shift_px
        return np.asarray(moved - middle)

    def slices(self, z: int, depth: int) -> range:
        """Return the slices of the image that slice `z` of the model covers; none beyond it.

        They are those whose middles it holds, so that a model drawn on a binned image covers every
        slice. Where the image's slices are thicker, it is the one that holds its own middle.
        """
        borders = [z * self.scale[0] + self.shift_px[0], (z + 1) * self.scale[0] + self.shift_px[0]]
        first, last = (_within(math.ceil(round(border - 0.5, 6)), depth) for border in borders)
        if first == last and self.scale[0] <= 1:
            middle = math.floor(sum(borders) / 2)
            return range(_within(middle, depth), _within(middle + 1, depth))
        return range(first, last)


def _within(z: int, depth: int) -> int:
    return min(max(z, 0), depth)


def model_to_image(model: Model, like: Volume, path: Path) -> ModelToImage:
    """Return scale and shift from pixels of a model to pixels of an image.

    By voxel sizes and origins if both sides know them, else pixel on pixel if both have the same
    extents. IMOD writes one angstrom a pixel when it does not know the size.

    Raises
    ------
    InputError
        If they cannot be told, or the image is rotated against the one that was drawn on.
    """
    image = like.path or like.name
    if model.flipped:
        raise InputError(
            f"{path}: the model was last saved on an image with y and z exchanged, wanted one in "
            "the tomogram's own order; open it in 3dmod without -Y and save it."
        )
    drawn, size = model.drawn_on, like.voxel_size_nm
    if drawn is None or size is None or _is_unknown(drawn.voxel_size_nm, size):
        if model.shape == like.shape or not any(model.shape):
            return ModelToImage()
        silent = image if size is None else path
        raise InputError(
            f"{path}: the model was drawn on {_words(model.shape)} voxels (z, y, x), {image} has "
            f"{_words(like.shape)}, and {silent} does not say how large a voxel is; {MEND}."
        )
    turned = np.subtract(drawn.angles, angles(like))
    if np.abs(turned).max() > SAME_ANGLE:
        raise InputError(
            f"{path}: the model was drawn on an image turned by {_words(drawn.angles)} degrees "
            f"(x, y, z), {image} by {_words(angles(like))}; {MEND}."
        )
    # Rounded to a hundredth of a pixel, because headers hold float32.
    origin = np.subtract(drawn.origin_nm, like.origin_nm or (0.0, 0.0, 0.0))
    z, y, x = np.round(origin / size, 2).tolist()
    sz, sy, sx = (_exact(d / s) for d, s in zip(drawn.voxel_size_nm, size, strict=True))
    return ModelToImage((sz, sy, sx), (z, y, x))


def _is_unknown(drawn: Triple, size: Triple) -> bool:
    """Whether a model has an angstrom a pixel, and the image another size."""
    one, other = (np.allclose(found, ANGSTROM_NM, rtol=1e-6, atol=0) for found in (drawn, size))
    return bool(one and not other)


def _exact(scale: float) -> float:
    """Return the binning that is meant: 2, 1/2, ... where a scale is that close to it."""
    near = float(round(scale)) if scale >= 1 else 1 / round(1 / scale)
    return near if abs(scale - near) <= SAME_SCALE * near else scale


def _words(numbers: tuple[float, ...]) -> str:
    return " x ".join(f"{number:g}" for number in numbers)
