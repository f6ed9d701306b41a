"""MRC files, memory-mapped, as IMOD and the MRC2014 format mean them.

file -> Volume or Description

It never reads a whole file unless it is packed, and turns rows around only where IMOD does.
"""

from __future__ import annotations

from pathlib import Path

from seget.files import description
from seget.files.description import Description
from seget.files.mrc import faults, voxels
from seget.files.mrc import header as mrc_header
from seget.files.mrc.voxels import Opened
from seget.files.storage import compressed
from seget.volume import Volume

SUFFIXES = (".mrc", ".rec", ".map", ".st", ".ali", ".mrcs", ".ccp4")


def is_mrc(path: Path) -> bool:
    """Whether a name is that of an MRC file, packed (x.mrc.gz) or not."""
    return compressed.unpacked_name(path).suffix.lower() in SUFFIXES


def read(path: Path, mode0: str = "auto") -> Volume:
    """Open an MRC file without reading its voxels, or unpack it into memory.

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
        `(z, y, x)`; a memory map, transposed where the file's axes are in another order. Mode 12
        is float16 as it is stored; 4-bit voxels are uint8, unpacked slice by slice.

    Raises
    ------
    FormatError
        If it is damaged, shorter than its header says, or of a mode that is not read.
    """
    return as_volume(voxels.opened(path, mode0))


def as_volume(file: Opened) -> Volume:
    """Return an opened file as a volume."""
    return Volume(
        file.data,
        voxel_size_nm=mrc_header.voxel_size_nm(file.header),
        origin_nm=mrc_header.origin_nm(file.header),
        path=file.path,
        grid=file.header.tobytes(),
    )


def describe(path: Path, mode0: str = "auto") -> Description:
    """Say what an MRC file holds and what is wrong with it; reads some slices.

    Raises
    ------
    FormatError
        As `read` does.
    """
    file = voxels.opened(path, mode0)
    unknown = faults.why_no_voxel_size(file.header)
    return faults.completed(description.of(as_volume(file), "MRC", unknown), file)
