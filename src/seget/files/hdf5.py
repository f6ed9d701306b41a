"""HDF5: one dataset of a file, named as file.h5:/path/inside.

file:/path -> Volume, Plan -> Writer

It never keeps a file open between two reads, so that volumes may be sent to other processes. h5py
is imported when it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import FormatError, InputError
from seget.files.storage import memory
from seget.files.storage.axes import Layout, axis_names, layout
from seget.files.storage.lazy import Blocks
from seget.files.storage.slabs import Slabs, chunk_shape
from seget.files.storage.writer import Plan, Writer
from seget.volume import Triple, Volume

SUFFIXES = (".h5", ".hdf5", ".hdf", ".ilp")  # the last is a project of ilastik
DEFAULT = "/volume"

NAMED = re.compile(r"(?P<file>.*\.(?:h5|hdf5|hdf|ilp)):(?P<inner>.*)", re.IGNORECASE | re.DOTALL)

# Attributes that say what a voxel measures along z, y and x, and what their unit is in nm.
NM_PER_UNIT = {"voxel_size_nm": 1.0, "element_size_um": 1e3, "resolution": 1.0}
ORIGIN = "origin_nm"
SHOWN = 8  # datasets that an error lists
NM_PER_ANGSTROM = 0.1
# EMAN2 states angstrom beside the image, in the attributes of the group that holds it.
EMAN = tuple(f"EMAN.apix_{axis}" for axis in "zyx")


def split(path: Path) -> tuple[Path, str]:
    """Return the file and the path inside, which is empty where it is left out.

    >>> split(Path("cell.h5:/raw/volume"))
    (PosixPath('cell.h5'), '/raw/volume')
    """
    match = NAMED.fullmatch(str(path))
    if match is None:
        return path, ""
    return Path(match["file"]), "/" + match["inner"].strip("/")


def read(path: Path) -> Volume:
    """Open a dataset of three axes; other axes must have the extent 1 and are left out.

    Axes that are named, by ilastik (`axistags`) or as HDF5 names them, are brought into the order
    z, y, x; else this is their order. Without a path inside, the only such dataset of the file is
    taken.

    Raises
    ------
    FormatError
        If it is no HDF5 file or a damaged one.
    InputError
        If there is no such dataset, or several that may be meant.
    """
    file, inner = split(path)
    with _opened(file) as h5:
        name = inner if inner.strip("/") else _only(h5, file)
        dataset = _dataset(h5, name, file)
        axes = _layout(dataset)
        assert axes is not None  # or it would be no candidate
        dtype = np.dtype(dataset.dtype).newbyteorder("=")
        memory.demand_chunk(path, dataset.chunks, dtype)
        attributes = dict(dataset.attrs) | _of_eman(dataset.parent.attrs)
    return Volume(
        Blocks(axes.shape, dtype, partial(_block, file, name, axes)),
        voxel_size_nm=_voxel_size(attributes),
        origin_nm=_triple(attributes.get(ORIGIN)),
        path=path,
    )


@contextmanager
def _opened(file: Path, mode: str = "r") -> Iterator[Any]:
    import h5py

    if not h5py.is_hdf5(file):
        raise FormatError(f"{file}: this is not an HDF5 file; save or copy it again.")
    try:
        with h5py.File(file, mode) as h5:
            yield h5
    except (OSError, RuntimeError, KeyError) as error:
        raise FormatError(
            f"{file}: this HDF5 file is damaged or in use ({error}); copy it again."
        ) from error


def _datasets(h5: Any) -> dict[str, Any]:
    """From the path of each dataset of a file to the dataset."""
    import h5py

    found: dict[str, Any] = {}

    def note(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            found[f"/{name}"] = entry

    h5.visititems(note)
    return found


def _candidates(h5: Any) -> list[str]:
    return [name for name, dataset in _datasets(h5).items() if _is_volume(dataset)]


def _is_volume(dataset: Any) -> bool:
    shape = dataset.shape or ()
    return dataset.dtype.kind in "biuf" and 0 not in shape and _layout(dataset) is not None


def _layout(dataset: Any) -> Layout | None:
    return layout(tuple(dataset.shape), axis_names(dataset.attrs))


def _only(h5: Any, file: Path) -> str:
    found = _candidates(h5)
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{file}: the datasets of three axes are {', '.join(found[:SHOWN])}, wanted exactly "
            f"one; name it, as in {file.name}:{found[0]}."
        )
    others = [f"{name} {_words(dataset)}" for name, dataset in _datasets(h5).items()]
    raise InputError(
        f"{file}: the datasets of three axes are none, wanted one of z, y, x; there are "
        f"{'; '.join(others[:SHOWN]) or 'none at all'}: export one channel and one time, "
        "with axes z, y, x."
    )


def _dataset(h5: Any, name: str, file: Path) -> Any:
    import h5py

    dataset = h5.get(name)
    if isinstance(dataset, h5py.Dataset):
        if _is_volume(dataset):
            return dataset
        what = f"no dataset of three axes, but one {_words(dataset)}"
    else:
        what = "nothing" if dataset is None else "no dataset of three axes"
    raise InputError(
        f"{file}: at {name} is {what}, wanted a volume; there are "
        f"{', '.join(_candidates(h5)[:SHOWN]) or 'none'}."
    )


def _words(dataset: Any) -> str:
    """Return the axes of a dataset, if they are named, with their extents."""
    shape = dataset.shape or ()
    names = axis_names(dataset.attrs)
    axes = f"of axes {', '.join(names)}, " if names and len(names) == len(shape) else "of "
    return f"{axes}{' x '.join(map(str, shape)) or 'a single value'} ({dataset.dtype})"


def _block(
    file: Path, name: str, layout: Layout, box: tuple[slice, slice, slice]
) -> npt.NDArray[Any]:
    with _opened(file) as h5:
        block = layout.turned(np.asarray(h5[name][layout.key(box)]))
    return block.astype(block.dtype.newbyteorder("="), copy=False)


def _of_eman(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the voxel size that EMAN2 states, as an attribute of ours."""
    if not all(name in said for name in EMAN):
        return {}
    lengths = [_triple(said[name], NM_PER_ANGSTROM) for name in EMAN]
    return {"voxel_size_nm": [one[0] for one in lengths if one is not None]}


def _voxel_size(attributes: Mapping[str, Any]) -> Triple | None:
    for name, nm in NM_PER_UNIT.items():
        lengths = _triple(attributes.get(name), nm)
        if lengths is not None and min(lengths) > 0:
            return lengths
    return None


def _triple(value: Any, nm: float = 1.0) -> Triple | None:
    """Return three finite lengths, or None where the attribute is missing or something else."""
    try:
        z, y, x = (np.broadcast_to(np.asarray(value, dtype=np.float64), 3) * nm).tolist()
    except (ValueError, TypeError):
        return None
    return (z, y, x) if np.isfinite((z, y, x)).all() else None


@dataclass(frozen=True)
class _Stored:
    """A dataset that is open only while a slab is read or written."""

    file: Path
    name: str

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        with _opened(self.file) as h5:
            return np.asarray(h5[self.name][key])

    def __setitem__(self, key: Any, block: npt.NDArray[Any]) -> None:
        with _opened(self.file, "r+") as h5:
            h5[self.name][key] = block


def check(path: Path) -> None:
    """Refuse to replace a file that holds more than the dataset to be written.

    Raises
    ------
    InputError
        If it does.
    """
    file, inner = split(path)
    if not file.exists():
        return
    try:
        with _opened(file) as h5:
            others = set(_datasets(h5)) - {inner.rstrip("/") or DEFAULT}
    except FormatError:
        return  # there is nothing in it that anyone could read
    if others:
        raise InputError(
            f"{file}: it holds {', '.join(sorted(others)[:8])} too, which would be lost; "
            "name another file."
        )


@contextmanager
def creating(part: Path, plan: Plan) -> Iterator[Writer]:
    """Yield the writer of a new HDF5 file at `part` with one dataset, compressed by gzip."""
    import h5py

    inner = split(plan.path)[1].rstrip("/") or DEFAULT
    chunks = chunk_shape(plan.shape, plan.dtype)
    with h5py.File(part, "w") as h5:
        dataset = h5.create_dataset(
            inner, plan.shape, plan.dtype, chunks=chunks, compression="gzip", compression_opts=1
        )
        if plan.like.voxel_size_nm:
            dataset.attrs["voxel_size_nm"] = plan.like.voxel_size_nm
            dataset.attrs["element_size_um"] = [nm / 1e3 for nm in plan.like.voxel_size_nm]
        if plan.like.origin_nm:
            dataset.attrs[ORIGIN] = plan.like.origin_nm
    slabs = Slabs(_Stored(part, inner), chunks[0])
    yield Writer(slabs, plan.shape, plan.dtype)
    slabs.flush()
