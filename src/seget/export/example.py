"""The test images and the cover of a package: a piece of a tomogram, and what the model says of it.

Trained + Volume + slice -> Example: grey values, scores, PNG

It never changes the model.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from seget.errors import InputError
from seget.fusion import colour, fuse
from seget.slices import SliceReader
from seget.trained import Trained
from seget.volume import FULL_SCORE, Volume

EDGE_PX = 256
STEP_PX = 16
LOOKED_AT_PX = 1024  # edge of the middle of a slice in which the piece is looked for
EPS = 1e-6  # of the preprocessing `zero_mean_unit_variance`
SHOWN_PERCENT = (0.5, 99.5)
TINT = 0.55  # share of the structure's colour over the grey


@dataclass(frozen=True)
class Example:
    """A piece of one slice, at the model's pixel size.

    Attributes
    ----------
    grey
        `(1, c, y, x)` grey values, not normalised.
    scores
        `(1, k, y, x)` scores in 0 to 1 of the grey values, normalised by their own statistics.
    cover
        PNG of twice the width: the piece, and the structures that were found in it.
    """

    grey: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    cover: bytes


def example(trained: Trained, volume: Volume, z: int | None = None) -> Example:
    """Return the piece of a slice in which the model finds most; by default of the middle slice.

    Raises
    ------
    InputError
        There is no such slice, it is smaller than 16 px, or its pixel size does not fit.
    """
    depth = volume.shape[0]
    z = depth // 2 if z is None else z
    if not 0 <= z < depth:
        raise InputError(f"--slice {z}: {volume.name} has slices 0 to {depth - 1}; name one.")
    reader = SliceReader.of(
        volume, trained.pixel_nm, trained.recipe.context, slice_nm=trained.slice_nm
    )
    pixels = _middle(reader.read(z))
    edge = min(EDGE_PX, *(extent // STEP_PX * STEP_PX for extent in pixels.shape[1:]))
    if edge < STEP_PX:
        raise InputError(
            f"{volume.name}: its slices are smaller than {STEP_PX} px at the model's pixel size; "
            "give a larger tomogram."
        )
    y, x = _fullest(_scored(trained, pixels), edge)
    piece = pixels[:, y : y + edge, x : x + edge]
    grey = piece * np.float32(reader.normalisation.deviation) + np.float32(
        reader.normalisation.mean
    )
    scores = _scored(trained, (grey - grey.mean()) / (grey.std() + np.float32(EPS)))
    return Example(grey[None], scores[None], _cover(grey[len(grey) // 2], scores, trained))


def _middle(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    starts = [max(0, (extent - LOOKED_AT_PX) // 2) for extent in pixels.shape[1:]]
    return pixels[:, starts[0] :, starts[1] :][:, :LOOKED_AT_PX, :LOOKED_AT_PX]


def _scored(trained: Trained, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return scores `(k, y, x)` in 0 to 1 of a normalised image `(c, y, x)`, in float32."""
    image = torch.from_numpy(np.ascontiguousarray(pixels, np.float32))[None]
    with torch.inference_mode():
        scores: npt.NDArray[np.float32] = torch.sigmoid(trained.scoring_network(image))[0].numpy()
    return scores


def _fullest(scores: npt.NDArray[np.float32], edge: int) -> tuple[int, int]:
    """Return the corner of the square with the highest sum of scores."""
    summed = np.pad(scores.sum(axis=0, dtype=np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = summed[edge:, edge:] - summed[:-edge, edge:] - summed[edge:, :-edge]
    inside += summed[:-edge, :-edge]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(y), int(x)


def _cover(grey: npt.NDArray[Any], scores: npt.NDArray[np.float32], trained: Trained) -> bytes:
    """Return a PNG: the piece, and beside it the piece with each structure in its colour."""
    low, high = np.percentile(grey, SHOWN_PERCENT)
    shown = np.clip((grey - low) / max(high - low, 1e-9), 0, 1) * 255
    plain = np.repeat(shown[..., None], 3, axis=2)
    bytes_of = np.rint(scores * FULL_SCORE).astype(np.uint8)
    maps = dict(zip(trained.structures, bytes_of, strict=True))
    labels = fuse(maps, {s: trained.thresholds.get(s, 0.5) for s in trained.structures})
    painted = plain.copy()
    for number, structure in enumerate(trained.structures):
        rgb = np.frombuffer(bytes.fromhex(colour(structure, number)[1:]), np.uint8)
        inside = labels == number + 1
        painted[inside] = (1 - TINT) * painted[inside] + TINT * rgb
    content = io.BytesIO()
    Image.fromarray(np.concatenate([plain, painted], axis=1).astype(np.uint8)).save(content, "PNG")
    return content.getvalue()
