"""MRC files, memory-mapped, as IMOD and the MRC2014 format mean them.

file -> Volume, and slices -> file

It never reads a whole file, never flips or shifts what is stored, and never writes an extended
header. The only place where x, y, z becomes z, y, x.
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

from seget.errors import InputError
from seget.files import mrc_header
from seget.files.lazy import native
from seget.files.mrc_header import Header
from seget.files.writer import Statistics, Writer
from seget.volume import Volume

SUFFIXES = (".mrc", ".rec", ".map", ".st", ".ali", ".mrcs", ".ccp4")

# Mode 0 is here as IMOD takes it without other knowledge; `_voxel_type` decides on the sign.
MODES = {0: np.uint8, 1: np.int16, 2: np.float32, 6: np.uint16}
MODE_OF = {"uint8": 0, "int8": 0, "int16": 1, "float32": 2, "uint16": 6}

REFUSED = {
    3: ("complex int16", "transform it back to real space first"),
    4: ("complex float32", "transform it back to real space first"),
    12: ("float16", "convert it with IMOD's `newstack -mode 2`"),
    16: ("RGB", "convert it to grey first"),
    101: ("4-bit", "convert it with IMOD's `newstack -mode 0`"),
}

SAMPLED_SECTIONS = 16


def read(path: Path, mode0: str = "auto") -> Volume:
    """Open an MRC file without reading its voxels.

    Parameters
    ----------
    path
        The file; longer than its header says is no fault, shorter is.
    mode0
        How to take the bytes of mode 0: "signed", "unsigned", or "auto" by IMOD's flag, else the
        header's statistics, else the bytes themselves.

    Returns
    -------
    Volume
        `(z, y, x)`; a memory map, transposed where the file's axes are in another order.
    """
    with path.open("rb") as file:
        header, big_endian = mrc_header.parse(file.read(mrc_header.HEADER_BYTES), path)
    order: Literal[">", "<"] = ">" if big_endian else "<"
    stored = _map(path, header, _voxel_type(header, path).newbyteorder(order))
    if header["mode"] == 0:
        stored = stored.view(np.int8 if _is_signed(header, stored, mode0) else np.uint8)
    return Volume(
        native(stored.transpose(mrc_header.axes(header))),
        voxel_size_nm=mrc_header.voxel_size_nm(header),
        origin_nm=mrc_header.origin_nm(header),
        name=path.stem,
        path=path,
        grid=header.tobytes(),
    )


def _voxel_type(header: Header, path: Path) -> np.dtype[Any]:
    mode = int(header["mode"])
    if mode == 0 and mrc_header.flag(header, mrc_header.FLAG_4_BIT):
        mode = 101
    if mode in MODES:
        return np.dtype(MODES[mode])
    kind, mend = REFUSED.get(mode, ("unknown", "convert it with the program that wrote it"))
    raise InputError(
        f"{path}: mode {mode} ({kind}) is not read, only modes 0, 1, 2 and 6 are; {mend}."
    )


def _map(path: Path, header: Header, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    shape = mrc_header.stored_shape(header)
    offset = mrc_header.HEADER_BYTES + int(header["nsymbt"])
    wanted = offset + math.prod(shape) * dtype.itemsize
    found = path.stat().st_size
    if found < wanted:
        raise InputError(
            f"{path}: the header promises {shape[2]} x {shape[1]} x {shape[0]} voxels of mode "
            f"{header['mode']}, {wanted} bytes in all, and the file has {found}; "
            "copy or download it again."
        )
    return np.memmap(path, dtype, mode="r", offset=offset, shape=shape)


def _is_signed(header: Header, stored: npt.NDArray[np.uint8], mode0: str) -> bool:
    if mode0 != "auto":
        return mode0 == "signed"
    told = mrc_header.signed_bytes(header)
    return _looks_signed(stored) if told is None else told


def _looks_signed(stored: npt.NDArray[np.uint8]) -> bool:
    """Tell signed bytes by where their histogram is cut in two.

    Grey values are continuous. Taken with the wrong sign they are torn apart in their middle, so
    the seam with many values close by on both sides is no end of the scale: 255|0 is the end of
    unsigned bytes, 127|128 that of signed ones. 0 and 255 themselves do not count, images
    saturate there and masks have nothing else. Without clear evidence (no byte above 127, the
    same on both seams) bytes are unsigned, as in IMOD.
    """
    step = -(-len(stored) // SAMPLED_SECTIONS)
    counts = np.zeros(256, dtype=np.int64)
    for section in stored[::step]:
        counts += np.bincount(section.ravel(), minlength=256)
    across_zero = min(counts[224:255].sum(), counts[1:32].sum())
    across_middle = min(counts[96:128].sum(), counts[128:160].sum())
    return bool(across_zero > 2 * across_middle)


@contextmanager
def creating(
    part: Path, like: Volume, dtype: np.dtype[Any], shape: tuple[int, int, int]
) -> Iterator[Writer]:
    """Yield the writer of a new MRC file at `part`; its header is written last.

    Parameters
    ----------
    part
        The file to write.
    like
        Whose place and scale the file takes. If it was read from an MRC file and `shape` is still
        that file's, every field of its header is carried over except those that say how voxels
        are stored.
    dtype
        One of the types named in `MODE_OF`.
    shape
        `(z, y, x)` extent in voxels.
    """
    header = _header(like, dtype, shape)
    # The disk is asked for all the space now: a full disk under a memory map ends the process.
    size = mrc_header.HEADER_BYTES + math.prod(shape) * dtype.itemsize
    with part.open("wb") as file:
        _allocate(file.fileno(), size)
    writer = Writer(_Sections(part, header, dtype), shape, dtype)
    yield writer
    _set_statistics(header, writer.statistics())
    with part.open("r+b") as file:
        file.write(header.tobytes())


def _allocate(handle: int, size: int) -> None:
    os.truncate(handle, size)
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)


class _Sections:
    """Stores slices; maps the file anew for each, so that memory never holds more than one."""

    def __init__(self, path: Path, header: Header, dtype: np.dtype[Any]) -> None:
        self.path = path
        self.dtype = dtype.newbyteorder("<")
        self.shape = mrc_header.stored_shape(header)
        self.axes = mrc_header.axes(header)

    def __setitem__(self, z: int, plane: npt.NDArray[Any]) -> None:
        offset = mrc_header.HEADER_BYTES
        stored = np.memmap(self.path, self.dtype, mode="r+", offset=offset, shape=self.shape)
        stored.transpose(self.axes)[z] = plane


def _header(like: Volume, dtype: np.dtype[Any], shape: tuple[int, int, int]) -> Header:
    header = _carried_over(like, shape)
    if header is None:
        header = mrc_header.new(shape)
        mrc_header.set_voxel_size(header, like.voxel_size_nm)
        mrc_header.set_origin(header, like.origin_nm)
    header["mode"] = MODE_OF[dtype.name]
    mrc_header.set_flag(header, mrc_header.FLAG_SIGNED_BYTES, dtype.name == "int8")
    return header


def _carried_over(like: Volume, shape: tuple[int, int, int]) -> Header | None:
    if like.grid is None:
        return None
    header: Header = np.frombuffer(like.grid, mrc_header.HEADER).copy().reshape(())
    if mrc_header.shape(header) != shape:
        return None
    # Someone may have corrected what the file says; what the volume says now is the truth.
    if mrc_header.voxel_size_nm(header) != like.voxel_size_nm:
        mrc_header.set_voxel_size(header, like.voxel_size_nm)
    if mrc_header.origin_nm(header) != like.origin_nm:
        mrc_header.set_origin(header, like.origin_nm)
    mrc_header.drop_extended(header)
    return header


def _set_statistics(header: Header, statistics: Statistics) -> None:
    header["dmin"], header["dmax"], header["dmean"], header["rms"] = statistics
