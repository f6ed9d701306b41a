"""What a TIFF says about the size of its voxels, and about black and white.

ImageJ's, OME's or plain tags <-> voxel size in nm; whether 0 is white

It never opens a file and never takes a printing resolution (dots per inch) for a voxel size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import tifffile

from seget.errors import InputError
from seget.volume import Triple

NM_PER_UNIT = {
    "angstrom": 0.1,
    "angstroms": 0.1,
    "a": 0.1,
    "\u00e5": 0.1,  # a with a ring, lower case as all units here
    "\\u00c5": 0.1,  # as ImageJ writes it
    "nm": 1.0,
    "nanometer": 1.0,
    "nanometers": 1.0,
    "um": 1e3,
    "\u00b5m": 1e3,  # micro sign
    "\u03bcm": 1e3,  # Greek mu
    "\\u00b5m": 1e3,  # as ImageJ writes the micro sign
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "micrometers": 1e3,
    "mm": 1e6,
    "cm": 1e7,
    "inch": 2.54e7,
}
NM_PER_RESOLUTION_UNIT = {2: 2.54e7, 3: 1e7}  # values of the tag ResolutionUnit: inch, centimetre

# No printer and no screen has dots this small, no electron microscope pixels this large.
LARGEST_PIXEL_NM = 1000.0


def white_is(tif: tifffile.TiffFile, path: Path) -> int | None:
    """Return the largest number of a grey TIFF that counts white as 0; None if 0 is black.

    ImageJ says so too where only its look-up table is inverted: its numbers are what was selected.

    Raises
    ------
    InputError
        The numbers are signed or fractions, of which nobody says what black is.
    """
    page = tif.pages.first
    if page.photometric != tifffile.PHOTOMETRIC.MINISWHITE or tif.is_imagej:
        return None
    dtype = np.dtype(page.dtype)
    if dtype.kind not in "bu":
        raise InputError(
            f"{path}: counts white as 0 (photometric interpretation 0) in {dtype}, wanted whole "
            "numbers without a sign; save it with black as 0."
        )
    return int(2**page.bitspersample - 1)


def black_is_zero(pixels: npt.NDArray[Any], white: int) -> npt.NDArray[Any]:
    """Return the numbers of a slice that counts white as 0, with black as 0."""
    return ~pixels if pixels.dtype.kind == "b" else pixels.dtype.type(white) - pixels


def voxel_size(tif: tifffile.TiffFile, depth: int) -> Triple | None:
    """Return `(z, y, x)` edges in nm as OME, ImageJ or fine resolution tags say, else None.

    One slice, and plain tags, which know no z, have the edge along x for that along z.
    """
    page = tif.pages.first
    if tif.ome_metadata:
        return _ome(tif.ome_metadata, depth)
    if tif.imagej_metadata:
        return _imagej(tif.imagej_metadata, page, depth)
    unit = page.tags["ResolutionUnit"].value if "ResolutionUnit" in page.tags else 0
    y, x = _pixel(page, NM_PER_RESOLUTION_UNIT.get(int(unit), 0.0))
    return _triple([x, y, x]) if max(x, y) <= LARGEST_PIXEL_NM else None


def _ome(xml: str, depth: int) -> Triple | None:
    pixels = ElementTree.fromstring(xml).find(".//{*}Pixels")
    if pixels is None:
        return None
    lengths = [
        float(pixels.get(f"PhysicalSize{axis}", 0))
        * nm_per(pixels.get(f"PhysicalSize{axis}Unit", "\u00b5m"))
        for axis in "ZYX"
    ]
    return _triple(_with_z(lengths, depth))


def _imagej(metadata: dict[str, Any], page: Any, depth: int) -> Triple | None:
    nm = nm_per(str(metadata.get("unit", "")))
    y, x = _pixel(page, nm)
    return _triple(_with_z([abs(float(metadata.get("spacing", 0))) * nm, y, x], depth))


def _with_z(lengths: list[float], depth: int) -> list[float]:
    """Give a single slice without a size along z the size along x."""
    z, y, x = lengths
    return [x if depth == 1 and z == 0 else z, y, x]


def _pixel(page: Any, nm: float) -> tuple[float, float]:
    """Return the edges along y and x that the resolution tags give, 0 where there are none."""
    edges = []
    for name in ("YResolution", "XResolution"):
        pixels, units = page.tags[name].value if name in page.tags else (0, 0)
        edges.append(units / pixels * nm if pixels else 0.0)
    return edges[0], edges[1]


def nm_per(unit: str) -> float:
    """Return the nanometres in a unit however it is spelt, 0 where it is no length."""
    return NM_PER_UNIT.get(unit.strip().lower(), 0.0)


def _triple(lengths: list[float]) -> Triple | None:
    z, y, x = lengths
    return (z, y, x) if all(np.isfinite(length) and length > 0 for length in lengths) else None


def imagej(size: Triple | None) -> dict[str, Any]:
    """Return the arguments with which tifffile writes ImageJ's metadata."""
    if size is None:
        return {"metadata": {"axes": "ZYX"}}
    z, y, x = size
    described = {"axes": "ZYX", "unit": "nm", "spacing": z}
    return {"metadata": described, "resolution": (1 / x, 1 / y)}


def ome(size: Triple | None) -> dict[str, Any]:
    """Return the arguments with which tifffile writes OME's metadata."""
    described: dict[str, Any] = {"axes": "ZYX"}
    for axis, length in zip("ZYX", size or (), strict=False):
        described |= {f"PhysicalSize{axis}": length, f"PhysicalSize{axis}Unit": "nm"}
    return {"metadata": described}
