"""Signed distances of an object from its border, smoothed, in blocks.

numbers of voxels -> smoothed signed distance a block -> voxels within a level, triangles at it

It never holds more of an object than a block and `KEPT_BYTES` of what was computed before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from seget.measurement.blocks import Block, Grid
from seget.measurement.components import IdStore
from seget.measurement.mesh import Floats, Mesh, merged
from seget.measurement.widths import widths

Ints = npt.NDArray[np.int64]
Halves = npt.NDArray[np.float16]
REACH = 3.5  # deviations of a Gaussian that are computed
# Smallest voxels: how far from the surface a distance matters to one smoothed by 1.7, 6 on either
# side of levels up to 2.5; and to be exact so far, at nodes smoothed by 1 and by 1.4 more.
NEAR, NEAR_HALO = 9, 20
KEPT_BYTES = 300_000_000  # of one object's distances; what is beyond is made anew each time
LEVELS = np.linspace(-2.5, 1.5, 41)  # among which that of the surface is sought, smallest voxels


@dataclass
class Fields:
    """Smoothed signed distances of one object, in its blocks.

    Those near the blocks' nodes are kept, as many as `room` allows, and smoothed further; the
    distances far inside, which only widths need, are made anew.
    """

    ids: IdStore
    number: int
    grid: Grid
    exact_nm: float
    smoothing: float = 1.0
    room: int = KEPT_BYTES
    _kept: dict[tuple[int, ...], tuple[Halves, Ints] | None] = field(default_factory=dict)

    def smooth(self, smoothing: float) -> None:
        """Smooth by so many smallest voxels from now on."""
        more = smoothing**2 - self.smoothing**2
        if more > 0:  # a Gaussian of a Gaussian is one of the sum of their squares
            for key, found in self._kept.items():
                if found is not None:
                    again = self._blurred(found[0].astype(np.float32), math.sqrt(more))
                    self._kept[key] = again.astype(np.float16), found[1]
        elif more < 0:
            self._kept, self.room = {}, KEPT_BYTES
        self.smoothing = smoothing

    def near(self, block: Block) -> tuple[Floats, Ints] | None:
        """Return the field as `far` does, good for where the surface may be and no farther."""
        key = tuple(block.low.tolist())
        if key in self._kept:
            kept = self._kept[key]
            return None if kept is None else (kept[0].astype(np.float32), kept[1])
        voxels = np.ceil(NEAR_HALO * self.grid.edge_nm / np.asarray(self.grid.voxel_size_nm))
        narrow = replace(block, halo=np.minimum(block.halo, voxels.astype(np.int64)))
        found = self._field(narrow, min(self.exact_nm, NEAR * self.grid.edge_nm))
        if found is None:
            self._kept[key] = None
        elif 2 * found[0].size <= self.room:
            self._kept[key] = found[0].astype(np.float16), found[1]
            self.room -= 2 * found[0].size
        return found

    def far(self, block: Block) -> tuple[Floats, Ints] | None:
        """Return the field in nm, positive inside, and its first index; None without a border."""
        return self._field(block, self.exact_nm)

    def _field(self, block: Block, exact_nm: float) -> tuple[Floats, Ints] | None:
        import edt

        mask, origin = block.mask(self.ids, self.number)
        if mask.all() or not mask.any():
            return None
        # As two labels without background: each voxel's distance from the nearest of the other.
        distance = edt.edt(mask.view(np.uint8) + np.uint8(1), anisotropy=self.grid.voxel_size_nm)
        np.negative(distance, out=distance, where=~mask)
        np.clip(distance, -exact_nm, exact_nm, out=distance)
        return self._blurred(distance, self.smoothing), origin

    def _blurred(self, distance: Floats, smoothing: float) -> Floats:
        sigma = [smoothing * self.grid.edge_nm / edge for edge in self.grid.voxel_size_nm]
        blurred = gaussian_filter(
            distance, sigma, mode="nearest", output=np.float32, truncate=REACH
        )
        return np.asarray(blurred)

    def contents(self, block: Block) -> Floats:
        """Return how many voxels of the block lie within each of the `LEVELS`: parts count."""
        found = self.near(block)
        if found is None:
            mask, origin = block.mask(self.ids, self.number)
            whole = np.count_nonzero(mask[block.own(self.ids.shape, origin)])
            return np.full(len(LEVELS), float(whole))
        distance, origin = found
        own = block.own(self.ids.shape, origin)
        around = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in own)
        inner = tuple(
            slice(a.start - b.start, a.stop - b.start) for a, b in zip(own, around, strict=True)
        )
        # Within a voxel the distance varies about as much as along an edge of this many nm.
        range_nm = np.zeros(distance[own].shape, np.float32)
        for axis in range(3):
            range_nm += np.gradient(distance[around], axis=axis)[inner] ** 2
        range_nm = np.sqrt(range_nm)
        edge = self.grid.edge_nm
        reach = LEVELS[-1] * edge + range_nm / 2
        sure = np.count_nonzero(distance[own] > reach)
        near = np.abs(distance[own]) <= reach
        values, ranges = distance[own][near], np.maximum(range_nm[near], 1e-6)
        parts = [np.clip((values - at * edge) / ranges + 0.5, 0, 1).sum() for at in LEVELS]
        return np.asarray(sure + np.array(parts, dtype=np.float64))

    def mesh(self, parts: list[Block], level: float, bare: bool = False) -> Mesh:
        """Return the whole surface at a level; `bare` is good for its area and volume alone."""
        meshes = [self.triangles(block, level, bare) for block in parts]
        found = [mesh for mesh in meshes if mesh is not None]
        return merged(found, self.grid.voxel_size_nm, unites=not bare)

    def triangles(self, block: Block, level: float, bare: bool = False) -> Mesh | None:
        """Return the surface in a block, its vertices in voxels; None where there is none."""
        from skimage.measure import marching_cubes

        found = self.near(block) if bare else self.far(block)
        if found is None:
            return None
        distance, origin = found
        nodes = distance[block.nodes(origin)]
        if not nodes.min() < level < nodes.max():
            return None
        vertices, triangles, _, _ = marching_cubes(nodes, level)
        place = vertices.astype(np.float64) + block.low
        mesh = Mesh(place * self.grid.voxel_size_nm, triangles.astype(np.int32))
        if not bare:
            size = self.grid.voxel_size_nm
            measured = widths(mesh, distance - level, origin, size, self.exact_nm)
            mesh.widths_nm, mesh.widths_voxels = measured
        mesh.vertices_nm = _to_border(place, self.ids.shape)
        return mesh


def _to_border(place: Floats, shape: tuple[int, int, int]) -> Floats:
    """Move what lies beyond the outermost voxels' middles onto their outer faces, in voxels.

    The layer of nodes beyond the border repeats the outermost one, so that a surface runs straight
    on between the two: it is cut where the voxels end, half way.
    """
    last = np.array(shape) - 1
    moved = np.where(place < 0, place / 2, place)
    return np.where(place > last, last + (place - last) / 2, moved)
