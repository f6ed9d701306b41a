"""Triangles of a surface, in nm: area, normals, whether it is closed.

vertices + triangles -> Mesh; meshes of blocks -> one Mesh

It never knows voxels: `surface` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.volume import Triple

Floats = npt.NDArray[np.floating[Any]]
MERGED = 1e-4  # voxels: vertices nearer than this are one


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
    sharp_area_nm2
        Area of the object with its edges, see `surface`; None where it is not known to differ from
        that of the triangles.
    """

    vertices_nm: Floats
    triangles: npt.NDArray[np.int32]
    widths_nm: Floats = field(default_factory=lambda: np.zeros(0))
    widths_voxels: Floats = field(default_factory=lambda: np.zeros(0))
    sharp_area_nm2: float | None = None

    @property
    def areas_nm2(self) -> Floats:
        """`(m,)` area of each triangle."""
        a, b, c = (self.vertices_nm[self.triangles[:, i]].astype(np.float64) for i in range(3))
        return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)

    @property
    def area_nm2(self) -> float:
        """Area of the triangles."""
        return float(self.areas_nm2.sum())

    @property
    def surface_nm2(self) -> float:
        """Area of the object's surface, with the edges that the triangles round off if known."""
        return self.area_nm2 if self.sharp_area_nm2 is None else self.sharp_area_nm2

    @property
    def vertex_areas_nm2(self) -> Floats:
        """`(n,)` a third of the triangles around each vertex."""
        third = np.repeat(self.areas_nm2 / 3, 3)
        return _floats(np.bincount(self.triangles.ravel(), third, len(self.vertices_nm)))

    @property
    def is_closed(self) -> bool:
        """Whether every edge has a triangle on both sides."""
        a, b = self.triangles[:, [0, 1, 2]].ravel(), self.triangles[:, [1, 2, 0]].ravel()
        edges = np.minimum(a, b).astype(np.int64) * len(self.vertices_nm) + np.maximum(a, b)
        counts = np.unique(edges, return_counts=True)[1]
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


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)


def merged(parts: list[Mesh], voxel_size_nm: Triple, unites: bool = True) -> Mesh:
    """Return one mesh of the blocks': equal vertices become one, triangles without area go.

    Area and volume are the same if it `unites` nothing.
    """
    if not parts:
        return Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    place = np.concatenate([part.vertices_nm for part in parts])
    offsets = np.cumsum([0, *(len(part.vertices_nm) for part in parts[:-1])])
    triangles = np.concatenate([p.triangles + o for p, o in zip(parts, offsets, strict=True)])
    if not unites:
        return Mesh((place * voxel_size_nm).astype(np.float32), triangles.astype(np.int32))
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
