"""Every format that is read and written, by suffix.

path -> Format -> Volume or Writer

The one table of suffixes. It never guesses a format from content, except that a folder with the
marks of Zarr is one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seget.errors import InputError, did_you_mean_file
from seget.files import hdf5, mrc, numpy_file, ome_zarr, tiff
from seget.files.storage import compressed, foreign, memory
from seget.files.storage.atomic import atomic_folder, atomic_path
from seget.files.storage.journal import open_journal
from seget.files.storage.lock import only_one_writes
from seget.files.storage.writer import Plan, Writer
from seget.volume import Volume

SMALL = ("uint8", "int8", "int16", "uint16", "float32")
WIDE = (*SMALL, "int32", "uint32", "float64")


@dataclass(frozen=True)
class Format:
    """What one format is called, does and can hold.

    Attributes
    ----------
    name
        For people.
    suffixes
        In lower case, with their dot.
    read
        From a path and `mode0` to a volume.
    creating
        From a hidden path and a plan to a Writer.
    dtypes
        Names of the types it stores as they are.
    keeps
        Which of "voxel size", "origin", "header" and "legend" it holds.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, str], Volume]
    creating: Callable[[Path, Plan], AbstractContextManager[Writer]]
    dtypes: tuple[str, ...]
    keeps: frozenset[str]


MRC = Format(
    "MRC",
    mrc.SUFFIXES,
    mrc.read,
    mrc.creating,
    tuple(mrc.MODE_OF),
    frozenset({"voxel size", "origin", "header"}),
)
OME_ZARR = Format(
    "OME-Zarr",
    (ome_zarr.SUFFIX,),
    lambda path, _: ome_zarr.read(path),
    ome_zarr.creating,
    (*WIDE, "float16"),
    frozenset({"voxel size", "origin", "legend"}),
)
TIFF = Format(
    "TIFF",
    tiff.SUFFIXES,
    lambda path, _: tiff.read(path),
    tiff.creating,
    WIDE,
    frozenset({"voxel size"}),
)
HDF5 = Format(
    "HDF5",
    hdf5.SUFFIXES,
    lambda path, _: hdf5.read(path),
    hdf5.creating,
    (*WIDE, "float16"),
    frozenset({"voxel size", "origin"}),
)
NUMPY = Format(
    "NumPy",
    numpy_file.SUFFIXES,
    lambda path, _: numpy_file.read(path),
    numpy_file.creating,
    (*WIDE, "float16"),
    frozenset(),
)
FORMATS = {suffix: form for form in (MRC, OME_ZARR, TIFF, HDF5, NUMPY) for suffix in form.suffixes}
SUFFIXES = tuple(FORMATS)


def location(path: Path) -> Path:
    """Return the file or folder of a volume: file.h5 of file.h5:/volume."""
    return hdf5.split(path)[0]


def by_name(path: Path) -> Format | None:
    """Return the format that a name stands for by its suffix, or None."""
    known = FORMATS.get(compressed.unpacked_name(location(path)).suffix.lower())
    if known is None and ome_zarr.is_inside(path):
        return OME_ZARR
    packed = compressed.is_compressed(path)
    return None if packed and known is not MRC else known


def name_of(path: Path) -> str:
    """Return the name of the format of something that is there."""
    if path.is_dir():
        return "OME-Zarr" if ome_zarr.is_zarr(path) else "folder of slices"
    form = by_name(path)
    return form.name if form else "unknown"


def title(path: Path) -> str:
    """Return the name of the volume at a path without opening it."""
    file, inner = hdf5.split(path)
    if path.is_dir():
        stem = path.stem if ome_zarr.is_zarr(path) else path.name
    elif by_name(path) is HDF5:
        stem = file.stem + inner.replace("/", "-")
    else:
        stem = compressed.unpacked_name(path).stem
    # Outputs are named after it: ".." (a folder, or the file "...mrc") would lead out of theirs.
    return stem if stem.strip(". ") else Path(os.path.abspath(path)).name or "volume"


def read(path: Path, mode0: str) -> Volume:
    """Open what is at a path.

    Raises
    ------
    InputError
        If nothing is there, or its name stands for no format.
    FormatError
        If it is not what its name says.
    """
    # Path.exists raises on a name that no file system can hold; such a file is not there.
    if not os.path.exists(location(path)):
        wild = any(sign in str(path) for sign in "*?[")
        mend = "leave out the quotes, so that * and ? are replaced" if wild else "check the name"
        meant = did_you_mean_file(location(path))
        raise InputError(f"{path}: there is no such file or folder{meant}; {mend}.")
    volume = _opened(path, mode0)
    memory.demand_slice(path, volume.shape, volume.data.dtype)
    return replace(volume, name=title(path))


def _opened(path: Path, mode0: str) -> Volume:
    if path.is_dir():
        return ome_zarr.read(path) if ome_zarr.is_zarr(path) else tiff.read_folder(path)
    if not location(path).is_file():
        raise InputError(f"{path}: this is neither a file nor a folder; name an image.")
    form = by_name(path)
    if form is None or form is OME_ZARR:
        if known := foreign.how_to_convert(path):
            raise InputError(f"{path}: {known}.")
        is_slice = path.suffix.lower() == ".png"
        mend = "name the folder of slices that it is in" if is_slice else "rename or convert it"
        raise InputError(
            f"{path}: the suffix {path.suffix or '(none)'} names no image format, wanted one of "
            f"{', '.join(s for s in SUFFIXES if s != ome_zarr.SUFFIX)} or a {ome_zarr.SUFFIX} "
            f"folder; {mend}."
        )
    return form.read(path, mode0)


def written(path: Path) -> Format:
    """Return the format in which a file of this name is written.

    Raises
    ------
    InputError
        If the suffix names none, or a packed file.
    """
    form = by_name(path)
    if form is None or compressed.is_compressed(path):
        raise InputError(
            f"{path}: the suffix {path.suffix or '(none)'} names no format that is written, wanted "
            f"one of {', '.join(SUFFIXES)}; rename the output."
        )
    return form


@contextmanager
def creating(plan: Plan) -> Iterator[Writer]:
    """Yield a Writer of what is planned; it appears whole or not at all.

    Raises
    ------
    InputError
        If the format cannot hold it, or something that would be lost has its name.
    """
    form = written(plan.path)
    _check(plan, form)
    _check_location(plan, form)
    try:
        with only_one_writes(location(plan.path)), _appearing(plan, form) as writer:
            yield writer
    except OSError as error:  # one of a full disk does not say which file it was
        error.filename = error.filename or str(plan.path)
        raise


@contextmanager
def _appearing(plan: Plan, form: Format) -> Iterator[Writer]:
    """Yield a Writer to the hidden path, which is renamed to the final one at the end."""
    journal = None
    if plan.key is not None and form in (MRC, OME_ZARR):
        journal = open_journal(plan.path, plan.key, plan.shape[0])
        plan = replace(plan, goes_on=journal.is_begun)
    keep = journal is not None
    with _hidden(plan, form, keep) as part, form.creating(part, plan) as writer:
        if journal is not None:
            writer.follow(journal)
        yield writer


@contextmanager
def _hidden(plan: Plan, form: Format, keep: bool) -> Iterator[Path]:
    """Yield the hidden path of what is planned, which becomes the final one."""
    if form is not OME_ZARR:
        with atomic_path(location(plan.path), keep) as part:
            yield part
        return
    version = ome_zarr.version_to_write(plan)
    with atomic_folder(plan.path, keep) as part:
        yield part
    if plan.path.parent.name == "labels":
        ome_zarr.add_to_labels(plan.path, version)


def _check_location(plan: Plan, form: Format) -> None:
    if form is HDF5:
        hdf5.check(plan.path)
    if form is not OME_ZARR:
        return
    ome_zarr.version_to_write(plan)
    if plan.path.exists() and not ome_zarr.is_zarr(plan.path):
        raise InputError(f"{plan.path}: a file is there, a folder is to be written; name another.")
    if (plan.path / "labels").exists():
        raise InputError(
            f"{plan.path}: it holds labels, which would be lost with the old image; "
            "move them or name another folder."
        )


def _check(plan: Plan, form: Format) -> None:
    if plan.dtype.name not in form.dtypes:
        raise InputError(
            f"{plan.path}: voxels of type {plan.dtype} are not written, only "
            f"{', '.join(form.dtypes)} are; {mend_of(plan.dtype, form)}."
        )
    if min(plan.shape) < 1:
        raise InputError(f"{plan.path}: the volume has shape {plan.shape} and no voxel; take some.")
    if plan.legend is not None and plan.dtype.kind not in "iu":
        raise InputError(
            f"{plan.path}: labels of type {plan.dtype} are not written, wanted whole numbers; "
            "convert them to uint8 or uint16."
        )


def mend_of(dtype: np.dtype[np.generic], form: Format) -> str:
    """Say into what to convert voxels of a type that a format does not have."""
    if dtype.kind == "b":
        return "convert them to uint8"
    if dtype.kind in "iu":
        wide = ", or to uint32" if "uint32" in form.dtypes else ""
        return f"convert them to uint16, which holds labels up to 65535{wide}"
    return "convert them to float32"
