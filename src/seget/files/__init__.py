"""The only room that knows file formats.

path -> Volume, Volume -> path, small texts -> path

It never reads a volume into memory as a whole, never imports torch, and never leaves a
half-written file under a final name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.files import description, formats, mrc, ome_zarr
from seget.files.conversion.not_kept import not_kept
from seget.files.conversion.recast import recast, rescale, spread
from seget.files.description import Description
from seget.files.storage import provenance
from seget.files.storage.atomic import atomic_path, hidden, write_text
from seget.files.storage.journal import SliceJournal, checksum, journal_path
from seget.files.storage.json_file import json_text, read_json, write_json
from seget.files.storage.legend import Legend, legend_beside
from seget.files.storage.lock import in_turn, only_one, patiently
from seget.files.storage.stamp import Stamp
from seget.files.storage.writer import Plan, Writer
from seget.files.tomograms import (
    doubts,
    find_tomograms,
    find_volumes,
    gaps,
    is_volume,
    made_by_seget,
    no_tomograms,
    tomograms_and_others,
    why_no_tomogram,
)
from seget.volume import Volume

__all__ = [
    "Description",
    "Legend",
    "Stamp",
    "Writer",
    "atomic_path",
    "begun_bytes",
    "create",
    "describe",
    "doubts",
    "drop_journal",
    "find_tomograms",
    "find_volumes",
    "finished_slices",
    "gaps",
    "in_turn",
    "is_begun",
    "is_volume",
    "json_text",
    "legend_of",
    "location",
    "made_by_seget",
    "mend",
    "no_tomograms",
    "not_kept",
    "only_one",
    "patiently",
    "provenance",
    "read",
    "read_json",
    "recast",
    "rescale",
    "spread",
    "title",
    "tomograms_and_others",
    "why_no_tomogram",
    "write",
    "write_json",
    "write_text",
]

MODE0 = ("auto", "signed", "unsigned")

mend = mrc.mend


def read(path: Path | str, *, mode0: str = "auto") -> Volume:
    """Open a tomogram or a mask; its voxels are read when they are asked for.

    Parameters
    ----------
    path
        An MRC file (.mrc .rec .map .st .ali .mrcs .ccp4, also packed: .gz .bz2), a TIFF stack, a
        folder of .tif or .png slices, an OME-Zarr image, HDF5 or .npy.
    mode0
        How to take the bytes of MRC mode 0: "signed", "unsigned", or "auto" (as IMOD would).

    Returns
    -------
    Volume
        `(z, y, x)` with the numbers as they are stored, the file's voxel size and origin.

    Raises
    ------
    InputError
        If nothing is there, or it is not such an image, or it is damaged.
    """
    path = Path(path)
    if mode0 not in MODE0:
        raise InputError(f"{path}: mode0 is {mode0!r}, wanted one of {', '.join(MODE0)}; name one.")
    if mode0 != "auto" and path.exists() and not mrc.is_mrc(path):
        raise InputError(
            f"{path}: mode0 {mode0} says how to take the bytes of an MRC file, and this is "
            f"{formats.name_of(path)}, which says itself; leave it out."
        )
    return formats.read(path, mode0)


def describe(path: Path | str, mode0: str = "auto") -> Description:
    """Say what a tomogram or a mask is and what is wrong with its file; reads some slices.

    Raises
    ------
    InputError
        As `read` does. A fault that is listed does not prevent reading.
    """
    path = Path(path)
    if mode0 in MODE0 and path.is_file() and mrc.is_mrc(path):
        return mrc.describe(path, mode0)
    found = description.of(read(path, mode0=mode0), formats.name_of(path))
    return replace(found, faults=(*found.faults, *filter(None, [gaps(path)])))


@contextmanager
def create(
    path: Path | str,
    like: Volume,
    dtype: npt.DTypeLike,
    shape: tuple[int, int, int] | None = None,
    *,
    legend: Legend | None = None,
    ome_zarr: str | None = None,
    key: str | None = None,
) -> Iterator[Writer]:
    """Yield a Writer for a new volume that appears whole or not at all.

    Parameters
    ----------
    path
        Final name; its suffix chooses the format. What was there is replaced at the very end.
    like
        Volume whose voxel size, origin and MRC header the new one takes; its voxels are not read.
        `not_kept` says which of them the format cannot hold.
    dtype
        uint8, int8, int16, uint16, float32 or, on request, float16; int32, uint32 and float64 in
        other formats than MRC.
    shape
        `(z, y, x)` extent in voxels, that of `like` unless given.
    legend
        Names and colours of labels; None for an image. OME-Zarr keeps them, and makes its coarser
        levels of labels without averaging.
    ome_zarr
        Version of OME-Zarr, "0.5" unless "0.4" is given.
    key
        A text that differs whenever the voxels would, such as a hash of input, model and settings.
        With it, an MRC or OME-Zarr volume whose writing was interrupted is resumed if it was begun
        under the same key: `writer.finished` names the slices that need not be given again. Call
        `drop_journal` when all that belongs to the volume is written.

    Raises
    ------
    InputError
        If the suffix, the type or the extent cannot be written.
    RunError
        If another process writes it right now.
    """
    extents = like.shape if shape is None else shape
    kind = np.dtype(dtype).newbyteorder("=")
    with formats.creating(Plan(Path(path), like, kind, extents, legend, ome_zarr, key)) as writer:
        yield writer


def is_begun(path: Path | str, key: str) -> bool:
    """Whether the volume's journal is under `key` and has a finished slice."""
    return SliceJournal(Path(path), key).is_begun


def begun_bytes(path: Path | str) -> int:
    """Return the size in bytes of a volume's hidden, unfinished file or folder; 0 without one."""
    part = hidden(Path(path))
    parts = [part, *part.rglob("*")] if part.is_dir() else [part]
    return sum(each.stat().st_size for each in parts if each.is_file())


def finished_slices(path: Path | str, key: str) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Yield (z, slice) of a whole volume that was written under `key`, if its journal is there.

    A slice whose checksum is not that in the journal is left out.
    """
    path = Path(path)
    journal = SliceJournal(path, key)
    if journal.is_begun and path.exists():
        volume = formats.read(path, "auto")
        for z, wanted in sorted(journal.finished.items()):
            plane = volume.slice(z)
            if checksum(plane) == wanted:
                yield z, plane


def drop_journal(path: Path | str) -> None:
    """Remove the journal of a volume that is whole, and with it the list of finished slices.

    The journal stays while a hidden, unfinished file is there: it then belongs to an interrupted
    run that is to replace the volume.
    """
    if not hidden(Path(path)).exists():
        journal_path(Path(path)).unlink(missing_ok=True)


def title(path: Path | str) -> str:
    """Return the name of the volume at a path without opening it: cell of cell.mrc.gz."""
    return formats.title(Path(path))


def legend_of(path: Path | str) -> Legend | None:
    """Return names and colours of labels, from inside OME-Zarr or else from the JSON beside it."""
    path = Path(path)
    inside = ome_zarr.read_legend(path) if ome_zarr.is_zarr(path) else None
    return inside or legend_beside(path)


def location(path: Path | str) -> Path:
    """Return the file or folder of a volume: file.h5 of file.h5:/volume."""
    return formats.location(Path(path))


def write(path: Path | str, volume: Volume) -> None:
    """Write a whole volume, slice by slice, as `create` does.

    The numbers are stored as they are. Programs differ in how they read bytes above 127, so label
    numbers and scores should stay within 0..127.
    """
    with create(path, volume, volume.data.dtype) as writer:
        for z in range(volume.shape[0]):
            writer[z] = volume.slice(z)
