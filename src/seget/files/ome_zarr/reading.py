"""OME-Zarr to 0.5, images and labels, read at their finest level; and plain Zarr arrays.

folder -> Volume, Legend

It never reads a coarse level and never guesses an axis. Zarr is imported when it is needed: the
import is slow, and most runs do not need it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import FormatError, InputError
from seget.files.ome_zarr import metadata, plain
from seget.files.storage import memory
from seget.files.storage.axes import Layout, axis_names, layout
from seget.files.storage.lazy import Blocks
from seget.files.storage.legend import Legend
from seget.volume import Triple, Volume

SUFFIX = ".zarr"
MARKS = ("zarr.json", ".zgroup", ".zattrs", ".zarray")
SHOWN, DEEPEST = 8, 4  # what a sentence lists, and how many folders within another it looks

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
    """Whether a folder is a Zarr group or array, by name or by content."""
    return path.is_dir() and (
        path.suffix.lower() == SUFFIX or any((path / mark).is_file() for mark in MARKS)
    )


def is_inside(path: Path) -> bool:
    """Whether a path is a .zarr folder or something in one, such as image.zarr/labels/cells."""
    return any(part.lower().endswith(SUFFIX) for part in path.parts)


def read(path: Path) -> Volume:
    """Open the finest level of an OME-Zarr image, or of labels, or a plain array of three axes.

    Other axes than z, y, x (time, channel) must have the extent 1. No voxel is read.

    Raises
    ------
    FormatError
        If the folder is damaged or holds no such image.
    InputError
        If the image has other axes.
    """
    try:
        array, image = _array(path)
        axes, names = _axes(array, image)
        dtype, chunk = np.dtype(array.dtype), array.chunks
        size, origin = _place(array, image)
    except BROKEN as error:
        raise FormatError(
            f"{path}: this is not an OME-Zarr image of version 0.4 or 0.5 (or before), nor a Zarr "
            f"array of three axes{_inside(path)}"
        ) from error
    if axes is None:
        told = "axes without names" if names is None else f"axes {', '.join(names)}"
        raise InputError(
            f"{path}: the image has {told} of {tuple(array.shape)}, wanted z, y, x; "
            "save one channel and one time with its axes in that order."
        )
    memory.demand_chunk(path, chunk, dtype)
    data = Blocks(axes.shape, dtype.newbyteorder("="), partial(_block, path, array, axes))
    return Volume(data, voxel_size_nm=size, origin_nm=origin, path=path)


def _array(path: Path) -> tuple[Any, dict[str, Any] | None]:
    """Return an array, and what OME-Zarr says of it; None of a plain one."""
    import zarr

    node: Any = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        if node.dtype.kind not in "biuf":
            raise ValueError("no numbers")
        return node, None
    attributes = node.attrs.asdict()
    image = attributes.get("ome", attributes)["multiscales"][0]
    array: Any = node[image["datasets"][0]["path"]]
    return array, metadata.named(image, len(array.shape))


def _axes(
    array: Any, image: Mapping[str, Any] | None
) -> tuple[Layout | None, tuple[str, ...] | None]:
    """Return where z, y and x are, None unless they are the last in this order; and all names."""
    shape = tuple(array.shape)
    names = axis_names(plain.attributes(array))
    if image is not None:
        names = tuple(axis["name"] for axis in image["axes"])
        if len(names) != len(shape):
            return None, names
    found = layout(shape, names)
    in_place = found is not None and found.places == tuple(range(len(shape) - 3, len(shape)))
    return found if in_place else None, names


def _place(array: Any, image: Mapping[str, Any] | None) -> tuple[Triple | None, Triple | None]:
    return metadata.voxel_size_and_origin(image) if image is not None else plain.place(array)


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
    """Return the end of a sentence: what inside a folder may have been meant, as it can be read."""
    inner = sorted(_readable(path, DEEPEST))
    if inner:
        listed = ", ".join(one.relative_to(path).as_posix() for one in inner[:SHOWN])
        return f", {listed} inside it may be; name one of them."
    return "; name the folder that holds `multiscales` or the array, or copy it again."


def _readable(path: Path, depth: int) -> Iterator[Path]:
    """Yield the images and plain arrays inside a folder, but not what is inside of those."""
    folders = [entry for entry in path.iterdir() if entry.is_dir()] if path.is_dir() else []
    for entry in folders:
        if is_zarr(entry) and _is_readable(entry):
            yield entry
            within = entry / "labels"  # labels lie inside their image
            yield from _readable(within, 1) if within.is_dir() else ()
        elif depth > 1:
            yield from _readable(entry, depth - 1)


def _is_readable(path: Path) -> bool:
    try:
        return _axes(*_array(path))[0] is not None
    except BROKEN:
        return False


def _block(
    path: Path, array: Any, axes: Layout, box: tuple[slice, slice, slice]
) -> npt.NDArray[Any]:
    try:
        block = axes.turned(np.asarray(array[axes.key(box)]))
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        raise FormatError(
            f"{path}: a chunk of voxels is damaged ({error}); copy the folder again."
        ) from error
    # Zarr does not convert the byte order.
    return block.astype(array.dtype.newbyteorder("="), copy=False)
