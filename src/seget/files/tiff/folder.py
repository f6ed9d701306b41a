"""A folder of numbered images, each a slice.

folder -> Volume

It never writes images and never resizes or rescales one: a slice of another shape or type than
the first is an error, and so are names of more than one series.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from seget.errors import FormatError, InputError
from seget.files.storage import foreign, memory
from seget.files.storage.lazy import Slices
from seget.files.tiff import metadata, numbering, stack
from seget.volume import Triple, Volume

SUFFIXES = (*stack.SUFFIXES, ".png")

# A palette is only another way of storing colours, and one bit of storing black and white.
CONVERTED = {"P": "RGBA", "1": "L"}


def images(folder: Path) -> list[Path]:
    """Return the slices of a folder in natural order; hidden files are none."""
    found = [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    ]
    return sorted(found, key=numbering.natural_order)


def is_folder_of_slices(folder: Path) -> bool:
    """Whether a folder holds slices; one whose first file is a stack holds tomograms."""
    files = images(folder)
    return bool(files) and not (files[0].suffix.lower() in stack.SUFFIXES and _is_stack(files[0]))


def gaps(folder: Path) -> str:
    """Say which numbers are missing among the slices of a folder; empty if none is."""
    return numbering.gaps(images(folder))


def _is_stack(file: Path) -> bool:
    try:
        with stack.opened(file) as tif:
            return stack.count(tif) > 1
    except InputError:
        return False  # a damaged slice: reading it says so


def read_folder(folder: Path) -> Volume:
    """Open a folder of slices, reading the first one only.

    Returns
    -------
    Volume
        `(z, y, x)`; z is the place in natural order. Colour images whose channels are equal are
        grey images; transparency is ignored. The voxel size is what the first TIFF says.
    """
    files = images(folder)
    if not files:
        if (other := foreign.most_of(sorted(folder.iterdir()))) is not None:
            raise InputError(
                f"{folder}: the folder holds no slices; of {other.name}: "
                f"{foreign.how_to_convert(other)}."
            )
        raise InputError(
            f"{folder}: the folder holds no {', '.join(SUFFIXES)} slice; name a file or a folder "
            "of slices."
        )
    numbering.demand_one_series(folder, files)
    extent, kind = _describe(files[0])
    memory.demand_slice(files[0], (1, *extent), kind)
    first = _load(files[0])
    for file in files:
        shape, dtype = _describe(file)
        if (shape, dtype) != (first.shape, first.dtype):
            raise InputError(
                f"{file}: the slice is {_words(shape, dtype)}, wanted "
                f"{_words(first.shape, first.dtype)} as {files[0].name} is; convert it or move it "
                "out of the folder."
            )
    load = partial(_load_one_of, files)
    data = Slices((len(files), *first.shape), first.dtype, load)
    return Volume(data, voxel_size_nm=_voxel_size(files[0]), path=folder)


def _voxel_size(file: Path) -> Triple | None:
    if file.suffix.lower() not in stack.SUFFIXES:
        return None
    with stack.opened(file) as tif:
        return metadata.voxel_size(tif, depth=1)


def _words(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    return f"{' x '.join(str(extent) for extent in reversed(shape))} of {dtype}"


def _load_one_of(files: list[Path], z: int) -> npt.NDArray[Any]:
    return _load(files[z])


def _load(file: Path) -> npt.NDArray[Any]:
    if file.suffix.lower() in stack.SUFFIXES:
        with stack.opened(file) as tif:
            pixels = tif.asarray(key=0)
            white = metadata.white_is(tif, file)
            if white is not None:
                pixels = metadata.black_is_zero(pixels, white)
    else:
        with _opened(file) as image:
            pixels = np.asarray(image.convert(CONVERTED.get(image.mode, image.mode)))
            pixels = pixels.astype(_png_type(image), copy=False)
    grey = _grey(pixels, file)
    return grey.astype(grey.dtype.newbyteorder("="), copy=False)


def _grey(pixels: npt.NDArray[Any], file: Path) -> npt.NDArray[Any]:
    if pixels.ndim == 2:
        return pixels
    # Two channels are grey and transparency, four are colour and transparency.
    colours = pixels[..., : 1 if pixels.shape[-1] == 2 else 3]
    grey: npt.NDArray[Any] = colours[..., 0]
    if not (colours == grey[..., None]).all():
        raise InputError(
            f"{file}: the slice is a colour image whose channels differ, wanted grey values; "
            "save it as grey."
        )
    return grey


def _describe(file: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and the type of a slice without reading its pixels."""
    if file.suffix.lower() in stack.SUFFIXES:
        with stack.opened(file) as tif:
            if (images_in_file := stack.count(tif)) > 1:
                raise InputError(
                    f"{file}: the file holds {images_in_file} images, wanted one slice a file; "
                    "name the file itself if it is the tomogram."
                )
            page = tif.pages.first
            return (page.imagelength, page.imagewidth), np.dtype(page.dtype).newbyteorder("=")
    with _opened(file) as image:
        return (image.height, image.width), _png_type(image)


def _png_type(image: Image.Image) -> np.dtype[Any]:
    wide = image.mode.startswith("I")  # 16 bits, the most that PNG has
    return np.dtype(np.uint16 if wide else np.uint8)


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    try:
        # Not Image.open: it tries every format it knows, and refuses a large slice for a bomb. How
        # large one may be is said by the free memory.
        with PngImageFile(file) as image:
            yield image
    except (SyntaxError, OSError, ValueError, struct.error, zlib.error, MemoryError) as error:
        raise FormatError(
            f"{file}: this is not a whole PNG file ({error}); save or copy it again."
        ) from error
