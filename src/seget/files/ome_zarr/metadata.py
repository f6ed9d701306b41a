"""What OME-Zarr says about an image, in its versions 0.4 and 0.5.

Plan + levels -> attributes; attributes -> voxel size, origin, legend

It never opens a file. Lengths come out in nm and go in as "nanometer".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seget.files.storage.legend import Legend
from seget.files.storage.writer import Plan
from seget.volume import Triple, Volume

AXES = ("z", "y", "x")
FIRST_AXES = ("t", "c", *AXES)  # of versions 0.1 and 0.2
VERSIONS = ("0.4", "0.5")
NM_PER_UNIT = {
    "picometer": 1e-3,
    "angstrom": 0.1,
    "nanometer": 1.0,
    "micrometer": 1e3,
    "millimeter": 1e6,
}

MOST_LEVELS = 3
SMALLEST_EDGE = 8  # of a coarse level; there is nothing to see in less
UNKNOWN_EDGES = (1.0, 1.0, 1.0)


class Level(NamedTuple):
    """One level of the pyramid: its extent, and how many finest voxels make one of its own."""

    shape: tuple[int, int, int]
    factor: tuple[int, int, int]


def levels(shape: tuple[int, int, int], voxel_size_nm: Triple | None) -> list[Level]:
    """Return the levels of a pyramid, the finest first.

    A level halves the axes that are long enough, except where a voxel is already twice as long as
    along another of them: thick sections are not made thicker. There are at most `MOST_LEVELS`.

    >>> levels((30, 400, 500), (10.0, 2.0, 2.0))[1:]
    [Level(shape=(30, 200, 250), factor=(1, 2, 2)), Level(shape=(30, 100, 125), factor=(1, 4, 4))]
    """
    found = [Level(shape, (1, 1, 1))]
    while len(found) < MOST_LEVELS:
        last = found[-1]
        edges = np.multiply(voxel_size_nm or UNKNOWN_EDGES, last.factor)
        long = np.array(last.shape) >= 2 * SMALLEST_EDGE
        if not long[1:].any():
            break
        steps = np.where(long & (edges < 2 * edges[long].min()), 2, 1).tolist()
        z, y, x = (extent // step for extent, step in zip(last.shape, steps, strict=True))
        fz, fy, fx = (factor * step for factor, step in zip(last.factor, steps, strict=True))
        found.append(Level((z, y, x), (fz, fy, fx)))
    return found


def attributes(plan: Plan, pyramid: Sequence[Level], version: str) -> dict[str, Any]:
    """Return the attributes of the group that holds the levels "0", "1", ..."""
    unit = {"unit": "nanometer"} if plan.like.voxel_size_nm else {}
    image: dict[str, Any] = {
        "name": plan.path.stem,
        "type": "mean" if plan.legend is None else "nearest",
        "axes": [{"name": axis, "type": "space", **unit} for axis in AXES],
        "datasets": [
            {"path": str(number), "coordinateTransformations": _steps(plan.like, level)}
            for number, level in enumerate(pyramid)
        ],
    }
    said: dict[str, Any] = {"multiscales": [image]}
    if plan.legend is not None:
        source = {"source": {"image": "../../"}} if plan.path.parent.name == "labels" else {}
        said["image-label"] = {**_image_label(plan.legend), **source}
    return versioned(said, version)


def versioned(said: dict[str, Any], version: str) -> dict[str, Any]:
    """Return attributes with the version written where that version of the format wants it."""
    if version == "0.5":
        return {"ome": {"version": version, **said}}
    for part in (*said.get("multiscales", ()), said.get("image-label")):
        if part is not None:
            part["version"] = version
    return said


def _steps(like: Volume, level: Level) -> list[dict[str, Any]]:
    """Return scale and translation; without a voxel size the origin is left out."""
    factor = np.array(level.factor, dtype=np.float64)
    edges = np.array(like.voxel_size_nm or UNKNOWN_EDGES)
    steps: list[dict[str, Any]] = [{"type": "scale", "scale": (edges * factor).tolist()}]
    known = like.origin_nm if like.voxel_size_nm else None
    # The centre of a coarse voxel lies between those of the fine voxels it is made of.
    origin = np.array(known or (0.0, 0.0, 0.0)) + edges * (factor - 1) / 2
    if known or (factor > 1).any():
        steps.append({"type": "translation", "translation": origin.tolist()})
    return steps


def _image_label(legend: Legend) -> dict[str, Any]:
    # A reader may refuse a number that has a colour and no property, or the other way round.
    numbers = sorted({*legend.names, *legend.colours})
    colours: list[dict[str, Any]] = [{"label-value": number} for number in numbers]
    for entry in colours:
        text = legend.colours.get(entry["label-value"], "#808080")
        entry["rgba"] = [*bytes.fromhex(text[1:]), 255]
    properties = [
        {"label-value": number, "name": legend.names.get(number, str(number))} for number in numbers
    ]
    return {"colors": colours, "properties": properties} if numbers else {}


def legend(said: Mapping[str, Any]) -> Legend | None:
    """Return the legend in `image-label`, or None for an image."""
    told = said.get("image-label")
    if not isinstance(told, Mapping):
        return None
    names, colours = {}, {}
    for entry in told.get("properties") or ():
        names[int(entry["label-value"])] = str(entry.get("name", entry["label-value"]))
    for entry in told.get("colors") or ():
        if entry.get("rgba"):
            colours[int(entry["label-value"])] = "#" + bytes(entry["rgba"][:3]).hex()
    return Legend(names, colours)


def named(image: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return what is said of an image with its axes as 0.4 and 0.5 say them.

    Version 0.3 has only their names; 0.1 and 0.2 have none, they are the last of t, c, z, y, x.
    """
    axes = image.get("axes") or list(FIRST_AXES[-number:])
    return {**image, "axes": [{"name": one} if isinstance(one, str) else one for one in axes]}


def voxel_size_and_origin(image: Mapping[str, Any]) -> tuple[Triple | None, Triple | None]:
    """Return voxel size and origin of the finest level in nm, each None where it is not stated."""
    units = [NM_PER_UNIT.get(axis.get("unit", "")) for axis in image["axes"][-3:]]
    if None in units:
        return None, None
    scale, origin, placed = np.ones(3), np.zeros(3), False
    # The level's own transforms come first, then those of all levels.
    for step in chain(
        image["datasets"][0].get("coordinateTransformations", ()),
        image.get("coordinateTransformations", ()),
    ):
        if step["type"] == "scale":
            factor = np.array(step["scale"][-3:], dtype=np.float64)
            scale, origin = scale * factor, origin * factor
        elif step["type"] == "translation":
            origin, placed = origin + np.array(step["translation"][-3:]), True
    nm = np.array(units, dtype=np.float64)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        return None, None
    return _triple(scale * nm), _triple(origin * nm) if placed else None


def _triple(values: npt.NDArray[np.float64]) -> Triple:
    z, y, x = values.tolist()
    return z, y, x
