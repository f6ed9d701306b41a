"""A picture of each scored slice: image, prediction, truth, errors.

folder of results + Dataset -> pictures/<tomogram>_<slice>.png

It never scores, and never keeps an older picture: each is drawn again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget import files
from seget.dataset import Dataset, Tomogram
from seget.evaluation.pictures import slice_picture
from seget.evaluation.predicted import Predicted, find_predictions
from seget.fusion import colour, fuse

# The objects of a drawn figure refer to one another in circles, so only Python's garbage collector
# frees them, and it counts objects, not bytes: figures of large slices could fill a gigabyte.
COLLECT_EVERY = 8


def draw_slices(
    folder: Path, dataset: Dataset, slices: tuple[int, ...] | str | None = None
) -> Iterator[Path]:
    """Draw the slices that `evaluate` scores; yield each picture's path when it is there."""
    drawn = 0
    for predicted in find_predictions(folder, dataset, slices):
        for z in predicted.slices:
            path = folder / "pictures" / f"{predicted.tomogram.name}_{z:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            with files.atomic_path(path) as part:
                _draw(part, predicted, z)
            drawn += 1
            if drawn % COLLECT_EVERY == 0:
                gc.collect()
            yield path


def _draw(path: Path, predicted: Predicted, z: int) -> None:
    tomogram = predicted.tomogram
    structures = list(predicted.maps)
    if predicted.labels is not None:
        labels = predicted.labels.slice(z)
        structures = sorted(predicted.values, key=lambda s: predicted.values[s])
    else:
        scores = {s: v.slice(z) for s, v in predicted.scores.items()}
        labels = fuse(scores, {s: m.sidecar.threshold for s, m in predicted.maps.items()})
    truth, prediction = _seen(tomogram, structures, z, labels)
    colours = {i: (s, colour(s, i - 1)) for i, s in enumerate(structures, start=1)}
    voxel = tomogram.image.voxel_size_nm
    slice_picture(
        path,
        tomogram.image.slice(z),
        prediction,
        truth,
        colours,
        f"{tomogram.name}, slice {z}{predicted.part_of(z)}",
        voxel[2] if voxel else None,
    )


def _seen(
    tomogram: Tomogram, structures: list[str], z: int, labels: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return truth and prediction, masked where they are not annotated (see `slice_picture`)."""
    truth, prediction = np.zeros_like(labels), labels
    nothing = np.ones(labels.shape, np.bool_)  # where no structure is annotated
    unjudged = np.zeros(labels.shape, np.bool_)
    for value, structure in enumerate(structures, start=1):
        mask = tomogram.masks.get(structure)
        labelled = nothing & False if mask is None else mask.labelled_box(z, None)
        nothing &= ~labelled
        unjudged |= (labels == value) & ~labelled
    # Where drawings overlap the smaller structure lies on top, or it would not be seen.
    annotated = [s for s in structures if s in tomogram.masks]
    for structure in sorted(annotated, key=lambda s: -sum(tomogram.masks[s].foreground_px)):
        truth[tomogram.masks[structure].slice(z)] = structures.index(structure) + 1
    if nothing.any() or unjudged.any():
        return np.ma.array(truth, mask=nothing), np.ma.array(prediction, mask=unjudged)
    return truth, prediction
