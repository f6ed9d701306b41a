"""Masks that hold some slices only, or whose rows run the other way, on the tomogram's grid.

mask file + its keys in the dataset.toml -> volume of the tomogram's shape

It never copies a volume: slices are read when they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.dataset.tables import MaskTable
from seget.errors import InputError
from seget.files.storage.lazy import Blocks
from seget.files.tiff.folder import images
from seget.volume import Volume

Box3 = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Wanted:
    """What a mask of some slices is put onto.

    Attributes
    ----------
    image
        The tomogram.
    named
        The annotated slices in the order in which the dataset.toml names them; None if it does not.
    """

    image: Volume
    named: Sequence[int] | None


def arranged(path: Path, volume: Volume, entry: MaskTable, wanted: Wanted) -> Volume:
    """Return the mask on the grid of the tomogram.

    Raises
    ------
    InputError
        The mask has neither the tomogram's shape nor a slice for each one that is named.
    """
    depth, *plane = wanted.image.shape
    if volume.shape[0] != depth and list(volume.shape[1:]) == plane:
        place = _places(path, volume, entry, wanted)
    elif volume.shape != wanted.image.shape:
        raise InputError(
            f"{path}: this mask has the shape {volume.shape} (z, y, x), {_tomogram(wanted)} has "
            f"{wanted.image.shape}; save the mask on the tomogram's grid."
        )
    elif entry.flip is None:
        return volume
    else:
        place = {z: z for z in range(depth)}
    load = partial(_block, volume, place, entry.flip == "y")
    return replace(volume, data=Blocks(wanted.image.shape, volume.data.dtype, load))


def _block(volume: Volume, place: Mapping[int, int], flip: bool, box: Box3) -> npt.NDArray[Any]:
    zs, rows, columns = box
    height = volume.shape[1]
    if flip:
        rows = slice(height - rows.stop, height - rows.start)
    block = np.zeros(
        (zs.stop - zs.start, rows.stop - rows.start, columns.stop - columns.start),
        volume.data.dtype,
    )
    for plane, z in zip(block, range(zs.start, zs.stop), strict=True):
        if z in place:
            plane[:] = volume.box(place[z], (rows, columns))
    return block[:, ::-1] if flip else block


def _places(path: Path, volume: Volume, entry: MaskTable, wanted: Wanted) -> dict[int, int]:
    """Return slice of the tomogram -> slice of the mask, by its files' numbers or in order."""
    slices, depth = volume.shape[0], wanted.image.shape[0]
    numbers = _numbers(path, slices)
    if wanted.named is None:
        raise InputError(
            f"{path}: this mask has {_count(slices)}, {_tomogram(wanted)} has {depth}; name those "
            f"that it was drawn on, from 0, {entry.inline(slices=_offered(numbers, depth))}, or "
            "save the mask on the tomogram's grid."
        )
    if len(wanted.named) != slices:
        raise InputError(
            f"{path}: this mask has {_count(slices)}, {_tomogram(wanted)} has {depth} and slices "
            f"names {len(wanted.named)} of them; name as many as the mask has, or save the mask on "
            "the tomogram's grid."
        )
    if numbers is None or not _disagree(numbers, wanted.named):
        if numbers is not None and sorted(numbers) == sorted(wanted.named):
            return {z: k for k, z in enumerate(numbers)}
        return {z: k for k, z in enumerate(wanted.named)}
    raise InputError(
        f"{path}: the numbers in its names are {_listed(numbers)}, slices names "
        f"{_listed(wanted.named)}; name the same ones, "
        f"{entry.inline(slices=_offered(numbers, depth))}, or rename the files."
    )


def _disagree(numbers: Sequence[int], named: Sequence[int]) -> bool:
    """Whether the numbers of files are neither the slices, nor these from 1, nor running ones."""
    if sorted(numbers) == sorted(named):
        return False
    offsets = {number - z for number, z in zip(sorted(numbers), sorted(named), strict=True)}
    return len(offsets) > 1 and sorted(numbers) != list(range(min(numbers), max(numbers) + 1))


def _numbers(path: Path, slices: int) -> list[int] | None:
    """Return the numbers by which the files of a folder of slices differ; None without them."""
    if not path.is_dir() or len(files := images(path)) != slices:
        return None
    found = [[int(n) for n in re.findall(r"\d+", file.stem)] for file in files]
    if len({len(numbers) for numbers in found}) > 1:
        return None
    varying = [list(column) for column in zip(*found, strict=True) if len(set(column)) == slices]
    return varying[-1] if varying else None


def slices_by_name(path: Path, slices: int, depth: int) -> list[int] | None:
    """Return the slices that the names of a folder's files mean; None where they mean none.

    Parameters
    ----------
    path
        The mask.
    slices, depth
        Number of slices of the mask, and of the tomogram.
    """
    offered = _offered(_numbers(path, slices), depth)
    return None if offered is ... else offered


def _offered(numbers: Sequence[int] | None, depth: int) -> Any:
    """Return the slices that the names of the files mean: counted from 1 if one is too large."""
    if numbers is None:
        return ...
    first = 1 if max(numbers) == depth and min(numbers) > 0 else 0
    offered = [number - first for number in numbers]
    return offered if max(offered) < depth else ...


def _tomogram(wanted: Wanted) -> str:
    return f"the tomogram {wanted.image.path or wanted.image.name}"


def _count(slices: int) -> str:
    return f"{slices} slice{'s' * (slices > 1)}"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
