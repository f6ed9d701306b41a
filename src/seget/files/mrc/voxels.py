"""The bytes behind an MRC header, as voxels.

file -> header, content, sign, lazy (z, y, x) array

It never reads a voxel before it is asked for one, except some sections where nothing else tells
the sign of bytes. It never writes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import FormatError
from seget.files.mrc import header as mrc_header
from seget.files.mrc.header import Header
from seget.files.storage import compressed, memory
from seget.files.storage.lazy import Slices, native

# Mode 0 is here as IMOD takes it without other knowledge; `_sign` decides.
MODES = {0: np.uint8, 1: np.int16, 2: np.float32, 6: np.uint16, 12: np.float16}
PACKED = 101  # two voxels a byte

REFUSED = {
    3: ("complex int16", "transform it back to real space first"),
    4: ("complex float32", "transform it back to real space first"),
    16: ("RGB", "convert it to grey first"),
}

SAMPLED_SECTIONS = 16
COUNTED_BYTES = 2**22  # at once
# So much is unpacked behind the last promised byte, to report bytes that should not be there.
SURPLUS_BYTES = 4096


@dataclass(frozen=True)
class Sign:
    """How the bytes of mode 0 are taken, and why.

    Attributes
    ----------
    signed
        Whether they are -128..127 and not 0..255.
    reason
        What decided, in words.
    certain
        False where the histogram decided and the other sign would give another image.
    """

    signed: bool
    reason: str
    certain: bool = True


@dataclass(frozen=True)
class Opened:
    """An MRC file, its voxels still on the disk (or packed: in memory).

    Attributes
    ----------
    path
        The file.
    raw
        Its first 1024 bytes.
    header
        The same, in little-endian order and in the style of MRC2014.
    big_endian
        Whether the file's numbers are big-endian.
    content
        Every byte of the file, or of what was unpacked.
    surplus
        Number of bytes behind the last voxel; of a packed file up to `SURPLUS_BYTES`.
    data
        `(z, y, x)` voxels, in the byte order of this machine.
    sign
        How the bytes of mode 0 were taken; None for other modes.
    """

    path: Path
    raw: bytes
    header: Header
    big_endian: bool
    content: npt.NDArray[np.uint8]
    surplus: int
    data: Any
    sign: Sign | None


def opened(path: Path, mode0: str = "auto") -> Opened:
    """Open an MRC file, packed or not, whatever its byte order, mode and order of axes.

    Raises
    ------
    FormatError
        If it is damaged, shorter than its header says, or of a mode that is not read.
    InputError
        If it is packed and would not fit into memory.
    """
    if compressed.is_compressed(path):
        with compressed.opened(path) as file:
            raw = file.read(mrc_header.HEADER_BYTES)
            header, big_endian = mrc_header.parse(raw, path)
            promised = promised_bytes(header, path)
            compressed.demand_memory(path, promised)
            unpacked = bytearray(raw)
            compressed.fill(unpacked, file, promised + SURPLUS_BYTES)
        content = np.frombuffer(unpacked, dtype=np.uint8)
        content.flags.writeable = False
        _demand_length(path, header, promised, content.size)
    else:
        with path.open("rb") as plain:
            raw = plain.read(mrc_header.HEADER_BYTES)
            header, big_endian = mrc_header.parse(raw, path)
            promised = promised_bytes(header, path)
            _demand_length(path, header, promised, os.fstat(plain.fileno()).st_size)
            memory.demand_slice(path, mrc_header.shape(header), np.uint8)
            content = np.memmap(plain, np.uint8, mode="r")
    voxels = content[mrc_header.HEADER_BYTES + int(header["nsymbt"]) : promised]
    data, sign = _as_volume(voxels, header, big_endian, mode0)
    surplus = content.size - promised
    return Opened(path, raw, header, big_endian, content, surplus, data, sign)


def extended(file: Opened) -> bytes:
    """Return the bytes of the extended header."""
    start = mrc_header.HEADER_BYTES
    return file.content[start : start + int(file.header["nsymbt"])].tobytes()


def is_packed(header: Header) -> bool:
    """Whether there are two voxels a byte, said by the mode or by IMOD's flag."""
    mode = int(header["mode"])
    return mode == PACKED or (mode == 0 and mrc_header.flag(header, mrc_header.FLAG_4_BIT))


def promised_bytes(header: Header, path: Path) -> int:
    """Return the length of the whole file that the header promises."""
    sections, rows, columns = mrc_header.stored_shape(header)
    mode = int(header["mode"])
    if is_packed(header):
        row = (columns + 1) // 2
    elif mode in MODES:
        row = columns * np.dtype(MODES[mode]).itemsize
    else:
        kind, mend = REFUSED.get(mode, ("unknown", "convert it with the program that wrote it"))
        raise FormatError(
            f"{path}: mode {mode} ({kind}) is not read, only modes 0, 1, 2, 6, 12 and 101 are; "
            f"{mend}."
        )
    return mrc_header.HEADER_BYTES + int(header["nsymbt"]) + sections * rows * row


def _demand_length(path: Path, header: Header, promised: int, found: int) -> None:
    if found < promised:
        shape = mrc_header.stored_shape(header)
        raise FormatError(
            f"{path}: the header promises {shape[2]} x {shape[1]} x {shape[0]} voxels of mode "
            f"{header['mode']}, {promised} bytes in all, and the file has {found}; "
            "copy or download it again."
        )


def _as_volume(
    voxels: npt.NDArray[np.uint8], header: Header, big_endian: bool, mode0: str
) -> tuple[Any, Sign | None]:
    axes, step = mrc_header.axes(header), mrc_header.row_step(header)
    sections, rows, columns = mrc_header.stored_shape(header)
    if is_packed(header):
        packed = voxels.reshape(sections, rows, (columns + 1) // 2)[:, ::step]
        load = partial(_unpack, packed, columns, axes)
        return Slices(mrc_header.shape(header), np.dtype(np.uint8), load), None
    mode = int(header["mode"])
    dtype = np.dtype(MODES[mode]).newbyteorder(">" if big_endian else "<")
    stored = voxels.view(dtype).reshape(sections, rows, columns)
    sign = _sign(header, stored, mode0) if mode == 0 else None
    if sign is not None and sign.signed:
        stored = stored.view(np.int8)
    return native(stored[:, ::step].transpose(axes)), sign


def _unpack(
    packed: npt.NDArray[np.uint8], columns: int, axes: tuple[int, int, int], z: int
) -> npt.NDArray[np.uint8]:
    """Slice z of 4-bit voxels: two a byte along the stored columns, the low half first."""
    if axes[0] == 2:  # z runs along the columns: one half of every byte is the slice
        pairs = packed[:, :, z // 2]
        plane: npt.NDArray[Any] = np.right_shift(pairs, 4) if z % 2 else pairs & 15
    else:
        pairs = np.take(packed, z, axis=axes[0])
        plane = np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(len(pairs), -1)[:, :columns]
    return plane if axes[1] < axes[2] else plane.T


def _sign(header: Header, stored: npt.NDArray[np.uint8], mode0: str) -> Sign:
    if mode0 != "auto":
        return Sign(mode0 == "signed", "as was asked for")
    told = _signed_bytes(header)
    if told is not None and mrc_header.has_imod_stamp(header):
        return Sign(told, f"IMOD's flag 1 is {'set' if told else 'clear'}")
    if told is not None:
        low, high = float(header["dmin"]), float(header["dmax"])
        return Sign(told, f"the header has no flag, and states values from {low:g} to {high:g}")
    return _sign_by_bytes(stored)


def _signed_bytes(header: Header) -> bool | None:
    """Whether mode 0 holds signed bytes; None where the header cannot tell.

    With IMOD's stamp its flag decides. Without it smallest and largest value do, and they cannot
    tell if all values lie in 0..127, or if they were never computed (`dmin` above `dmax`).
    """
    if mrc_header.has_imod_stamp(header):
        return mrc_header.flag(header, mrc_header.FLAG_SIGNED_BYTES)
    low, high = float(header["dmin"]), float(header["dmax"])
    if not low <= high or (low >= 0 and high < 128):
        return None
    if low >= 0:
        return False
    return high < 128 or -low > high - 128


def _sign_by_bytes(stored: npt.NDArray[np.uint8]) -> Sign:
    """Tell from the histogram whether bytes are signed.

    The grey values of an image form one continuous range. Read as unsigned, the two ends of the
    scale are 0 and 255; read as signed, they are -128 and 127, which are the bytes 128 and 127.
    At the ends of the true scale there are few values. So if the bytes just below 255 and just
    above 0 are many on both sides, and those around 127|128 are fewer, the bytes are signed.
    0 and 255 themselves do not count: images saturate there, and masks have no other values.
    Without clear evidence (no byte above 127, or no great difference) bytes are unsigned, as IMOD
    takes them.
    """
    step = -(-len(stored) // SAMPLED_SECTIONS)
    counts = np.zeros(256, dtype=np.int64)
    rows = max(1, COUNTED_BYTES // stored.shape[2])  # counting takes eight times their memory
    for section in stored[::step]:
        for start in range(0, len(section), rows):
            counts += np.bincount(section[start : start + rows].ravel(), minlength=256)
    silent = "the header does not tell, "
    if not counts[128:].any():
        return Sign(False, silent + "and no sampled byte is above 127: both signs are one image")
    across_zero = min(counts[224:255].sum(), counts[1:32].sum())
    across_middle = min(counts[96:128].sum(), counts[128:160].sum())
    if across_zero > 2 * across_middle:
        return Sign(True, silent + "and the bytes lie close to zero on both its sides", False)
    return Sign(False, silent + "and the bytes do not look signed", False)
