"""MRC files, written slice by slice.

Plan or Header -> Writer -> file

It never holds more than a slice, and writes an extended header only where `mending` hands it one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from seget.files.mrc import header as mrc_header
from seget.files.mrc.header import Header
from seget.files.storage.writer import Plan, Statistics, Writer
from seget.volume import Volume

MODE_OF = {"uint8": 0, "int8": 0, "int16": 1, "float32": 2, "uint16": 6, "float16": 12}


@contextmanager
def creating(part: Path, plan: Plan) -> Iterator[Writer]:
    """Yield the writer of a new MRC file at `part`; its header is written last.

    If `plan.like` was read from an MRC file and the shape is still that file's, every field of its
    header is carried over except those that say how voxels are stored.
    """
    header = _header(plan.like, plan.shape)
    with writing(part, header, plan.dtype, goes_on=plan.goes_on) as writer:
        yield writer


@contextmanager
def writing(
    part: Path,
    header: Header,
    dtype: np.dtype[Any],
    extended: bytes = b"",
    goes_on: bool = False,
) -> Iterator[Writer]:
    """Yield the writer of a file under a given header, whose mode, sign and statistics it sets.

    Parameters
    ----------
    part
        The file to write.
    header
        Its origin, voxel size and order of axes are kept.
    dtype
        One of the types named in `MODE_OF`.
    extended
        The bytes between the header and the voxels.
    goes_on
        Whether the file holds voxels that are to be kept.
    """
    header["mode"] = MODE_OF[dtype.name]
    header["nsymbt"] = len(extended)
    mrc_header.set_flag(header, mrc_header.FLAG_SIGNED_BYTES, dtype.name == "int8")
    mrc_header.set_flag(header, mrc_header.FLAG_4_BIT, False)
    shape = mrc_header.shape(header)
    # The disk is asked for all the space now: that it is full should be said before the work.
    size = mrc_header.HEADER_BYTES + len(extended) + math.prod(shape) * dtype.itemsize
    with part.open("r+b" if goes_on else "wb") as file:
        _allocate(file.fileno(), size)
    writer = Writer(_Sections(part, header, dtype), shape, dtype)
    yield writer
    _set_statistics(header, writer.statistics())
    with part.open("r+b") as file:
        file.write(header.tobytes() + extended)


def _allocate(handle: int, size: int) -> None:
    os.truncate(handle, size)
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)


class _Sections:
    """Stores slices, and gives them back.

    Sections are written, not mapped: a full disk under a memory map ends the process. Where the
    header has another order of axes the file is mapped, anew for each slice, so that memory never
    holds more than one.
    """

    def __init__(self, path: Path, header: Header, dtype: np.dtype[Any]) -> None:
        self.path = path
        self.dtype = dtype.newbyteorder("<")
        self.shape = mrc_header.stored_shape(header)
        self.axes = mrc_header.axes(header)
        self.row_step = mrc_header.row_step(header)
        self.offset = mrc_header.HEADER_BYTES + int(header["nsymbt"])

    def __setitem__(self, z: int, plane: npt.NDArray[Any]) -> None:
        if tuple(self.axes) == (0, 1, 2):
            section = np.ascontiguousarray(plane[:: self.row_step], self.dtype)
            with self.path.open("r+b") as file:
                file.seek(self.offset + z * section.nbytes)
                file.write(section.data)
        else:
            self._mapped("r+")[z] = plane

    def __getitem__(self, z: int) -> npt.NDArray[Any]:
        return np.array(self._mapped("r")[z], self.dtype.newbyteorder("="))

    def _mapped(self, mode: Literal["r", "r+"]) -> npt.NDArray[Any]:
        stored = np.memmap(self.path, self.dtype, mode, self.offset, self.shape)
        return stored[:, :: self.row_step].transpose(self.axes)


def _header(like: Volume, shape: tuple[int, int, int]) -> Header:
    header = _carried_over(like, shape)
    if header is None:
        header = mrc_header.new(shape)
        mrc_header.set_voxel_size(header, like.voxel_size_nm)
        mrc_header.set_origin(header, like.origin_nm)
    return header


def _carried_over(like: Volume, shape: tuple[int, int, int]) -> Header | None:
    if like.grid is None:
        return None
    header: Header = np.frombuffer(like.grid, mrc_header.HEADER).copy().reshape(())
    if mrc_header.shape(header) != shape:
        return None
    # Someone may have corrected the volume since it was read: its own values go before the file's.
    if mrc_header.voxel_size_nm(header) != like.voxel_size_nm:
        mrc_header.set_voxel_size(header, like.voxel_size_nm)
    if mrc_header.origin_nm(header) != like.origin_nm:
        mrc_header.set_origin(header, like.origin_nm)
    mrc_header.drop_extended(header)
    return header


def _set_statistics(header: Header, statistics: Statistics) -> None:
    header["dmin"], header["dmax"], header["dmean"], header["rms"] = statistics
