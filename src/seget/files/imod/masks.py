"""Label volumes as IMOD models, and models as masks or labels on the grid of an image.

label volume -> .mod; .mod + image -> masks or labels

It never holds more than a slice of voxels, and never draws a model on an image whose position
relative to it is unknown.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.files.imod.contours import outline
from seget.files.imod.drawing import Drawing, drawing
from seget.files.imod.model import (
    Contour,
    ImodObject,
    Model,
    model_on,
    object_names,
)
from seget.files.imod.model_to_image import model_to_image
from seget.files.imod.reading import read
from seget.files.imod.writing import write
from seget.files.storage.lazy import Slices
from seget.files.storage.legend import Legend
from seget.volume import Volume

SUFFIX = ".mod"
LARGEST_LABEL = 65535
LARGEST_BYTE_LABEL = 127  # signed bytes hold no more, and some programs read them as signed
GOLDEN = 0.618034  # turn of hue from label to label: neighbours differ, and no hue comes twice


def is_model(path: Path | str) -> bool:
    """Whether a name is that of an IMOD model."""
    return Path(path).suffix.lower() == SUFFIX


def write_labels(path: Path, labels: Volume, legend: Legend | None = None) -> Model:
    """Write every label as an object of closed contours, slice by slice; return the model.

    Contours lie at the level of a half between the pixels, holes are contours within contours, and
    `read_labels` gives the same labels back.

    Parameters
    ----------
    path
        The .mod file; replaced at the end if it is there.
    labels
        `(z, y, x)` whole numbers, 0 for background. One slice is in memory at a time, and all
        contours.
    legend
        Names and colours; a label it names is an object even if no voxel has it.

    Raises
    ------
    InputError
        If they are no labels.
    """
    legend = legend or Legend()
    found: dict[int, list[Contour]] = {number: [] for number in (*legend.names, *legend.colours)}
    for z in range(labels.shape[0]):
        plane = _labels_of(labels, z)
        for label in np.flatnonzero(np.bincount(plane.ravel().astype(np.int64))).tolist():
            if label:
                found.setdefault(label, []).extend(_contours(plane == label, z))
    objects = tuple(
        ImodObject(
            legend.names.get(label, f"label {label}"),
            legend.colours.get(label, _colour(label)),
            contours=tuple(found[label]),
        )
        for label in sorted(found)
        if label > 0
    )
    model = model_on(labels, objects)
    write(path, model)
    return model


def _labels_of(labels: Volume, z: int) -> npt.NDArray[Any]:
    plane = labels.slice(z)
    if plane.dtype.kind == "b":
        return plane.astype(np.uint8)
    if plane.dtype.kind not in "iu" or plane.min() < 0 or plane.max() > LARGEST_LABEL:
        raise InputError(
            f"{labels.path or labels.name}: slice {z} holds {plane.dtype} from {plane.min():g} to "
            f"{plane.max():g}, wanted whole labels from 0 to {LARGEST_LABEL}; give a label volume, "
            "or number the labels anew."
        )
    return plane


def _contours(mask: npt.NDArray[np.bool_], z: int) -> list[Contour]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    y, x = int(rows[0]), int(columns[0])
    polygons = outline(mask[y : rows[-1] + 1, x : columns[-1] + 1])
    return [
        Contour(np.insert(polygon + np.array([y, x], np.float32), 0, z, axis=1))
        for polygon in polygons
    ]


def _colour(label: int) -> str:
    parts = colorsys.hsv_to_rgb(label * GOLDEN % 1, 0.8, 1)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def read_masks(path: Path, like: Volume) -> dict[str, Volume]:
    """Return a mask of 0 and 1 for each object of a model, on the grid of an image.

    A pixel is in where an odd number of the object's closed contours in a slice goes around its
    centre, or where its centre is within the radius of a point or of an open contour. Slices are
    drawn when they are asked for.

    Parameters
    ----------
    path
        The .mod file.
    like
        The image; its voxels are not read.

    Raises
    ------
    InputError
        If the model cannot be placed in the image, lies beyond it, or cannot be drawn.
    """
    model = read(path)
    names = object_names(model)
    drawings = _drawings(path, model, like, names)
    return {
        name: like.on_same_grid(Slices(like.shape, np.dtype(np.uint8), partial(_mask, one)), name)
        for name, one in zip(names, drawings, strict=True)
    }


def read_mask(path: Path, like: Volume, name: str) -> Volume:
    """Return the mask of the object of that name, upper or lower case, as `read_masks` does.

    Raises
    ------
    InputError
        If there is none, and as `read_masks` does for this one.
    """
    model = read(path)
    chosen = _chosen(path, model, name)
    (one,) = _drawings(path, model, like, [chosen])
    return like.on_same_grid(Slices(like.shape, np.dtype(np.uint8), partial(_mask, one)), chosen)


def read_labels(path: Path, like: Volume) -> tuple[Volume, Legend]:
    """Return all objects as one label volume on the grid of an image, and what its numbers mean.

    Label 1 is the first object. Where two overlap, the later lies on top. Drawn as `read_masks`
    says; uint8 up to 127 objects, else uint16.

    Raises
    ------
    InputError
        As `read_masks` does.
    """
    model = read(path)
    names = object_names(model)
    if not 0 < len(names) <= LARGEST_LABEL:
        raise InputError(
            f"{path}: the model has {len(names)} objects, wanted 1 to {LARGEST_LABEL}; draw some, "
            "or take objects by their names."
        )
    drawings = _drawings(path, model, like, names)
    stack = _Stack(like.shape[1:], tuple(drawings))
    legend = Legend(
        dict(enumerate(names, start=1)),
        {number: one.colour for number, one in enumerate(model.objects, start=1)},
    )
    data = Slices(like.shape, stack.dtype, stack.load)
    return like.on_same_grid(data, path.stem), legend


@dataclass(frozen=True)
class _Stack:
    shape: tuple[int, int]
    drawings: tuple[Drawing, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if len(self.drawings) <= LARGEST_BYTE_LABEL else np.uint16)

    def load(self, z: int) -> npt.NDArray[Any]:
        plane = np.zeros(self.shape, self.dtype)
        for label, one in enumerate(self.drawings, start=1):
            plane[one.slice(z)] = label
        return plane


def _mask(one: Drawing, z: int) -> npt.NDArray[np.uint8]:
    return one.slice(z).astype(np.uint8)


def _chosen(path: Path, model: Model, name: str) -> str:
    names = object_names(model)
    for own in (name, *(n for n in names if n.lower() == name.strip().lower())):
        if own in names:
            return own
    raise InputError(
        f"{path}: the model has no object {name!r}, it has {', '.join(names) or 'none'}; name one "
        "of them."
    )


def _drawings(path: Path, model: Model, like: Volume, names: list[str]) -> list[Drawing]:
    """Prepare the objects of those names; at least one of their points must lie in the image."""
    named = dict(zip(object_names(model), model.objects, strict=True))
    to_image = model_to_image(model, like, path)
    drawings, inside, points = [], False, 0
    for name in names:
        drawings.append(drawing(named[name], to_image, like, f"{path}: {name}"))
        for contour in named[name].contours:
            # Voxel centres are at whole z, so a slice reaches half a slice to both sides.
            moved = np.add(to_image.points(contour.points_zyx), (0.5, 0, 0))
            inside = inside or bool(((moved >= 0) & (moved <= like.shape)).all(axis=1).any())
            points += len(moved)
    if points and not inside:
        raise InputError(
            f"{path}: none of the {points} points lies within {like.path or like.name}, wanted a "
            "model of this tomogram; check voxel sizes and origins with seget info, or open the "
            "model on the tomogram in 3dmod and save it."
        )
    return drawings
