"""The box of an object, cut into blocks that are measured one after the other.

object's box + Grid of the volume -> Blocks: which nodes are a block's own, and what is read around

Integers only. A node is the middle of a voxel; a surface is sought between nodes. Neighbouring
blocks share the nodes on their border. Beyond the volume's border one layer of nodes repeats the
outermost voxels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from seget.measurement.components import Box, IdStore
from seget.volume import Triple

Ints = npt.NDArray[np.int64]
CORE = 160  # nodes of a block along an edge
HALO = 40  # smallest voxels read around it, at most: a distance of fewer is exact
SMOOTHING = 5  # smallest voxels of the halo that the smoothing uses up
MARGIN = 3  # nodes around an object's box in which its surface may lie
REPEATED = 6  # times that the outermost voxels are repeated beyond the volume's border


@dataclass(frozen=True)
class Block:
    """A part of an object's box.

    Attributes
    ----------
    low, high
        `(3,)` its first and its last node along z, y, x, both included.
    last
        Whether it is the last one along z, y, x: its last nodes are then its own, and not the
        next one's.
    halo
        `(3,)` voxels that are read around it.
    """

    low: Ints
    high: Ints
    last: npt.NDArray[np.bool_]
    halo: Ints

    def mask(self, ids: IdStore, number: int) -> tuple[npt.NDArray[np.bool_], Ints]:
        """Return where an object is, in the block and around, and the index of the first voxel."""
        shape = np.array(ids.shape)
        low, high = self.low - self.halo, self.high + 1 + self.halo
        inner_low, inner_high = np.maximum(low, 0), np.minimum(high, shape)
        before = np.minimum(inner_low - low, REPEATED)
        after = np.minimum(high - inner_high, REPEATED)
        mask = ids.box(inner_low, inner_high) == number
        padded = np.pad(mask, list(zip(before, after, strict=True)), mode="edge")
        return padded, inner_low - before

    def own(self, shape: tuple[int, int, int], origin: Ints) -> tuple[slice, slice, slice]:
        """Return the block's own voxels, in an array whose first voxel has index `origin`."""
        low = np.maximum(self.low, 0) - origin
        high = np.minimum(self.high + np.where(self.last, 1, 0), np.array(shape)) - origin
        z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        return z, y, x

    def nodes(self, origin: Ints) -> tuple[slice, slice, slice]:
        """Return the block's nodes, those shared with the next included, in such an array."""
        z, y, x = (
            slice(int(a), int(b) + 1)
            for a, b in zip(self.low - origin, self.high - origin, strict=True)
        )
        return z, y, x


@dataclass(frozen=True)
class Grid:
    """The voxels of a volume, as blocks need them.

    Attributes
    ----------
    shape
        `(z, y, x)` extent in voxels.
    voxel_size_nm
        `(z, y, x)` edges of a voxel.
    """

    shape: tuple[int, int, int]
    voxel_size_nm: Triple

    @property
    def edge_nm(self) -> float:
        """Smallest edge of a voxel."""
        return min(self.voxel_size_nm)

    def exact_nm(self, box: Box) -> float:
        """Return the distance up to which smoothed distances of an object are exact.

        Nothing of an object is farther from its surface than it is long, so that small ones are
        read with a narrow halo.
        """
        long = float(((box[1] - box[0]) * self.voxel_size_nm).max())
        return min(long, (HALO - SMOOTHING) * self.edge_nm)

    def blocks(self, box: Box, core: int = 0) -> Iterator[Block]:
        """Yield the blocks of the box of an object, of `core` nodes along an edge, or `CORE`."""
        reach = self.exact_nm(box) + SMOOTHING * self.edge_nm
        halo = np.ceil(reach / np.asarray(self.voxel_size_nm)).astype(np.int64)
        first = np.maximum(box[0] - MARGIN, -1)
        final = np.minimum(box[1] - 1 + MARGIN, np.array(self.shape))
        ends = zip(first.tolist(), final.tolist(), strict=True)
        starts = [range(a, max(b, a + 1), core or CORE) for a, b in ends]
        for corner in product(*starts):
            begin = np.array(corner, dtype=np.int64)
            end = np.minimum(begin + (core or CORE), final)
            yield Block(begin, end, end == final, halo)
