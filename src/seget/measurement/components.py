"""Objects of a label volume: what touches and is of one structure, found slab by slab.

labels (z, y, x) -> Objects: a number for every object, its moments, its structure

It never holds more of the volume than a slab of some slices. Voxels touch if they share a face, an
edge or a corner. Objects are numbered from 1: by structure, then by the place of their first voxel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seget.listener import Listener
from seget.measurement.moments import Moments, joined
from seget.measurement.smallest import LeftOut
from seget.measurement.structures import Structures
from seget.volume import Volume

Numbers = npt.NDArray[np.uint32]
Box = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]  # first index, last index + 1
SLAB_VOXELS = 8_000_000
NEAR = 8  # voxels: parts of an object nearer than this are measured in one box


@dataclass(frozen=True)
class IdStore:
    """Numbers of the objects on disk, read a box at a time.

    Attributes
    ----------
    path
        A file of bare uint32, `(z, y, x)`.
    shape
        `(z, y, x)` extent in voxels.
    """

    path: Path
    shape: tuple[int, int, int]

    def box(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Numbers:
        """Return a copy of the numbers from index `low` up to, not with, `high`: `(z, y, x)`."""
        # Mapped for this box only: pages of a map that stays open count as this process's memory.
        mapped = np.memmap(self.path, np.uint32, "r", shape=self.shape)
        parts = tuple(
            slice(int(a), int(b)) for a, b in zip(np.asarray(low), np.asarray(high), strict=True)
        )
        return np.array(mapped[parts])

    def slabs(self) -> Iterator[tuple[int, Numbers]]:
        """Yield the first slice's number of each slab, and the slab."""
        for first, last in slabs(self.shape):
            yield first, self.box((first, 0, 0), (last, *self.shape[1:]))


@dataclass(frozen=True)
class Objects:
    """All objects of a label volume.

    Attributes
    ----------
    ids
        Which voxel is which object's.
    structures
        `(n,)` name of each object's structure; object i has number i + 1.
    moments
        Of the objects, in voxels.
    boxes
        Of each object, the boxes that its voxels lie in: one, but for instances of several parts.
    parts
        `(n,)` components of each object, 1 but for instances.
    left_out
        Structure -> the objects that were too small; every structure has its own.
    """

    ids: IdStore
    structures: list[str]
    moments: Moments
    boxes: list[list[Box]]
    parts: npt.NDArray[np.int64]
    left_out: dict[str, LeftOut]

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.structures)


def slabs(shape: tuple[int, int, int], voxels: int = 0) -> list[tuple[int, int]]:
    """Return first slice and last + 1 of slabs of about `voxels` voxels, `SLAB_VOXELS` if 0."""
    depth = max(1, (voxels or SLAB_VOXELS) // (shape[1] * shape[2]))
    return [(z, min(z + depth, shape[0])) for z in range(0, shape[0], depth)]


def find_objects(
    volume: Volume,
    structures: Structures,
    scratch: Path,
    fewest: Mapping[str, int] | None = None,
    listener: Listener | None = None,
) -> Objects:
    """Find and number the objects of a label volume.

    Parameters
    ----------
    volume
        Labels.
    structures
        What its numbers are.
    scratch
        A file that the numbers are kept in: four bytes a voxel. It is the caller's to remove.
    fewest
        Structure -> voxels of its smallest object; what has fewer is left out, and counted.
    listener
        Is told the slices done.
    """
    listener = listener or Listener()
    with scratch.open("w+b") as file:
        codes, parts, pairs = _label_slabs(volume, structures, file, listener)
        owners = np.concatenate([np.zeros(0, np.uint32), *codes])
        group, count = united(pairs, owners.size)
        components = joined(parts).merged(group, count)
        code = np.zeros(count, np.int64)
        code[group] = owners
        owner = _of_instances(code) if structures.instances else np.arange(count)
        moments = components.merged(owner, int(owner.max(initial=-1)) + 1)
        names = [""] * len(moments.voxels)
        for i, c in zip(owner.tolist(), code.tolist(), strict=True):
            names[i] = structures.structure_of_code(c)
        least = [(fewest or {}).get(name, 1) for name in names]
        kept = moments.voxels >= np.array(least, dtype=np.int64)
        order = _order(names, structures, moments, kept)
        number = np.zeros(len(names) + 1, np.uint32)
        number[order + 1] = np.arange(1, order.size + 1)
        final = np.concatenate([[np.uint32(0)], number[owner[group] + 1]]).astype(np.uint32)
        _renumber(file, volume.shape, final)
    small = [(names[i], int(moments.voxels[i])) for i in np.flatnonzero(~kept)]
    left_out = {name: LeftOut.of(name, small) for name in structures.names}
    ids = IdStore(scratch, volume.shape)
    boxes = _boxes(components, owner, order)
    count_of = np.bincount(owner, minlength=len(names))[order].astype(np.int64)
    found = [names[i] for i in order]
    return Objects(ids, found, moments.of_objects(order), boxes, count_of, left_out)


def _of_instances(code: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return which instance each component is of, from 0: those of one code are one."""
    return np.unique(code, return_inverse=True)[1].ravel()


def _boxes(
    components: Moments, owner: npt.NDArray[np.int64], order: npt.NDArray[np.int64]
) -> list[list[Box]]:
    """Return the boxes of each object's components, those that come near each other as one."""
    by_object = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[by_object], np.arange(len(order) + int(owner.max(initial=0)) + 2))
    found = []
    for i in order:
        mine = by_object[ends[i] : ends[i + 1]]
        boxes: list[Box] = []
        for k in mine:
            box = components.low[k], components.high[k]
            near = [other for other in boxes if _is_near(box, other)]
            while near:  # the larger box may come near others
                boxes = [other for other in boxes if not any(other is one for one in near)]
                low = np.minimum.reduce([box[0], *(one[0] for one in near)])
                high = np.maximum.reduce([box[1], *(one[1] for one in near)])
                box = low, high
                near = [other for other in boxes if _is_near(box, other)]
            boxes.append(box)
        found.append(boxes)
    return found


def _is_near(a: Box, b: Box) -> bool:
    return bool((a[0] - NEAR < b[1]).all() and (b[0] - NEAR < a[1]).all())


def _label_slabs(
    volume: Volume, structures: Structures, file: Any, listener: Listener
) -> tuple[list[Numbers], list[Moments], list[npt.NDArray[np.int64]]]:
    """Label each slab by itself, write provisional numbers, and say which of them meet."""
    import cc3d

    codes_of: list[Numbers] = []
    parts: list[Moments] = []
    pairs: list[npt.NDArray[np.int64]] = []
    base = 0
    before: tuple[Numbers, Numbers] | None = None
    for first, last in slabs(volume.shape):
        codes = structures.codes(np.asarray(volume.data[first:last]))
        found, count = cc3d.connected_components(
            codes, connectivity=26, return_N=True, out_dtype=np.uint32
        )
        seen = found > 0
        owner = np.zeros(count, np.uint32)
        owner[found[seen] - 1] = codes[seen]
        codes_of.append(owner)
        parts.append(Moments.of(found, count, first))
        found = np.where(seen, found + np.uint32(base), np.uint32(0))
        found.tofile(file)
        if before is not None:
            pairs.append(touching(*before, found[0], codes[0]))
        before, base = (found[-1].copy(), codes[-1].copy()), base + count
        listener.progress(last, volume.shape[0])
    return codes_of, parts, pairs


def touching(
    above: Numbers, above_codes: Numbers, below: Numbers, below_codes: Numbers
) -> npt.NDArray[np.int64]:
    """Pairs of numbers, `(n, 2)`, of two neighbouring slices that touch and are of one code."""
    height, width = above.shape
    found = [np.zeros(0, np.int64)]
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            y, x = _overlap(dy, height), _overlap(dx, width)
            upper, lower = (y[0], x[0]), (y[1], x[1])
            same = (above_codes[upper] == below_codes[lower]) & (above_codes[upper] > 0)
            key = above[upper][same].astype(np.int64) << 32 | below[lower][same]
            # Neighbours mostly repeat each other: without them there is little to sort.
            found.append(np.unique(key[np.diff(key, prepend=-1) != 0]))
    keys = np.unique(np.concatenate(found))
    return np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1)


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    return slice(max(0, -shift), size - max(0, shift)), slice(max(0, shift), size + min(0, shift))


def united(pairs: list[npt.NDArray[np.int64]], count: int) -> tuple[npt.NDArray[np.int64], int]:
    """Return which component each provisional number belongs to, from 0, and how many there are."""
    touching = np.concatenate([np.zeros((0, 2), np.int64), *pairs]) - 1
    graph = coo_array(
        (np.ones(len(touching), np.int8), (touching[:, 0], touching[:, 1])),
        shape=(count, count),
    )
    found, group = connected_components(graph, directed=False)
    return group.astype(np.int64), int(found)


def _order(
    names: list[str], structures: Structures, moments: Moments, kept: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Return the objects that are kept, by structure and then by their first voxel."""
    rank = np.array([structures.names.index(name) for name in names], dtype=np.int64)
    order = np.lexsort((moments.start, rank))
    return order[kept[order]].astype(np.int64)


def _renumber(file: Any, shape: tuple[int, int, int], final: Numbers) -> None:
    """Replace the provisional numbers in a file by the final ones, a slab at a time."""
    for first, last in slabs(shape):
        size = (last - first) * shape[1] * shape[2]
        place = first * shape[1] * shape[2] * final.itemsize
        file.seek(place)
        numbers = final[np.fromfile(file, np.uint32, size)]
        file.seek(place)
        numbers.tofile(file)
