"""TIFF stacks, memory-mapped or read page by page.

file -> Volume, Plan -> Writer

It never reads a stack as a whole. TIFF keeps no origin.
"""

from __future__ import annotations

import logging
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import tifffile

from seget.errors import FormatError, InputError
from seget.files.storage.flat import Flat
from seget.files.storage.lazy import Slices, native
from seget.files.storage.writer import Plan, Writer
from seget.files.tiff import metadata
from seget.volume import Volume

SUFFIXES = (".tif", ".tiff")

# ImageJ has these types and no others, and opens what one file of 4 GB holds.
IMAGEJ_TYPES = ("uint8", "uint16", "float32")
IMAGEJ_BYTES = 2**32 - 2**20

# What tifffile and its codecs raise on bytes that are not what they should be.
BROKEN = (
    tifffile.TiffFileError,
    struct.error,
    zlib.error,
    ElementTree.ParseError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
)


def read(path: Path) -> Volume:
    """Open a TIFF of one grey image or a stack of them without reading the pixels.

    The first series of images is the volume; others have to be smaller, as thumbnails are.

    Returns
    -------
    Volume
        `(z, y, x)`; z is whichever axis the file has besides y and x.

    Raises
    ------
    FormatError
        If it is no TIFF or a damaged one.
    InputError
        If it holds colours, several channels or several volumes.
    """
    with opened(path) as tif:
        shape = _shape(tif, path)
        dtype = np.dtype(tif.series[0].dtype)
        mappable = tif.series[0].dataoffset is not None
        size = metadata.voxel_size(tif, shape[0])
        white = metadata.white_is(tif, path)
        if mappable:
            data = native(tifffile.memmap(path, mode="r").reshape(shape))
        else:
            data = Slices(shape, dtype.newbyteorder("="), partial(_page, path, shape))
    if white is not None:
        data = Slices(shape, data.dtype, partial(_turned, data, white))
    return Volume(data, voxel_size_nm=size, path=path)


def _turned(data: Any, white: int, z: int) -> npt.NDArray[Any]:
    """Return a slice in which 0 is black, of one in which 0 is white."""
    return metadata.black_is_zero(np.asarray(data[z]), white)


@contextmanager
def opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a file while the context lasts, turning a fault in its structure into a FormatError."""
    try:
        with _no_page_lost(), tifffile.TiffFile(path) as tif:
            yield tif
    except BROKEN as error:
        what = "a whole TIFF file" if path.stat().st_size else "a TIFF file but an empty one"
        raise FormatError(
            f"{path}: this is not {what} ({error}); save or copy it again."
        ) from error


@contextmanager
def _no_page_lost() -> Iterator[None]:
    """Raise a TiffFileError for what tifffile only logs: that it found no more pages."""
    lost: list[str] = []

    def note(record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if record.levelno < logging.ERROR or "TiffPages" not in said:
            return True
        lost.append(said.partition("> ")[2] or said)
        return False

    logger = logging.getLogger("tifffile")
    logger.addFilter(note)
    try:
        yield
    finally:
        logger.removeFilter(note)
    if lost:
        raise tifffile.TiffFileError(lost[0])


def count(tif: tifffile.TiffFile) -> int:
    """Return the number of images in the first series, which need not have a page each."""
    return math.prod(tif.series[0].shape) // math.prod(tif.series[0].keyframe.shape)


def _page(path: Path, shape: tuple[int, int, int], z: int) -> npt.NDArray[Any]:
    with opened(path) as tif:
        page: npt.NDArray[Any] = tif.asarray(series=0, key=z).reshape(shape[1:])
    return page.astype(page.dtype.newbyteorder("="), copy=False)


def _shape(tif: tifffile.TiffFile, path: Path) -> tuple[int, int, int]:
    first, shapes = tif.series[0], [series.shape for series in tif.series]
    if any(math.prod(shape) >= math.prod(first.shape) for shape in shapes[1:]):
        raise InputError(
            f"{path}: the file holds {len(shapes)} series of images, of {shapes}, wanted one; "
            "save the one you mean as a file of its own."
        )
    extents = dict(zip(first.get_axes(False), first.get_shape(False), strict=True))
    y, x = extents.pop("Y"), extents.pop("X")
    deep = [extent for extent in extents.values() if extent != 1]
    if len(deep) > 1 or extents.get("S", 1) != 1:
        raise InputError(
            f"{path}: the image has axes {first.axes} of {first.shape}, wanted z, y and x with "
            "one grey value a voxel; save one channel and one time as a grey stack."
        )
    return (deep[0] if deep else 1), y, x


@contextmanager
def creating(part: Path, plan: Plan) -> Iterator[Writer]:
    """Yield the writer of a new uncompressed stack at `part`.

    A stack that ImageJ can open has ImageJ's metadata, another has OME's; beyond 4 GB it is a
    BigTIFF.
    """
    size = math.prod(plan.shape) * plan.dtype.itemsize
    # tifffile takes a single column for the channels of a colour image.
    fits = size < IMAGEJ_BYTES and plan.shape[2] > 1
    for_imagej = fits and plan.dtype.name in IMAGEJ_TYPES
    stored = plan.dtype.newbyteorder("<")
    say = metadata.imagej if for_imagej else metadata.ome
    with tifffile.TiffWriter(
        part, byteorder="<", imagej=for_imagej, ome=not for_imagej, bigtiff=size >= IMAGEJ_BYTES
    ) as tif:
        written: Any = tif.write(
            shape=plan.shape,
            dtype=stored,
            photometric="minisblack",
            returnoffset=True,
            **say(plan.like.voxel_size_nm),
        )
    yield Writer(Flat(part, written[0], plan.shape, stored), plan.shape, plan.dtype)
