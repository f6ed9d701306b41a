"""The box of an object, cut into blocks that are measured one after the other.

object's box + volume's shape -> Blocks: which nodes are a block's own, and what is read around

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

from seget.measurement.components import IdStore

Ints = npt.NDArray[np.int64]
CORE = 160  # nodes of a block along an edge
HALO = 40  # voxels read around it: a distance of fewer is exact
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
    """

    low: Ints
    high: Ints
    last: npt.NDArray[np.bool_]

    def mask(self, ids: IdStore, number: int) -> tuple[npt.NDArray[np.bool_], Ints]:
        """Return where an object is, in the block and around, and the index of the first voxel."""
        shape = np.array(ids.shape)
        low, high = self.low - HALO, self.high + 1 + HALO
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


def blocks(low: Ints, high: Ints, shape: tuple[int, int, int], core: int = CORE) -> Iterator[Block]:
    """Yield the blocks of the box of an object from index `low` up to, not with, `high`."""
    first = np.maximum(low - MARGIN, -1)
    final = np.minimum(high - 1 + MARGIN, np.array(shape))
    ends = zip(first.tolist(), final.tolist(), strict=True)
    starts = [range(a, max(b, a + 1), core) for a, b in ends]
    for corner in product(*starts):
        begin = np.array(corner, dtype=np.int64)
        end = np.minimum(begin + core, final)
        yield Block(begin, end, end == final)
