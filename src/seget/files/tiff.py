"""TIFF stacks, memory-mapped or read page by page.

file -> Volume

It never writes TIFF, and never takes a printing resolution (dots per inch) for a voxel size: only
ImageJ and OME say what a voxel measures.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import tifffile

from seget.errors import InputError
from seget.files.lazy import Slices, native
from seget.volume import Triple, Volume

SUFFIXES = (".tif", ".tiff")

NM_PER_UNIT = {
    "angstrom": 0.1,
    "\u00c5": 0.1,
    "nm": 1.0,
    "nanometer": 1.0,
    "um": 1e3,
    "\u00b5m": 1e3,  # micro sign
    "\u03bcm": 1e3,  # Greek mu
    "\\u00B5m": 1e3,  # as ImageJ writes the micro sign
    "micron": 1e3,
    "micrometer": 1e3,
    "mm": 1e6,
}


def read(path: Path) -> Volume:
    """Open a TIFF of one grey image or a stack of them without reading the pixels.

    Returns
    -------
    Volume
        `(z, y, x)`; z is whichever axis the file has besides y and x.
    """
    with opened(path) as tif:
        shape = _shape(tif.series[0], path)
        dtype = np.dtype(tif.series[0].dtype)
        mappable = tif.series[0].dataoffset is not None
        size = _voxel_size(tif)
    if mappable:
        data = native(tifffile.memmap(path, mode="r").reshape(shape))
    else:
        data = Slices(shape, dtype.newbyteorder("="), partial(_page, path, shape))
    return Volume(data, voxel_size_nm=size, name=path.stem, path=path)


def opened(path: Path) -> tifffile.TiffFile:
    """Open a file, turning a fault in its structure into an InputError."""
    try:
        return tifffile.TiffFile(path)
    except tifffile.TiffFileError as error:
        raise InputError(
            f"{path}: this is not a TIFF file ({error}); save or copy it again."
        ) from error


def count(tif: tifffile.TiffFile) -> int:
    """Return the number of images in the first series, which need not have a page each."""
    return math.prod(tif.series[0].shape) // math.prod(tif.series[0].keyframe.shape)


def _page(path: Path, shape: tuple[int, int, int], z: int) -> npt.NDArray[Any]:
    page = tifffile.imread(path, series=0, key=z).reshape(shape[1:])
    return page.astype(page.dtype.newbyteorder("="), copy=False)


def _shape(series: tifffile.TiffPageSeries, path: Path) -> tuple[int, int, int]:
    extents = dict(zip(series.get_axes(False), series.get_shape(False), strict=True))
    y, x = extents.pop("Y"), extents.pop("X")
    others = [extent for extent in extents.values() if extent != 1]
    if len(others) > 1 or extents.get("S", 1) != 1:
        raise InputError(
            f"{path}: the image has axes {series.axes} of {series.shape}, wanted z, y and x with "
            "one grey value a voxel; save one channel and one time as a grey stack."
        )
    return (others[0] if others else 1), y, x


def _voxel_size(tif: tifffile.TiffFile) -> Triple | None:
    if tif.ome_metadata:
        return _ome_voxel_size(tif.ome_metadata)
    if tif.imagej_metadata:
        return _imagej_voxel_size(tif.imagej_metadata, tif.pages.first)
    return None


def _ome_voxel_size(xml: str) -> Triple | None:
    pixels = ElementTree.fromstring(xml).find(".//{*}Pixels")
    if pixels is None:
        return None
    lengths = [
        float(pixels.get(f"PhysicalSize{axis}", 0))
        * NM_PER_UNIT.get(pixels.get(f"PhysicalSize{axis}Unit", "\u00b5m"), 0)
        for axis in "ZYX"
    ]
    return _triple(lengths)


def _imagej_voxel_size(metadata: dict[str, Any], page: Any) -> Triple | None:
    nm = NM_PER_UNIT.get(str(metadata.get("unit", "")), 0)
    lengths = [float(metadata.get("spacing", 0)) * nm]
    for name in ("YResolution", "XResolution"):
        pixels, units = page.tags[name].value if name in page.tags else (0, 0)
        lengths.append(units / pixels * nm if pixels else 0.0)
    return _triple(lengths)


def _triple(lengths: list[float]) -> Triple | None:
    z, y, x = lengths
    return (z, y, x) if all(np.isfinite(length) and length > 0 for length in lengths) else None
