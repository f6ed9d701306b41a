"""The surface of an object as triangles, in nm.

numbers of voxels -> signed distance, smoothed by one voxel -> Mesh

It never holds more than a block of the object and its triangles. The surface is where the smoothed
signed distance has the level at which as many voxels lie within as the object has: smoothing alone
would shrink what is curved. At the border of the volume it is open: what lies beyond is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from seget.measurement.blocks import Block, Grid
from seget.measurement.components import Box, IdStore
from seget.measurement.widths import widths
from seget.volume import Triple

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]
LEVELS = np.linspace(-2.5, 1.5, 41)  # among which that of the surface is sought, smallest voxels
MERGED = 1e-4  # voxels: vertices nearer than this are one
# Smallest voxels by which distances are smoothed; less where smoothing leaves nothing of an object.
SMOOTHINGS = (1.0, 0.5, 0.0)
ROUNDS = 4  # surfaces made, at most, to enclose the volume
SAME_VOLUME, ALIKE_VOLUME = 0.003, 0.05  # relative: enough at once, enough in the end
KEPT_VOXELS = 20_000_000  # of an object's blocks: of fewer, distances are kept and not made again


@dataclass
class Mesh:
    """A surface of triangles.

    Attributes
    ----------
    vertices_nm
        `(n, 3)` z, y, x, counted from the middle of the volume's first voxel.
    triangles
        `(m, 3)` numbers of vertices; seen from outside they run counterclockwise in x, y, z.
    widths_nm
        For some vertices, how far the object reaches below them along the normal; nan where that
        is more than about 35 voxels, or where the object goes on beyond the border.
    widths_voxels
        The same, counted in the edges of a voxel along that normal.
    """

    vertices_nm: Floats
    triangles: npt.NDArray[np.int32]
    widths_nm: Floats = field(default_factory=lambda: np.zeros(0))
    widths_voxels: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def areas_nm2(self) -> Floats:
        """`(m,)` area of each triangle."""
        a, b, c = (self.vertices_nm[self.triangles[:, i]].astype(np.float64) for i in range(3))
        return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)

    @property
    def area_nm2(self) -> float:
        """Area of the surface."""
        return float(self.areas_nm2.sum())

    @property
    def vertex_areas_nm2(self) -> Floats:
        """`(n,)` a third of the triangles around each vertex."""
        third = np.repeat(self.areas_nm2 / 3, 3)
        return _floats(np.bincount(self.triangles.ravel(), third, len(self.vertices_nm)))

    @property
    def is_closed(self) -> bool:
        """Whether every edge has a triangle on both sides."""
        edges = np.sort(self.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        counts = np.unique(edges, axis=0, return_counts=True)[1]
        return bool(edges.size) and bool((counts % 2 == 0).all())

    @property
    def normals(self) -> Floats:
        """`(n, 3)` unit vectors out of the surface, z, y, x."""
        a, b, c = (self.vertices_nm[self.triangles[:, i]].astype(np.float64) for i in range(3))
        # Vectors are z, y, x, whose handedness is the other: the product points outwards so.
        across = np.repeat(np.cross(c - a, b - a), 3, axis=0)
        owner = self.triangles.ravel()
        summed = [np.bincount(owner, across[:, i], len(self.vertices_nm)) for i in range(3)]
        total = np.stack(summed, axis=1)
        return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1), 1e-30)[:, None])


def surface(
    ids: IdStore, number: int, boxes: Sequence[Box], voxels: int, voxel_size_nm: Triple
) -> Mesh:
    """Return the surface of one object.

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
    whole = _around(boxes)
    parts = [block for box in boxes for block in grid.blocks(box)]
    fields = _Fields(ids, number, grid, max(grid.exact_nm(box) for box in boxes))
    fields.keeps = sum(float(np.prod(b.high - b.low + 2 * b.halo)) for b in parts) < KEPT_VOXELS
    wanted = voxels * float(np.prod(voxel_size_nm))
    mesh = _merged([], voxel_size_nm)
    for smoothing in SMOOTHINGS:
        fields.smooth_less(smoothing)
        level = _level([fields.contents(block) for block in parts], voxels, grid.edge_nm)
        # Where the object is a few voxels thick that is coarse; the triangles' volume is not.
        for _ in range(ROUNDS):
            mesh = fields.mesh(parts, level)
            if not mesh.area_nm2:
                break
            missing = wanted - enclosed_nm3(mesh, ids, number, whole, voxel_size_nm)
            if abs(missing) < SAME_VOLUME * wanted:
                return mesh
            most = grid.edge_nm / 2
            level -= float(np.clip(missing / mesh.area_nm2, -most, most))
        else:
            if abs(missing) < ALIKE_VOLUME * wanted:
                return mesh
    return mesh


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


@dataclass
class _Fields:
    """Smoothed signed distances of one object, in its blocks."""

    ids: IdStore
    number: int
    grid: Grid
    exact_nm: float
    smoothing: float = 1.0
    keeps: bool = False
    _kept: dict[tuple[int, ...], tuple[Floats, Ints] | None] = field(default_factory=dict)

    def smooth_less(self, smoothing: float) -> None:
        """Smooth by so many smallest voxels from now on."""
        self.smoothing = smoothing
        self._kept = {}

    def smoothed(self, block: Block) -> tuple[Floats, Ints] | None:
        """Return the field in nm, positive inside, and its first index; None without a border."""
        key = tuple(block.low.tolist())
        if key in self._kept:
            return self._kept[key]
        found = self._smoothed(block)
        if self.keeps:
            self._kept[key] = found
        return found

    def _smoothed(self, block: Block) -> tuple[Floats, Ints] | None:
        import edt

        mask, origin = block.mask(self.ids, self.number)
        if mask.all() or not mask.any():
            return None
        size = self.grid.voxel_size_nm
        distance = edt.edt(mask, anisotropy=size)
        distance -= edt.edt(~mask, anisotropy=size)
        np.clip(distance, -self.exact_nm, self.exact_nm, out=distance)
        sigma = [self.smoothing * self.grid.edge_nm / edge for edge in size]
        return gaussian_filter(distance, sigma, mode="nearest", output=np.float32), origin

    def contents(self, block: Block) -> Floats:
        """Return how many voxels of the block lie within each of the `LEVELS`: parts count."""
        found = self.smoothed(block)
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

    def mesh(self, parts: list[Block], level: float) -> Mesh:
        """Return the whole surface at a level."""
        meshes = [self.triangles(block, level) for block in parts]
        return _merged([mesh for mesh in meshes if mesh is not None], self.grid.voxel_size_nm)

    def triangles(self, block: Block, level: float) -> Mesh | None:
        """Return the surface in a block, its vertices in voxels; None where there is none."""
        from skimage.measure import marching_cubes

        found = self.smoothed(block)
        if found is None:
            return None
        distance, origin = found
        nodes = distance[block.nodes(origin)]
        if not nodes.min() < level < nodes.max():
            return None
        vertices, triangles, _, _ = marching_cubes(nodes, level)
        place = vertices.astype(np.float64) + block.low
        mesh = Mesh(place * self.grid.voxel_size_nm, triangles.astype(np.int32))
        measured = widths(mesh, distance - level, origin, self.grid.voxel_size_nm, self.exact_nm)
        mesh.widths_nm, mesh.widths_voxels = measured
        mesh.vertices_nm = _to_border(place, self.ids.shape)
        return mesh


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _to_border(place: Floats, shape: tuple[int, int, int]) -> Floats:
    """Move what lies beyond the outermost voxels' middles onto their outer faces, in voxels.

    The layer of nodes beyond the border repeats the outermost one, so that a surface runs straight
    on between the two: it is cut where the voxels end, half way.
    """
    last = np.array(shape) - 1
    moved = np.where(place < 0, place / 2, place)
    return np.where(place > last, last + (place - last) / 2, moved)


def _level(contents: Sequence[Floats], voxels: int, edge: float) -> float:
    """Return the level within which there are as many voxels as the object has, in nm."""
    return float(np.interp(voxels, np.sum(contents, axis=0)[::-1], LEVELS[::-1])) * edge


def _merged(parts: list[Mesh], voxel_size_nm: Triple) -> Mesh:
    """Return one mesh of the blocks': equal vertices become one, triangles without area go."""
    if not parts:
        return Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    place = np.concatenate([part.vertices_nm for part in parts])
    offsets = np.cumsum([0, *(len(part.vertices_nm) for part in parts[:-1])])
    triangles = np.concatenate([p.triangles + o for p, o in zip(parts, offsets, strict=True)])
    _, first, inverse = np.unique(
        np.round(place / MERGED).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    triangles = inverse.ravel()[triangles]
    a, b, c = triangles.T
    kept = triangles[(a != b) & (b != c) & (c != a)]
    return Mesh(
        (place[first] * voxel_size_nm).astype(np.float32),
        kept.astype(np.int32),
        np.concatenate([part.widths_nm for part in parts]),
        np.concatenate([part.widths_voxels for part in parts]),
    )
