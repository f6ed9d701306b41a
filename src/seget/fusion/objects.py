"""Objects of labels that are read slice by slice: their sizes, and what becomes of each.

slices of labels -> Objects -> slices of labels in which whole objects have another label

Found slab by slab; what touches across slabs is one. No slab is kept: the second reading finds the
same pieces again, in the same order. Voxels of a structure touch at faces, edges and corners, those
of the background at faces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seget.fusion.pixelwise import Labels

SLAB_VOXELS = 2**24  # four slices of 2048 x 2048
CORNERS = np.ones((3, 3, 3), np.bool_)
FACES = ndimage.generate_binary_structure(3, 1)

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Objects:
    """All objects of some values, in the order in which they are found.

    Attributes
    ----------
    value, voxels, first, last
        `(n,)` the label, the number of voxels, the first and the last slice of each.
    faces
        `(n, values + 1)` faces of its voxels with each other value; the last column counts those
        on the border of the volume.
    of_piece
        `(pieces,)` which object each piece of a slab is of.
    """

    value: Ints
    voxels: Ints
    first: Ints
    last: Ints
    faces: Ints
    of_piece: Ints


class Slabs:
    """A volume of labels, cut into slabs whose pieces are numbered.

    Parameters
    ----------
    read
        Slice number -> labels `(y, x)`.
    shape
        `(z, y, x)` extent in voxels.
    values
        The labels of which objects are sought.
    count
        Labels are below it.
    slab_voxels
        Voxels of a slab; at least one slice is.
    """

    def __init__(
        self,
        read: Callable[[int], Labels],
        shape: tuple[int, int, int],
        values: Sequence[int],
        count: int,
        slab_voxels: int = SLAB_VOXELS,
    ) -> None:
        self.read = read
        self.shape = shape
        self.values = list(values)
        self.count = count
        self.depth = max(1, slab_voxels // (shape[1] * shape[2]))

    def slab(self, number: int) -> Labels:
        """Return the labels `(z, y, x)` of a slab."""
        first = number * self.depth
        last = min(first + self.depth, self.shape[0])
        return np.stack([self.read(z) for z in range(first, last)])

    def pieces(self, labels: Labels) -> tuple[Numbers, Ints]:
        """Return the number of each voxel's piece, from 1, and the label of each piece."""
        numbers = np.zeros(labels.shape, np.int32)
        value_of: list[int] = []
        there = np.bincount(labels.ravel(), minlength=self.count)
        for value in self.values:
            if not there[value]:
                continue
            mask = labels == value
            box = _box(mask)
            found, count = ndimage.label(mask[box], FACES if value == 0 else CORNERS)
            numbers[box] += np.where(found > 0, found + len(value_of), 0).astype(np.int32)
            value_of += [value] * count
        return numbers, np.array(value_of, np.int64)

    def objects(self, *, faces: bool = False) -> Objects:
        """Find all objects; `faces` are counted where they are asked for."""
        parts: list[list[Ints]] = []
        pairs: list[Ints] = []
        base = 0
        above: tuple[Numbers, Labels] | None = None
        for number in range(-(-self.shape[0] // self.depth)):
            labels = self.slab(number)
            numbers, value = self.pieces(labels)
            first = number * self.depth
            touched = self._faces(first, labels, numbers, len(value)) if faces else None
            parts.append([value, *_extents(numbers, len(value), first), _or_none(touched, value)])
            if above is not None:
                pairs += self._touching(above, (numbers[0], labels[0]), base)
            base += len(value)
            last = np.where(numbers[-1] > 0, numbers[-1] + base - len(value), 0)
            above = last, labels[-1]
        value, voxels, low, high, touched = (
            np.concatenate([part[i] for part in parts]) for i in range(5)
        )
        return _united(value, voxels, (low, high), touched, pairs)

    def _touching(
        self, above: tuple[Numbers, Labels], below: tuple[Numbers, Labels], base: int
    ) -> list[Ints]:
        """Return pairs of pieces, `(n, 2)` from 0, of two slices that touch."""
        found = [np.zeros(0, np.int64)]
        height, width = above[0].shape
        if not (above[0].any() and below[0].any()):
            return []
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                up = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
                down = slice(max(0, dy), height + min(0, dy)), slice(max(0, dx), width + min(0, dx))
                same = (above[1][up] == below[1][down]) & (above[0][up] > 0)
                if dy or dx:  # the background touches at faces only
                    same &= above[1][up] > 0
                keys = above[0][up][same].astype(np.int64) << 32 | below[0][down][same]
                # Neighbours mostly repeat each other: without them there is little to sort.
                found.append(np.unique(keys[np.diff(keys, prepend=-1) != 0]))
        keys = np.unique(np.concatenate(found))
        return [np.stack([(keys >> 32) - 1, (keys & 0xFFFFFFFF) - 1 + base], axis=1)]

    def _faces(self, first: int, labels: Labels, numbers: Numbers, count: int) -> Ints:
        """Return the faces of each piece with each other value, `(count, values + 1)`."""
        width = self.count + 1
        ends = [first - 1, first + len(labels)]
        around = [
            self.read(z) if 0 <= z < self.shape[0] else np.full(self.shape[1:], self.count)
            for z in ends
        ]
        beside = np.full([n + 2 for n in labels.shape], self.count, np.int32)
        beside[1:-1, 1:-1, 1:-1] = labels
        beside[0, 1:-1, 1:-1], beside[-1, 1:-1, 1:-1] = around
        total = np.zeros((count + 1) * width, np.int64)
        inner = [slice(1, -1)] * 3
        for axis in range(3):
            for shifted in (slice(0, -2), slice(2, None)):
                place = list(inner)
                place[axis] = shifted
                other = beside[tuple(place)]
                seen = (numbers > 0) & (other != labels)
                keys = numbers[seen].astype(np.int64) * width + other[seen]
                total += np.bincount(keys, minlength=total.size)
        return total.reshape(-1, width)[1:]


class Renamed:
    """Labels in which each object has the label that was decided for it.

    Parameters
    ----------
    slabs
        The labels before.
    new
        `(pieces,)` the label of each piece, in the order in which pieces are found.
    """

    def __init__(self, slabs: Slabs, new: Ints) -> None:
        self._depth = slabs.depth
        # Faces are counted with the slabs above and below. Not of a method: that were a circle, and
        # files would stay open until it is found.
        self._renamed = lru_cache(maxsize=3)(partial(_rename, slabs, new, {0: 0}))

    def labels(self, z: int) -> Labels:
        """Return the labels `(y, x)` of a slice."""
        number, within = divmod(z, self._depth)
        labels: Labels = self._renamed(number)[within]
        return labels


def _rename(slabs: Slabs, new: Ints, starts: dict[int, int], number: int) -> Labels:
    """Return a slab with the new labels; `starts` keeps the first piece of each slab seen."""
    known = max(one for one in starts if one <= number)
    for one in range(known, number):  # slabs that were passed over still count
        starts[one + 1] = starts[one] + len(slabs.pieces(slabs.slab(one))[1])
    labels = slabs.slab(number)
    numbers, value = slabs.pieces(labels)
    start = starts[number]
    starts[number + 1] = start + len(value)
    own = np.concatenate([[0], new[start : start + len(value)]])
    return np.where(numbers > 0, own[numbers], labels).astype(labels.dtype)


def _box(mask: npt.NDArray[np.bool_]) -> tuple[slice, ...]:
    """Return the smallest box around what is True."""
    axes = [(1, 2), (0, 2), (0, 1)]
    ends = [np.flatnonzero(mask.any(axis=axis)) for axis in axes]
    return tuple(slice(int(at[0]), int(at[-1]) + 1) for at in ends)


def _extents(numbers: Numbers, count: int, first: int) -> tuple[Ints, Ints, Ints]:
    """Return voxels, first and last slice of each piece."""
    per_slice = np.stack([np.bincount(n.ravel(), minlength=count + 1)[1:] for n in numbers])
    there = per_slice > 0
    low = first + there.argmax(axis=0)
    high = first + len(numbers) - 1 - there[::-1].argmax(axis=0)
    return per_slice.sum(axis=0), low, high


def _or_none(faces: Ints | None, value: Ints) -> Ints:
    return np.zeros((len(value), 0), np.int64) if faces is None else faces


def _united(
    value: Ints, voxels: Ints, ends: tuple[Ints, Ints], faces: Ints, pairs: Sequence[Ints]
) -> Objects:
    """Join the pieces that touch."""
    touching = np.concatenate([np.zeros((0, 2), np.int64), *pairs])
    graph = coo_array(
        (np.ones(len(touching), np.int8), (touching[:, 0], touching[:, 1])),
        shape=(len(value), len(value)),
    )
    count, of_piece = connected_components(graph, directed=False) if len(value) else (0, value)
    size = np.zeros(count, np.int64)
    np.add.at(size, of_piece, voxels)
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(first, of_piece, ends[0])
    np.maximum.at(last, of_piece, ends[1])
    own = np.zeros(count, np.int64)
    own[of_piece] = value
    meets = np.zeros((count, faces.shape[1]), np.int64)
    np.add.at(meets, of_piece, faces)
    return Objects(own, size, first, last, meets, np.asarray(of_piece, np.int64))
