"""The surface of an object as triangles, in nm.

numbers of voxels -> signed distance, smoothed by one voxel -> Mesh

It never holds more than a block of the object and its triangles. The surface is where the smoothed
signed distance has the level at which as many voxels lie within as the object has: smoothing alone
would shrink what is curved. At the border of the volume it is open: what lies beyond is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seget.measurement.blocks import Block, Grid
from seget.measurement.components import Box, IdStore
from seget.measurement.fields import LEVELS, Fields
from seget.measurement.mesh import Floats, Mesh, merged
from seget.volume import Triple

# Smallest voxels by which distances are smoothed; less where smoothing leaves nothing of an object.
SMOOTHINGS = (1.0, 0.5, 0.0)
STRONGER = 1.7  # smoothed so once more, to see what smoothing takes from the area
ROUNDS = 4  # surfaces made, at most, to enclose the volume
SAME_VOLUME, ALIKE_VOLUME = 0.003, 0.05  # relative: enough at once, enough in the end


def surface(
    ids: IdStore, number: int, boxes: Sequence[Box], voxels: int, voxel_size_nm: Triple
) -> Mesh:
    """Return the surface of one object.

    Smoothing rounds edges off, which takes from the area in proportion to how far it reaches, and
    leaves the area of what is smooth as it is. So the area of the object with its edges,
    `sharp_area_nm2`, is that of two smoothings carried on along a line to none.

    Parameters
    ----------
    ids, number
        Which voxels are the object's.
    boxes
        In which all its voxels lie; no two of them come near each other.
    voxels
        How many it has.
    voxel_size_nm
        `(z, y, x)` edges of a voxel.
    """
    grid = Grid(ids.shape, voxel_size_nm)
    parts = [block for box in boxes for block in grid.blocks(box)]
    fields = Fields(ids, number, grid, max(grid.exact_nm(box) for box in boxes))
    wanted = _Wanted(fields, parts, _around(boxes), voxels * float(np.prod(voxel_size_nm)))
    found = _Found(merged([], voxel_size_nm), 0.0, False)
    for smoothing in SMOOTHINGS:
        fields.smooth(smoothing)
        level = _level([fields.contents(block) for block in parts], voxels, grid.edge_nm)
        found = wanted.surface(level)
        if found.encloses:
            break
    mesh = fields.mesh(parts, found.level_nm)
    if found.encloses and smoothing == SMOOTHINGS[0]:
        fields.smooth(STRONGER)
        # What is curved shrinks with the square of the smoothing.
        again = wanted.surface(found.level_nm * (STRONGER / smoothing) ** 2)
        if again.encloses:
            lost = (mesh.area_nm2 - again.mesh.area_nm2) / (STRONGER - smoothing)
            mesh.sharp_area_nm2 = mesh.area_nm2 + lost * smoothing
    return mesh


@dataclass(frozen=True)
class _Found:
    """A surface, its level in nm, and whether it encloses about as much as it should."""

    mesh: Mesh
    level_nm: float
    encloses: bool


@dataclass(frozen=True)
class _Wanted:
    """The surface of an object that encloses a volume, in a field of distances."""

    fields: Fields
    parts: list[Block]
    whole: Box
    volume_nm3: float

    def surface(self, level: float) -> _Found:
        """Return the bare surface that encloses the volume, from about which level it has, in nm.

        Where the object is a few voxels thick levels are coarse; the triangles' volume is not.
        """
        grid, most = self.fields.grid, self.fields.grid.edge_nm / 2
        for turn in range(ROUNDS):
            mesh = self.fields.mesh(self.parts, level, bare=True)
            if not mesh.area_nm2:
                return _Found(mesh, level, False)
            enclosed = enclosed_nm3(
                mesh, self.fields.ids, self.fields.number, self.whole, grid.voxel_size_nm
            )
            missing = self.volume_nm3 - enclosed
            if abs(missing) < SAME_VOLUME * self.volume_nm3 or turn == ROUNDS - 1:
                break
            level -= float(np.clip(missing / mesh.area_nm2, -most, most))
        return _Found(mesh, level, abs(missing) < ALIKE_VOLUME * self.volume_nm3)


def _around(boxes: Sequence[Box]) -> Box:
    low = np.minimum.reduce([low for low, _ in boxes])
    return low, np.maximum.reduce([high for _, high in boxes])


def enclosed_nm3(mesh: Mesh, ids: IdStore, number: int, box: Box, voxel_size_nm: Triple) -> float:
    """Return the volume within a surface; where the border cuts it open, up to the border.

    By the theorem of Gauss, along the axis along which the border cuts the least. What the border
    cuts off at the axis' far end is counted in voxels.
    """
    shape, size = np.array(ids.shape), np.asarray(voxel_size_nm)
    near, far = box[0] == 0, box[1] == shape
    axis = int((near.astype(int) + far).argmin())
    start = -0.5 if near[axis] or not far[axis] else shape[axis] - 0.5
    a, b, c = (mesh.vertices_nm[mesh.triangles[:, i]].astype(np.float64) for i in range(3))
    height = (a + b + c)[:, axis] / 3 - start * size[axis]
    volume = float((height * np.cross(c - a, b - a)[:, axis] / 2).sum())
    if near[axis] and far[axis]:
        low, high = box[0].copy(), box[1].copy()
        low[axis] = shape[axis] - 1
        cut = np.count_nonzero(ids.box(low, high) == number)
        volume += cut * float(np.prod(size)) * float(shape[axis])
    return volume


def _level(contents: Sequence[Floats], voxels: int, edge: float) -> float:
    """Return the level within which there are as many voxels as the object has, in nm."""
    return float(np.interp(voxels, np.sum(contents, axis=0)[::-1], LEVELS[::-1])) * edge
