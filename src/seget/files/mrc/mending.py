"""A copy of an MRC file that every program reads alike.

MRC file -> mended MRC file

It never changes a voxel's number and never touches the file it reads. What it does not understand
it keeps: unknown bytes, texts, and the extended header as far as its byte order is the new file's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from seget.errors import InputError
from seget.files.mrc import faults, reading, voxels
from seget.files.mrc import header as mrc_header
from seget.files.mrc.header import Header
from seget.files.mrc.writing import writing
from seget.files.storage.atomic import atomic_path
from seget.volume import Triple, Volume


def mend(
    path: Path, out: Path, voxel_size_nm: Triple | None = None, mode0: str = "auto"
) -> tuple[str, ...]:
    """Write a mended copy of an MRC file, slice by slice.

    Little-endian, "MAP ", machine stamp, version, axes x y z, one volume, counted labels, true
    statistics, nothing behind the last voxel; 4-bit voxels become bytes.

    Parameters
    ----------
    path
        What to mend.
    out
        The new file, replaced if it exists.
    voxel_size_nm
        `(z, y, x)` in nm, stated in the copy; that of the file unless given.
    mode0
        How to take the bytes of mode 0, see `read`.

    Returns
    -------
    tuple of str
        What of the file is not in the copy, a sentence each.

    Raises
    ------
    InputError
        If `path` cannot be read, or `out` is the same file or no name of an MRC file.
    """
    _demand_names(path, out)
    file = voxels.opened(path, mode0)
    volume = reading.as_volume(file)
    if voxel_size_nm is not None:
        volume = replace(volume, voxel_size_nm=voxel_size_nm)
    header = _mended(file.header, volume)
    extended = voxels.extended(file)
    lost: tuple[str, ...] = ()
    if extended and file.big_endian:
        lost = (
            f"{out}: the extended header of {len(extended)} bytes is dropped, for its numbers are "
            "big-endian and those of the copy are not; keep the old file.",
        )
        mrc_header.drop_extended(header)
        extended = b""
    dtype = np.dtype(volume.data.dtype)
    with atomic_path(out) as part, writing(part, header, dtype, extended) as writer:
        for z in range(volume.shape[0]):
            writer[z] = volume.slice(z)
    return lost


def _demand_names(path: Path, out: Path) -> None:
    if not reading.is_mrc(path):
        raise InputError(f"{path}: only MRC files are mended; convert it to one first.")
    if out.suffix.lower() not in reading.SUFFIXES:
        raise InputError(
            f"{out}: a mended copy is an MRC file, wanted a name that ends in one of "
            f"{', '.join(reading.SUFFIXES)}; rename the output."
        )
    if out.exists() and out.samefile(path):
        raise InputError(f"{out}: this is the file to mend, wanted another; name a new file.")


def _mended(old: Header, volume: Volume) -> Header:
    header: Header = old.copy()
    in_xyz = mrc_header.axes(old)[::-1]  # index of x, y, z among sections, rows, columns
    header["nstart"] = [old["nstart"].tolist()[2 - index] for index in in_xyz]
    header["nx"], header["ny"], header["nz"] = volume.shape[::-1]
    header["map"] = (1, 2, 3)
    header["magic"] = b"MAP "
    header["machst"] = mrc_header.NEW_STAMP
    if header["nversion"] not in mrc_header.VERSIONS:
        mrc_header.set_version(header, mrc_header.FORMAT_VERSION)
    if mrc_header.rows_from_above(header):  # of this version and type IMOD would turn the rows
        mrc_header.set_version(header, mrc_header.FORMAT_VERSION + 1)
    if not header["angles"].any():
        header["angles"] = 90
    _state_size_and_origin(header, volume)
    if volume.shape[0] > 1 and not _is_stack_of_volumes(header):
        header["ispg"] = 1 if header["ispg"] not in range(1, 231) else header["ispg"]
    elif int(header["ispg"]) not in (*faults.SPACE_GROUPS, *faults.STACKS_OF_VOLUMES):
        header["ispg"] = 1
    texts = [text for text in header["labels"].tolist() if text.partition(b"\0")[0].strip()]
    header["labels"] = texts + [b""] * (faults.MOST_LABELS - len(texts))
    header["nlabl"] = len(texts)
    return header


def _state_size_and_origin(header: Header, volume: Volume) -> None:
    size = volume.voxel_size_nm
    image_stack = int(header["m"][2]) == 1 and volume.shape[0] > 1
    if mrc_header.voxel_size_nm(header) != size or (size is not None and image_stack):
        mrc_header.set_voxel_size(header, size)
    if volume.origin_nm is None:
        mrc_header.set_origin(header, None)


def _is_stack_of_volumes(header: Header) -> bool:
    intervals = int(header["m"][2])
    return (
        int(header["ispg"]) in faults.STACKS_OF_VOLUMES
        and intervals > 0
        and int(header["nz"]) % intervals == 0
    )
