"""What a format cannot hold of a volume.

path + Volume -> sentences

It never reads a voxel and never decides whether a loss matters.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seget.files import formats
from seget.files.formats import OME_ZARR, Format
from seget.files.mrc import header as mrc_header
from seget.volume import Volume


def not_kept(path: Path | str, volume: Volume, *, labels: bool = False) -> list[str]:
    """Return a sentence for each thing about a volume that a file of this name cannot hold.

    Parameters
    ----------
    path
        Where the volume is to be written.
    volume
        Its voxels are not read.
    labels
        Whether its numbers have names and colours.
    """
    path = Path(path)
    form = formats.written(path)
    size, origin = volume.voxel_size_nm, volume.origin_nm
    lost = []
    if volume.data.dtype.name not in form.dtypes:
        dtype = np.dtype(volume.data.dtype)
        lost.append(f"{form.name} has no voxels of type {dtype}; {formats.mend_of(dtype, form)}.")
    if size and "voxel size" not in form.keeps:
        lost.append(f"{form.name} keeps no voxel size; {_words(size, ' x ')} nm is not in {path}.")
    if origin and any(origin):
        if "origin" not in form.keeps:
            lost.append(f"{form.name} keeps no origin; {_words(origin, ', ')} nm is not in {path}.")
        elif size is None and form is OME_ZARR:
            lost.append(
                f"{form.name} keeps no origin without a voxel size; {_words(origin, ', ')} nm "
                f"is not in {path}."
            )
    lost += _not_kept_of_header(path, volume, form)
    if labels and "legend" not in form.keeps:
        lost.append(f"{form.name} keeps no names and colours of labels; keep their JSON file.")
    return lost


def _not_kept_of_header(path: Path, volume: Volume, form: Format) -> list[str]:
    if volume.grid is None:
        return []
    if "header" not in form.keeps:
        return [f"{form.name} keeps no other fields of the MRC header; they are not in {path}."]
    header = np.frombuffer(volume.grid, mrc_header.HEADER)[0]
    if extended := int(header["nsymbt"]):
        return [f"the extended header of {extended} bytes is not in {path}."]
    return []


def _words(lengths: tuple[float, ...], between: str) -> str:
    return between.join(f"{length:.6g}" for length in lengths)
