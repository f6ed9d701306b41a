"""Surfaces, centroids and middle lines as IMOD models on the labels' image.

Measurement -> structures.mod (meshes), points.mod (a point an object, a line a tube)

It never computes them, and leaves the format to `files.imod`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.files import imod
from seget.measurement.measure import Measurement
from seget.measurement.rows import Measured

MESHES, POINTS = "structures.mod", "points.mod"
# IMOD counts y and x from a pixel's corner, z from the middle of a slice.
CORNER = np.array([0.0, 0.5, 0.5])


def write_models(out: Path, found: Measurement) -> None:
    """Write structures.mod and points.mod; an object of them is a structure."""
    surfaces, points = [], []
    for name in found.structures.names:
        mine = [one for one in found.objects if one.structure == name]
        colour = found.structures.colours[name]
        meshes = tuple(_mesh(one, found) for one in mine if len(one.mesh.triangles))
        surfaces.append(imod.ImodObject(name, colour, imod.Kind.CLOSED, (), meshes))
        spots = np.array([one.centroid_px for one in mine if one.line is None]).reshape(-1, 3)
        if len(spots):
            contour = imod.Contour((spots + CORNER).astype(np.float32))
            points.append(imod.ImodObject(name, colour, imod.Kind.SCATTERED, (contour,), (), 3))
        lines = tuple(
            imod.Contour(_in_pixels(one.line.points_nm, found)) for one in mine if one.line
        )
        if lines:
            points.append(imod.ImodObject(f"{name} lines", colour, imod.Kind.OPEN, lines))
    like = found.volume
    imod.write(out / MESHES, imod.model_on(like, tuple(surfaces)))
    imod.write(out / POINTS, imod.model_on(like, tuple(points)))


def _in_pixels(points_nm: npt.NDArray[Any], found: Measurement) -> npt.NDArray[np.float32]:
    return np.asarray(points_nm / np.asarray(found.voxel_size_nm) + CORNER, np.float32)


def _mesh(one: Measured, found: Measurement) -> imod.Mesh:
    vertices = _in_pixels(one.mesh.vertices_nm, found)
    normals = one.mesh.normals * np.asarray(found.voxel_size_nm)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-30)[:, None]
    return imod.Mesh(vertices, normals.astype(np.float32), one.mesh.triangles)
