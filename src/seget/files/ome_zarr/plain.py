"""Plain Zarr arrays, as programs for volume electron microscopy write them.

Zarr array -> attributes -> voxel size, origin

It never reads a voxel. `resolution` and `offset` are nm along z, y and x, as in HDF5.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seget.volume import Triple

SIZES = ("resolution", "voxel_size")
NM_PER_UNIT = {"nm": 1.0, "nanometer": 1.0, "um": 1e3, "micrometer": 1e3, "angstrom": 0.1}


def attributes(array: Any) -> dict[str, Any]:
    """Return the attributes of an array, with the names of axes that version 3 of Zarr has."""
    said = dict(array.attrs.asdict())
    names = getattr(array.metadata, "dimension_names", None)
    if names and all(isinstance(name, str) for name in names):
        said.setdefault("_ARRAY_DIMENSIONS", list(names))
    return said


def place(array: Any) -> tuple[Triple | None, Triple | None]:
    """Return voxel size and origin in nm, each None where the array does not say."""
    said = attributes(array)
    nm = _units(said.get("units"))
    lengths = (_triple(said.get(name), nm) for name in SIZES)
    size = next((one for one in lengths if one is not None and min(one) > 0), None)
    return size, _triple(said.get("offset"), nm)


def _units(found: Any) -> float | None:
    """Return the length in nm of the unit that all axes have; None if it is not known."""
    if not found:
        return 1.0
    units = {found} if isinstance(found, str) else {str(one) for one in found}
    return NM_PER_UNIT.get(units.pop()) if len(units) == 1 else None


def _triple(found: Any, nm: float | None) -> Triple | None:
    """Return the last three of some lengths, or one for all axes."""
    try:
        lengths = np.asarray(found, np.float64)
        lengths = lengths[-3:] if lengths.ndim else lengths
        z, y, x = (np.broadcast_to(lengths, 3) * (nm or np.nan)).tolist()
    except (ValueError, TypeError):
        return None
    return (z, y, x) if np.isfinite((z, y, x)).all() else None
