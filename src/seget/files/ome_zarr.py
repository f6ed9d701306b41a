"""OME-Zarr images of one level.

folder <-> Volume

It never writes a pyramid or labels, and reads only the finest level. Zarr is imported when it is
needed: it is slow to import and most runs do without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.files.lazy import Slices
from seget.files.writer import Writer
from seget.volume import Triple, Volume

SUFFIX = ".zarr"
MARKS = ("zarr.json", ".zgroup", ".zattrs")
TILE_PX = 1024
AXES = ("z", "y", "x")
NM_PER_UNIT = {
    "picometer": 1e-3,
    "angstrom": 0.1,
    "nanometer": 1.0,
    "micrometer": 1e3,
    "millimeter": 1e6,
}


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr group, by name or by content."""
    return path.is_dir() and (
        path.suffix.lower() == SUFFIX or any((path / mark).is_file() for mark in MARKS)
    )


def read(path: Path) -> Volume:
    """Open the finest level of an OME-Zarr 0.4 or 0.5 image without reading voxels.

    Axes before z, y, x (time, channel) must have the extent 1.
    """
    import zarr

    try:
        group = zarr.open_group(path, mode="r")
        attributes: Any = group.attrs.asdict()
        image = attributes.get("ome", attributes)["multiscales"][0]
        array: Any = group[image["datasets"][0]["path"]]
        names = tuple(axis["name"] for axis in image["axes"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{path}: this is not an OME-Zarr image of version 0.4 or 0.5; "
            "name the folder that holds `multiscales`."
        ) from error
    extra = len(names) - 3
    if names[extra:] != AXES or any(extent != 1 for extent in array.shape[:extra]):
        raise InputError(
            f"{path}: the image has axes {', '.join(names)} of {array.shape}, wanted z, y, x; "
            "save one channel and one time with its axes in that order."
        )
    size, origin = _place(image)
    # Zarr does not convert the byte order, and has no lazy way to drop an axis.
    data = array if extra == 0 and array.dtype.isnative else _sliced(array, extra)
    return Volume(data, voxel_size_nm=size, origin_nm=origin, name=path.stem, path=path)


def _sliced(array: Any, extra: int) -> Slices:
    dtype = array.dtype.newbyteorder("=")
    return Slices(array.shape[extra:], dtype, partial(_slice, array, extra))


def _slice(array: Any, extra: int, z: int) -> npt.NDArray[Any]:
    plane = np.asarray(array[(0,) * extra + (z,)])
    return plane.astype(array.dtype.newbyteorder("="), copy=False)


def _place(image: Mapping[str, Any]) -> tuple[Triple | None, Triple | None]:
    """Voxel size and origin in nm, each None where the file does not say."""
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


@contextmanager
def creating(
    part: Path, like: Volume, dtype: np.dtype[Any], shape: tuple[int, int, int]
) -> Iterator[Writer]:
    """Yield the writer of a new OME-Zarr 0.5 image in the empty folder `part`.

    A chunk is a tile of one slice, so that slices can be written in any order and none is read
    back. Without a voxel size the scale is 1 and has no unit, and a place would mean nothing.
    """
    import zarr

    group = zarr.open_group(part, mode="w", zarr_format=3, attributes={"ome": _metadata(like)})
    array = group.create_array(
        "0",
        shape=shape,
        dtype=dtype,
        chunks=(1, min(shape[1], TILE_PX), min(shape[2], TILE_PX)),
        dimension_names=AXES,
    )
    yield Writer(array, shape, dtype)


def _metadata(like: Volume) -> dict[str, Any]:
    unit = {"unit": "nanometer"} if like.voxel_size_nm else {}
    steps: list[dict[str, str | Sequence[float]]] = [
        {"type": "scale", "scale": list(like.voxel_size_nm or (1.0, 1.0, 1.0))}
    ]
    if like.voxel_size_nm and like.origin_nm:
        steps.append({"type": "translation", "translation": list(like.origin_nm)})
    image = {
        "name": like.name,
        "axes": [{"name": axis, "type": "space", **unit} for axis in AXES],
        "datasets": [{"path": "0", "coordinateTransformations": steps}],
    }
    return {"version": "0.5", "multiscales": [image]}
