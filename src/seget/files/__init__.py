"""The only room that knows file formats.

path -> Volume, Volume -> path, small texts -> path

It never reads a volume into memory as a whole, never imports torch, and never leaves a
half-written file under a final name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.files import mrc, ome_zarr, slices, tiff
from seget.files.atomic import atomic_folder, atomic_path, write_json, write_text
from seget.files.writer import Writer
from seget.volume import Volume

__all__ = [
    "Writer",
    "atomic_path",
    "create",
    "find_tomograms",
    "is_volume",
    "read",
    "write",
    "write_json",
    "write_text",
]

STACKS = (*mrc.SUFFIXES, *tiff.SUFFIXES)
MODE0 = ("auto", "signed", "unsigned")


def read(path: Path | str, *, mode0: str = "auto") -> Volume:
    """Open a tomogram or a mask; its voxels are read when they are asked for.

    Parameters
    ----------
    path
        An MRC file (.mrc .rec .map .st .ali .mrcs .ccp4), a TIFF stack, a folder of .tif or .png
        slices, or an OME-Zarr image.
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
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check the name.")
    if path.is_dir():
        return ome_zarr.read(path) if ome_zarr.is_zarr(path) else slices.read(path)
    suffix = path.suffix.lower()
    if suffix in mrc.SUFFIXES:
        return mrc.read(path, mode0)
    if suffix in tiff.SUFFIXES:
        return tiff.read(path)
    raise InputError(
        f"{path}: the suffix {suffix or '(none)'} names no image format, wanted one of "
        f"{', '.join(STACKS)} or a {ome_zarr.SUFFIX} folder; rename or convert it."
    )


def is_volume(path: Path | str) -> bool:
    """Whether `path` is one tomogram, judged by names.

    A folder of slices is one; a folder that also holds MRC or Zarr volumes, or whose TIFFs are
    stacks, is a folder of tomograms.
    """
    path = Path(path)
    if not path.is_dir():
        return path.suffix.lower() in STACKS and path.is_file()
    if ome_zarr.is_zarr(path):
        return True
    others = (*mrc.SUFFIXES, ome_zarr.SUFFIX)
    if any(entry.suffix.lower() in others for entry in _visible(path)):
        return False
    return slices.is_folder_of_slices(path)


def find_tomograms(path: Path | str) -> list[Path]:
    """Return `[path]` if it is a tomogram, else the tomograms in that folder, naturally sorted.

    Raises
    ------
    InputError
        If nothing is there or the folder holds none.
    """
    path = Path(path)
    if is_volume(path):
        return [path]
    if not path.is_dir():
        read(path)  # says what is wrong with it
    found = sorted(filter(is_volume, _visible(path)), key=slices.natural)
    if not found:
        raise InputError(
            f"{path}: the folder holds no tomogram, wanted {', '.join(STACKS)}, "
            f"{ome_zarr.SUFFIX} or folders of slices; name another folder."
        )
    return found


def _visible(folder: Path) -> list[Path]:
    # What is being written is hidden, see atomic.py.
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]


@contextmanager
def create(
    path: Path | str,
    like: Volume,
    dtype: npt.DTypeLike,
    shape: tuple[int, int, int] | None = None,
) -> Iterator[Writer]:
    """Yield a Writer for a new .mrc or .zarr volume that appears whole or not at all.

    Parameters
    ----------
    path
        Final name; its suffix chooses the format. What was there is replaced at the very end.
    like
        Whose place and scale the new volume takes; its voxels are not touched.
    dtype
        uint8, int8, int16, uint16 or float32.
    shape
        `(z, y, x)` extent in voxels, that of `like` unless given.

    Raises
    ------
    InputError
        If the suffix, the type or the extent cannot be written.
    """
    path = Path(path)
    kind = np.dtype(dtype).newbyteorder("=")
    extents = like.shape if shape is None else shape
    if kind.name not in mrc.MODE_OF:
        raise InputError(
            f"{path}: voxels of type {kind} are not written, only {', '.join(mrc.MODE_OF)} are; "
            f"{_mend(kind)}."
        )
    if min(extents) < 1:
        raise InputError(f"{path}: the volume has shape {extents} and no voxel; select some.")
    suffix = path.suffix.lower()
    if suffix in mrc.SUFFIXES:
        with atomic_path(path) as part, mrc.creating(part, like, kind, extents) as writer:
            yield writer
    elif suffix == ome_zarr.SUFFIX:
        if path.exists() and not ome_zarr.is_zarr(path):
            raise InputError(f"{path}: a file is there, a folder is to be written; name another.")
        with atomic_folder(path) as part, ome_zarr.creating(part, like, kind, extents) as writer:
            yield writer
    else:
        raise InputError(
            f"{path}: the suffix {suffix or '(none)'} names no format that is written, wanted "
            f".mrc or {ome_zarr.SUFFIX}; rename the output."
        )


def _mend(kind: np.dtype[np.generic]) -> str:
    if kind.kind == "b":
        return "convert them to uint8"
    if kind.kind in "iu":
        return "convert them to uint16, which holds labels up to 65535"
    return "convert them to float32"


def write(path: Path | str, volume: Volume) -> None:
    """Write a whole volume, slice by slice, as `create` does.

    The numbers are stored as they are. Label numbers and scores within 0..127 are read alike by
    all programs.
    """
    with create(path, volume, volume.data.dtype) as writer:
        for z in range(volume.shape[0]):
            writer[z] = volume.slice(z)
