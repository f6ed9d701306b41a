"""OME-Zarr 0.5 and 0.4, written slice by slice.

Plan -> Writer -> group with levels "0", "1", "2"

It never holds more than a slab of slices in memory, never averages labels, and never changes a
group that is there, except to add to its list of labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.files.ome_zarr import metadata
from seget.files.ome_zarr.reading import stored_version
from seget.files.storage.slabs import Slabs, chunk_shape
from seget.files.storage.writer import Plan, Writer

CHUNKS_PER_SHARD = 4  # along y and along x: 16 chunks a file, 8 MB of bytes
BLOSC = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1}
Box = tuple[slice, slice, slice]


@contextmanager
def creating(part: Path, plan: Plan) -> Iterator[Writer]:
    """Yield the writer of a new image or of labels in the empty folder `part`.

    The coarser levels are made from the finest one at the end: means for an image, every second
    voxel for labels.
    """
    import zarr

    version = version_to_write(plan)
    pyramid = metadata.levels(plan.shape, plan.like.voxel_size_nm)
    if plan.goes_on:
        group = zarr.open_group(part, mode="r+")
        stored: list[Any] = [group[str(number)] for number in range(len(pyramid))]
    else:
        group = zarr.open_group(
            part,
            mode="w",
            zarr_format=2 if version == "0.4" else 3,
            attributes=metadata.attributes(plan, pyramid, version),
        )
        stored = [_array(group, str(n), each.shape, plan.dtype) for n, each in enumerate(pyramid)]
    slabs = Slabs(stored[0], stored[0].chunks[0])
    yield Writer(slabs, plan.shape, plan.dtype)
    slabs.flush()
    for fine, coarse in pairwise(stored):
        _fill(fine, coarse, plan)
    for torn in part.rglob("*.partial"):  # what zarr was writing when an earlier run was killed
        torn.unlink()


def version_to_write(plan: Plan) -> str:
    """Return the version to write; labels within an image have that of the image.

    Raises
    ------
    InputError
        If there is no such version, or if it is another than the image has.
    """
    wanted = plan.ome_zarr
    if wanted not in (None, *metadata.VERSIONS):
        raise InputError(
            f"{plan.path}: OME-Zarr {wanted} is not written, only {' and '.join(metadata.VERSIONS)}"
            " are; name one of them."
        )
    if plan.path.parent.name != "labels":
        return wanted or metadata.VERSIONS[-1]
    image = plan.path.parents[1]
    found = stored_version(image)
    if found is None or plan.legend is None or wanted not in (None, found):
        raise InputError(
            f"{plan.path}: an OME-Zarr {wanted or ''} {'image' if plan.legend is None else 'label'}"
            f" volume is to be written into the labels of {image}, "
            f"which is {'no OME-Zarr image' if found is None else f'OME-Zarr {found}'}; "
            "write labels of that version, or give another folder."
        )
    return found


def add_to_labels(path: Path, version: str) -> None:
    """Add finished labels to the list of labels that the group around them keeps."""
    import zarr

    group = zarr.open_group(path.parent, mode="a", zarr_format=2 if version == "0.4" else 3)
    attributes: Any = group.attrs.asdict()
    names = attributes.get("ome", attributes).get("labels", [])
    if path.name not in names:
        group.attrs.update(metadata.versioned({"labels": [*names, path.name]}, version))


def _shard(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> tuple[int, int, int]:
    z, y, x = chunk_shape(shape, dtype)
    most = CHUNKS_PER_SHARD
    return z, y * min(most, -(-shape[1] // y)), x * min(most, -(-shape[2] // x))


def _array(group: Any, name: str, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Any:
    chunks = chunk_shape(shape, dtype)
    if group.metadata.zarr_format == 2:
        # What every reader of version 2 has; folders for the keys, as OME-Zarr 0.4 demands.
        keys = {"name": "v2", "separator": "/"}
        form: dict[str, Any] = {"compressors": BLOSC, "chunk_key_encoding": keys}
    else:
        form = {"shards": _shard(shape, dtype), "dimension_names": metadata.AXES}
    return group.create_array(name, shape=shape, dtype=dtype, chunks=chunks, fill_value=0, **form)


def _fill(fine: Any, coarse: Any, plan: Plan) -> None:
    """Make a level from the next finer one, shard by shard."""
    factor = tuple(f // c for f, c in zip(fine.shape, coarse.shape, strict=True))
    # Whoever stores a part of a shard rewrites all of it, so a level is stored by whole shards.
    for box in _boxes(coarse.shape, _shard(coarse.shape, plan.dtype)):
        wanted = tuple(slice(s.start * f, s.stop * f) for s, f in zip(box, factor, strict=True))
        block = np.asarray(fine[wanted])
        if plan.legend is None:
            coarse[box] = _means(block, factor)
        else:
            coarse[box] = block[tuple(slice(None, None, f) for f in factor)]


def _boxes(shape: tuple[int, int, int], extent: tuple[int, int, int]) -> Iterator[Box]:
    """Yield boxes of at most `extent` voxels `(z, y, x)` that cover `shape` once."""
    for corner in product(*(range(0, n, step) for n, step in zip(shape, extent, strict=True))):
        z, y, x = (
            slice(start, min(start + step, n))
            for start, step, n in zip(corner, extent, shape, strict=True)
        )
        yield z, y, x


def _means(block: npt.NDArray[Any], factor: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return the means over boxes of `factor` voxels, rounded where the type has no fractions."""
    depth, height, width = (n // f for n, f in zip(block.shape, factor, strict=True))
    made = np.empty((depth, height, width), block.dtype)
    for z in range(depth):
        box = block[z * factor[0] : (z + 1) * factor[0]]
        parts = box.reshape(factor[0], height, factor[1], width, factor[2])
        with np.errstate(over="ignore", invalid="ignore"):  # of NaN, infinite and huge voxels
            mean = parts.mean(axis=(0, 2, 4), dtype=np.float64)
        made[z] = mean if block.dtype.kind == "f" else np.rint(mean)
    return made
