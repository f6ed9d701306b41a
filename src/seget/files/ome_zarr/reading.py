"""OME-Zarr 0.4 and 0.5: images and labels, read at their finest level.

folder -> Volume, Legend

It never reads a coarse level and never guesses an axis. Zarr is imported when it is needed: the
import is slow, and most runs do not need it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import FormatError, InputError
from seget.files.ome_zarr import metadata
from seget.files.storage import memory
from seget.files.storage.lazy import Blocks
from seget.files.storage.legend import Legend
from seget.volume import Volume

SUFFIX = ".zarr"
MARKS = ("zarr.json", ".zgroup", ".zattrs")

# What zarr and this module raise on metadata that are not what they should be.
BROKEN = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    MemoryError,
)


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr group, by name or by content."""
    return path.is_dir() and (
        path.suffix.lower() == SUFFIX or any((path / mark).is_file() for mark in MARKS)
    )


def is_inside(path: Path) -> bool:
    """Whether a path is a .zarr folder or something in one, such as image.zarr/labels/cells."""
    return any(part.lower().endswith(SUFFIX) for part in path.parts)


def read(path: Path) -> Volume:
    """Open the finest level of an OME-Zarr image, or of labels, without reading voxels.

    Axes before z, y, x (time, channel) must have the extent 1.

    Raises
    ------
    FormatError
        If the folder is damaged or holds no such image.
    InputError
        If the image has other axes.
    """
    try:
        group, said = _opened(path)
        image = said["multiscales"][0]
        array: Any = group[image["datasets"][0]["path"]]
        names = tuple(axis["name"] for axis in image["axes"])
        shape, dtype = tuple(array.shape), np.dtype(array.dtype)
        size, origin = metadata.voxel_size_and_origin(image)
        chunk = array.chunks
    except BROKEN as error:
        raise FormatError(
            f"{path}: this is not an OME-Zarr image of version 0.4 or 0.5{_inside(path)}"
        ) from error
    extra = len(names) - 3
    fits = names[extra:] == metadata.AXES and len(shape) == len(names)
    if not fits or any(extent != 1 for extent in shape[:extra]):
        raise InputError(
            f"{path}: the image has axes {', '.join(names)} of {shape}, wanted z, y, x; "
            "save one channel and one time with its axes in that order."
        )
    memory.demand_chunk(path, chunk, dtype)
    z, y, x = shape[extra:]
    data = Blocks((z, y, x), dtype.newbyteorder("="), partial(_block, path, array, extra))
    return Volume(data, voxel_size_nm=size, origin_nm=origin, path=path)


def read_legend(path: Path) -> Legend | None:
    """Return names and colours of a labels volume, or None where it is an image or none at all."""
    try:
        return metadata.legend(_opened(path)[1])
    except BROKEN:
        return None


def stored_version(path: Path) -> str | None:
    """Return "0.4" or "0.5" as a group says, or None where there is no group."""
    if not is_zarr(path):
        return None
    try:
        return "0.5" if _opened(path)[0].metadata.zarr_format == 3 else "0.4"
    except BROKEN as error:
        raise FormatError(f"{path}: this Zarr group is damaged; copy it again.") from error


def _opened(path: Path) -> tuple[Any, dict[str, Any]]:
    import zarr

    group = zarr.open_group(path, mode="r")
    attributes: Any = group.attrs.asdict()
    return group, attributes.get("ome", attributes)


def _inside(path: Path) -> str:
    """Return the end of a sentence: which groups inside a folder may have been meant."""
    inner = [
        entry.relative_to(path).as_posix()
        for entry in (*path.glob("*"), *path.glob("labels/*"))
        if entry.name != "labels" and is_zarr(entry)
    ]
    if inner:
        return f", {', '.join(sorted(inner)[:8])} inside it may be; name one of them."
    return "; name the folder that holds `multiscales`, or copy it again."


def _block(path: Path, array: Any, extra: int, box: tuple[slice, ...]) -> npt.NDArray[Any]:
    try:
        block = np.asarray(array[(0,) * extra + box])
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        raise FormatError(
            f"{path}: a chunk of voxels is damaged ({error}); copy the folder again."
        ) from error
    # Zarr does not convert the byte order.
    return block.astype(array.dtype.newbyteorder("="), copy=False)
