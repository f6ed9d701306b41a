"""How wide an object is below points of its surface, along the normals.

mesh + smoothed signed distance -> widths in nm and in voxels

It never looks at voxels: between them the distance is interpolated. Of a sheet this is its
thickness, of a tube its diameter, of a cleft the distance of the two membranes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from seget.volume import Triple

if TYPE_CHECKING:
    from seget.measurement.mesh import Mesh

Floats = npt.NDArray[np.floating[Any]]
RAY_EDGES = 3.0  # smallest voxels between rays, about: one for this squared of the surface
FEWEST_RAYS = 100
STEP = 0.5  # smallest voxels between samples along a ray


def widths(
    mesh: Mesh,
    distance_nm: Floats,
    origin: npt.NDArray[np.int64],
    voxel_size_nm: Triple,
    reach_nm: float,
) -> tuple[Floats, Floats]:
    """Return the widths below vertices spread over a mesh, in nm and in voxels: `(rays,)` each.

    Parameters
    ----------
    mesh
        Its vertices count from the first voxel of the volume.
    distance_nm, origin
        `(z, y, x)` positive inside, 0 on the surface, and the index of its first voxel.
    voxel_size_nm
        `(z, y, x)` edges of a voxel.
    reach_nm
        Length of the rays; nan for what is wider.
    """
    size = np.asarray(voxel_size_nm)
    step = STEP * min(voxel_size_nm)
    chosen = _spread(mesh.vertex_areas_nm2, (RAY_EDGES * min(voxel_size_nm)) ** 2)
    start, inwards = mesh.vertices_nm[chosen], -mesh.normals[chosen]
    lengths = np.arange(1, int(reach_nm / step) + 2) * step
    points = start[:, None] + inwards[:, None] * lengths[:, None]
    at = np.moveaxis(points / size - origin, 2, 0)
    sampled = map_coordinates(distance_nm, at, order=1, mode="constant", cval=np.inf)
    outside = sampled < 0
    outside[:, 0] = False  # the surface itself is at 0, up to rounding
    ends = outside.argmax(axis=1)
    rows = np.arange(len(ends))
    inner, outer = sampled[rows, ends - 1], sampled[rows, ends]
    with np.errstate(invalid="ignore"):
        part = np.clip(inner / (inner - outer), 0, 1)
        found = np.where(outside.any(axis=1), lengths[ends - 1] + part * step, np.nan)
    return found, found * np.linalg.norm(inwards / size, axis=1)


def _spread(areas: Floats, each: float) -> npt.NDArray[np.int64]:
    """Return vertices spread evenly over a surface: of flat voxels they lie unevenly on it."""
    total = np.cumsum(areas)
    count = max(FEWEST_RAYS, round(float(total[-1]) / each))
    at = (np.arange(count) + 0.5) / count * total[-1]
    return np.asarray(np.searchsorted(total, at).clip(max=len(areas) - 1))
