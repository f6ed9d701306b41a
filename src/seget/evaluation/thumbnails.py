"""Small pictures of objects that are wrong: image, outlines of truth and prediction.

object errors + Dataset + folder of results -> Thumbnails

It never looks for errors: `evaluate` found them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import binary_erosion, generate_binary_structure

from seget.dataset import Dataset
from seget.evaluation.pictures import MISSED, SPURIOUS
from seget.evaluation.predicted import Predicted, find_predictions
from seget.evaluation.sheet import grey, rgb

Bools = npt.NDArray[np.bool_]
EDGE_PX = 200  # of a thumbnail
ROOM, FEWEST_PX, MOST_PX = 2.5, 64, 512  # of the window: times the object's edge, if it were square
BOTH = "#ffe14a"  # where both outlines run
PER_STRUCTURE = 12


@dataclass(frozen=True)
class Thumbnail:
    """The picture of an object that is wrong, a PNG, and its row of `object_errors`."""

    error: dict[str, Any]
    png: bytes


def thumbnails(
    folder: Path,
    dataset: Dataset,
    result: dict[str, Any],
    slices: tuple[int, ...] | str | None = None,
    most: int = PER_STRUCTURE,
) -> list[Thumbnail]:
    """Draw the largest objects that are wrong, `most` of each structure at most.

    Parameters
    ----------
    folder, dataset, slices
        As `evaluate` was given them.
    result
        What it returned.
    """
    chosen: list[dict[str, Any]] = []
    for structure in result["structures"]:
        chosen += [e for e in result["object_errors"] if e["structure"] == structure][:most]
    drawn: dict[int, Thumbnail] = {}
    for predicted in find_predictions(folder, dataset, slices):
        for i, error in enumerate(chosen):
            if error["tomogram"] == predicted.tomogram.name:
                drawn[i] = Thumbnail(error, _drawn(predicted, error))
    return [drawn[i] for i in sorted(drawn)]


def legend() -> Sequence[tuple[str, str]]:
    """Return what the outlines are, with their colours."""
    return ("truth", MISSED[1]), ("prediction", SPURIOUS[1]), ("both", BOTH)


def _drawn(predicted: Predicted, error: dict[str, Any]) -> bytes:
    z = error["z_px"]
    structure = error["structure"]
    image = predicted.tomogram.image.slice(z)
    area = error["voxels"] / (error["last_slice"] - error["first_slice"] + 1)
    edge = int(np.clip(ROOM * math.sqrt(area), FEWEST_PX, MOST_PX))
    box = tuple(
        _window(error[key], edge, size)
        for key, size in zip(("y_px", "x_px"), image.shape, strict=True)
    )
    mask = predicted.tomogram.masks[structure]
    masks = [mask.slice(z)[box], predicted.found(structure, z)[box]]
    labelled = mask.labelled(z)
    height, width = masks[0].shape
    scale = EDGE_PX / max(height, width)
    shown = max(1, round(width * scale)), max(1, round(height * scale))
    background = Image.fromarray(grey(image)[box]).resize(shown, Image.Resampling.BICUBIC)
    picture = np.array(background)
    truth, found = (_outline(mask, shown) for mask in masks)
    picture[truth] = rgb(MISSED[1])
    picture[found] = rgb(SPURIOUS[1])
    picture[truth & found] = rgb(BOTH)
    if labelled is not None:
        unseen = _scaled(~labelled[box], shown)
        picture[unseen] = (picture[unseen] * 0.4).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="PNG")
    return stream.getvalue()


def _window(middle: int, edge: int, size: int) -> slice:
    """Return `edge` pixels around one, moved to lie within `size`."""
    first = max(0, min(middle - edge // 2, size - edge))
    return slice(first, min(size, first + edge))


def _scaled(mask: Bools, shown: tuple[int, int]) -> Bools:
    return np.asarray(Image.fromarray(mask).resize(shown, Image.Resampling.NEAREST))


def _outline(mask: Bools, shown: tuple[int, int]) -> Bools:
    """Return the outline of a scaled mask, two pixels wide, within it."""
    inside = _scaled(mask, shown)
    cross = generate_binary_structure(2, 1)
    return np.asarray(inside & ~binary_erosion(inside, cross, iterations=2, border_value=True))
