"""Distances between the surfaces of objects, and how much of them lies close together.

meshes of all objects -> for each object the nearest one of every structure

It never counts voxels: a distance transform goes from middle to middle of voxels, which is one
voxel too long. Between two surfaces that meet the distance is 0 up to a part of a voxel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from seget.listener import Listener
from seget.measurement import triangles
from seget.measurement.mesh import Mesh
from seget.threads import made_ahead

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
SOME = 200  # triangles that stand for all
PATCH_EDGES, SMALL_PATCH_EDGES = 12, 3  # edge of a patch of vertices, in edges of triangles
THREADS = 2
CANDIDATES = 64  # pairs of vertices whose triangles are looked at for the exact distance


@dataclass(frozen=True)
class Nearest:
    """The object `b` of a structure that is nearest to object `a`; objects count from 0.

    Attributes
    ----------
    a, b
        The objects; never the same.
    distance_nm
        Between their surfaces.
    contact_nm2
        Area of a's surface that lies within the contact distance of any object of b's structure.
    """

    a: int
    b: int
    distance_nm: float
    contact_nm2: float


@dataclass(frozen=True)
class _Patches:
    """Points in small patches.

    Attributes
    ----------
    patch
        Of each point.
    some
        `(patches, 3)` one point of each.
    farthest_nm
        `(patches,)` from that point to the patch's farthest.
    """

    patch: Ints
    some: Floats
    farthest_nm: Floats

    @classmethod
    def of(cls, points: Floats, edge_nm: float) -> _Patches:
        """Cut points into patches by a grid of cubes."""
        if not len(points):
            return cls(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros(0))
        cells = np.floor((points - points.min(axis=0)) / edge_nm).astype(np.int64)
        keys = np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1))
        _, first, patch = np.unique(keys, return_index=True, return_inverse=True)
        farthest_nm = np.zeros(len(first))
        np.maximum.at(farthest_nm, patch, np.linalg.norm(points - points[first[patch]], axis=1))
        return cls(patch, points[first], farthest_nm)

    def apart_nm(self, others: cKDTree) -> Floats:
        """Return how far each patch's point is from the nearest of the others, inf if none is."""
        return np.asarray(others.query(self.some)[0])

    def within(self, reach_nm: float, apart_nm: Floats) -> Ints:
        """Return which points may have one of the others within reach, by `apart_nm` of those."""
        return np.flatnonzero((apart_nm - self.farthest_nm <= reach_nm)[self.patch])


@dataclass
class _Body:
    """An object's mesh, its box, and a tree of its vertices that is made when first used."""

    mesh: Mesh
    low: Floats
    high: Floats
    _tree: Any = field(default=None, repr=False)
    _around: Any = field(default=None, repr=False)
    _patches: _Patches | None = field(default=None, repr=False)

    @property
    def tree(self) -> Any:
        """Tree of the vertices."""
        if self._tree is None:
            self._tree = cKDTree(self.mesh.vertices_nm)
        return self._tree

    @property
    def longest_edge(self) -> float:
        """About the longest edge of a triangle: that of some of them."""
        some = self.mesh.triangles[:: max(1, len(self.mesh.triangles) // SOME)]
        a, b = self.mesh.vertices_nm[some[:, 0]], self.mesh.vertices_nm[some[:, 1]]
        return float(np.linalg.norm(a - b, axis=1).max())

    @property
    def patches(self) -> _Patches:
        """Its vertices in patches."""
        if self._patches is None:
            edge_nm = PATCH_EDGES * self.longest_edge
            self._patches = _Patches.of(self.mesh.vertices_nm, edge_nm)
        return self._patches

    def patches_of(self, vertices: Ints) -> _Patches:
        """Return some of its vertices in smaller patches."""
        edge_nm = SMALL_PATCH_EDGES * self.longest_edge
        return _Patches.of(self.mesh.vertices_nm[vertices], edge_nm)

    def triangles_around(self, vertices: Ints) -> tuple[Ints, Ints]:
        """Return numbers of the triangles that have one of some vertices, and which vertex."""
        if self._around is None:
            owner = self.mesh.triangles.ravel()
            order = np.argsort(owner, kind="stable")
            starts = np.searchsorted(owner[order], np.arange(len(self.mesh.vertices_nm) + 1))
            self._around = order // 3, starts
        numbers, starts = self._around
        counts = starts[vertices + 1] - starts[vertices]
        which = np.repeat(np.arange(len(vertices)), counts)
        offset = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return numbers[starts[vertices][which] + offset], which


def nearest_objects(
    meshes: Sequence[Mesh],
    structures: Sequence[str],
    contact_nm: float,
    listener: Listener | None = None,
) -> list[Nearest]:
    """Return for every object the nearest object of each structure, its own included.

    Parameters
    ----------
    meshes, structures
        Of the objects; an object without triangles has no distances.
    contact_nm
        Distance up to which surface counts as in contact.
    listener
        Is told how many objects are done.

    Returns
    -------
    In the order of the objects, and of the structures' first objects.
    """
    listener = listener or Listener()
    bodies = {i: _body(mesh) for i, mesh in enumerate(meshes) if len(mesh.triangles)}
    groups = []
    for name in dict.fromkeys(structures):
        members = np.array([i for i in bodies if structures[i] == name], dtype=np.int64)
        if members.size:
            low = np.array([bodies[i].low for i in members.tolist()])
            high = np.array([bodies[i].high for i in members.tolist()])
            groups.append((members, low, high))

    def of(a: int) -> list[Nearest]:
        found = []
        for members, low, high in groups:
            gaps = np.maximum(low - bodies[a].high, bodies[a].low - high).clip(min=0)
            apart = np.where(members == a, np.inf, np.linalg.norm(gaps, axis=1))
            order = np.argsort(apart, kind="stable")
            others = [(int(members[k]), float(apart[k])) for k in order if np.isfinite(apart[k])]
            if others:
                found.append(_nearest(a, others, bodies, contact_nm))
        return found

    found: list[Nearest] = []
    for done, of_one in enumerate(made_ahead(of, bodies, THREADS), start=1):
        found += of_one
        listener.progress(done, len(bodies))
    return found


def _body(mesh: Mesh) -> _Body:
    return _Body(mesh, mesh.vertices_nm.min(axis=0), mesh.vertices_nm.max(axis=0))


def _nearest(
    a: int, others: Sequence[tuple[int, float]], bodies: Mapping[int, _Body], contact_nm: float
) -> Nearest:
    """Look at other objects in the order of their boxes' distances, until no box is near enough."""
    mine = bodies[a]
    vertices = mine.mesh.vertices_nm
    best, winner = np.inf, others[0][0]
    touched = np.zeros(len(vertices), bool)
    for number, apart in others:
        if apart > max(best, contact_nm):
            break
        other = bodies[number]
        # A vertex of each patch gives a bound, and leaves few patches to be looked at.
        patches = mine.patches
        apart_nm = patches.apart_nm(other.tree)
        bound = min(best, float(apart_nm.min()))
        reach = max(bound, contact_nm) + 2 * other.longest_edge
        within = patches.within(reach, apart_nm)
        within, distance, vertex = _nearest_vertices(mine, within, other, reach)
        touched[within[distance <= contact_nm]] = True
        near = np.argsort(distance)[:CANDIDATES]
        if near.size:
            exact = _exact(mine, within[near], other, vertex[near])
            exact = min(exact, float(distance[near[0]]))
            if exact < best:
                best, winner = exact, number
    areas = mine.mesh.vertex_areas_nm2
    return Nearest(a, winner, best, float(areas[touched].sum()))


def _nearest_vertices(a: _Body, of_a: Ints, b: _Body, reach: float) -> tuple[Ints, Floats, Ints]:
    """Return which vertices of a have one of b within reach, how far it is, and which.

    Seen from afar many vertices of a large surface are about equally near, and a tree of all is
    slow: so the patches of either, and smaller patches of what they leave, are looked at first.
    """
    mine, others = a.mesh.vertices_nm, b.mesh.vertices_nm
    of_b = b.patches.within(reach, b.patches.apart_nm(cKDTree(mine[of_a])))
    small = a.patches_of(of_a)
    of_a = of_a[small.within(reach, small.apart_nm(cKDTree(others[of_b])))]
    small = b.patches_of(of_b)
    of_b = of_b[small.within(reach, small.apart_nm(cKDTree(mine[of_a])))]
    distance, vertex = cKDTree(others[of_b]).query(mine[of_a], distance_upper_bound=reach)
    found = np.isfinite(distance)
    return of_a[found], distance[found], of_b[vertex[found]]


def _exact(a: _Body, of_a: Ints, b: _Body, of_b: Ints) -> float:
    """Distance of vertices from the other mesh's triangles around their nearest vertices."""
    best = np.inf
    for here, vertices, there, nearest in ((a, of_a, b, of_b), (b, of_b, a, of_a)):
        numbers, which = there.triangles_around(nearest)
        corners = there.mesh.vertices_nm[there.mesh.triangles[numbers]].astype(np.float64)
        points = here.mesh.vertices_nm[vertices[which]].astype(np.float64)
        found = triangles.distances(points, corners[:, 0], corners[:, 1], corners[:, 2])
        best = min(best, float(found.min(initial=np.inf)))
    return best
