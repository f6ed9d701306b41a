"""Axes by their names: which of an array's are z, y and x.

names + extents -> Layout: the shape (z, y, x), the key of a box, and the block turned

It never guesses an axis from its extent, except that axes without names are z, y, x among others of
extent 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

SPACE = ("z", "y", "x")


@dataclass(frozen=True)
class Layout:
    """Where z, y and x are in a stored array.

    Attributes
    ----------
    stored
        Extents of the array as it is stored.
    places
        Which of its axes are z, y and x; None for a z that is not there.
    """

    stored: tuple[int, ...]
    places: tuple[int | None, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(z, y, x)` extent in voxels."""
        z, y, x = (1 if place is None else self.stored[place] for place in self.places)
        return z, y, x

    def key(self, box: tuple[slice, slice, slice]) -> tuple[slice | int, ...]:
        """Return the key of the stored array that reads a box of (z, y, x)."""
        key: list[slice | int] = [0] * len(self.stored)
        for place, wanted in zip(self.places, box, strict=True):
            if place is not None:
                key[place] = wanted
        return tuple(key)

    def turned(self, block: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what was read with such a key as `(z, y, x)`."""
        there = [place for place in self.places if place is not None]
        order = np.argsort(np.argsort(there))
        turned = block.transpose(order.tolist())
        return turned if len(there) == len(SPACE) else turned[None]


def layout(shape: Sequence[int], names: Sequence[str] | None) -> Layout | None:
    """Return where z, y and x are; None if they are not there or another axis has an extent.

    Without names, or with names of other axes than there are, they are the three axes around which
    all others have the extent 1.
    """
    stored = tuple(int(extent) for extent in shape)
    if names is None or len(names) != len(stored):
        return _by_place(stored)
    if not {"y", "x"} <= set(names) or len(set(names)) < len(names):
        return None
    if any(n > 1 for n, name in zip(stored, names, strict=True) if name not in SPACE):
        return None
    z = names.index("z") if "z" in names else None
    return Layout(stored, (z, names.index("y"), names.index("x")))


def _by_place(stored: tuple[int, ...]) -> Layout | None:
    for before in range(len(stored) - 3, -1, -1):
        if {*stored[:before], *stored[before + 3 :]} <= {1}:
            return Layout(stored, (before, before + 1, before + 2))
    return None


def axis_names(attributes: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the names of axes in an array's attributes, in small letters; None without any.

    `axistags` of ilastik (JSON with a key each), DIMENSION_LABELS of HDF5, `_ARRAY_DIMENSIONS` of
    xarray, `axis_names` of others.
    """
    tagged = _of_ilastik(attributes.get("axistags"))
    if tagged is not None:
        return tagged
    for name in ("DIMENSION_LABELS", "_ARRAY_DIMENSIONS", "axis_names"):
        found = attributes.get(name)
        if isinstance(found, list | tuple | np.ndarray) and len(found):
            names = [_text(one).rstrip("^").lower() for one in found]
            if all(names):
                return tuple(names)
    return None


def _of_ilastik(found: Any) -> tuple[str, ...] | None:
    try:
        return tuple(str(axis["key"]).lower() for axis in json.loads(_text(found))["axes"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _text(found: Any) -> str:
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
