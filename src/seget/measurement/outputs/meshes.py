"""Surfaces as files of triangles, in angstroms, at their place in the volume's frame.

Measurement -> structures.glb with a coloured part an object, meshes/<structure>.stl

It never computes a surface. Angstroms, because ChimeraX places MRC files in them.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget import files
from seget.measurement.measure import Measurement
from seget.measurement.outputs.naming import names_of_files
from seget.measurement.rows import Measured

GLB = "structures.glb"
FOLDER = "meshes"
FORMATS = ("stl", "ply", "obj")
ANGSTROMS = 10.0  # a nm
MOST_TRIANGLES = 600_000  # of structures.glb: what has more is simplified
MOST_PARTS = 3000  # of more objects, a part is a structure


def write_meshes(out: Path, found: Measurement, format: str) -> None:
    """Write all surfaces into structures.glb, and those of each structure into a file of its own.

    Parameters
    ----------
    out
        The folder of the measurement.
    format
        One of `FORMATS`, for the structures' own files.
    """
    import trimesh

    _write(out / GLB, _scene(found).export(file_type="glb"))
    gc.collect()
    file_names = names_of_files(found.structures.names)
    for name in found.structures.names:
        objects = [one for one in found.objects if one.structure == name and _has_surface(one)]
        if objects:
            vertices, triangles = _joined(objects, found.origin_nm)
            mesh = trimesh.Trimesh(vertices, triangles, process=False)
            _write(out / FOLDER / f"{file_names[name]}.{format}", mesh.export(file_type=format))
            del mesh, vertices, triangles
            gc.collect()  # trimesh's objects refer to each other: some hundred bytes a triangle


def _write(path: Path, content: bytes | str) -> None:
    with files.atomic_path(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def xyz_angstroms(points_nm: npt.ArrayLike, origin_nm: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return points `(n, 3)` z, y, x from the first voxel as x, y, z in the volume's frame."""
    place = (np.asarray(points_nm, np.float64) + np.asarray(origin_nm)) * ANGSTROMS
    return np.asarray(place[:, ::-1])


def _has_surface(one: Measured) -> bool:
    return len(one.mesh.triangles) > 0


def _joined(
    objects: Sequence[Measured], origin_nm: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return vertices and triangles of several objects as one mesh."""
    counts = np.cumsum([0, *(len(one.mesh.vertices_nm) for one in objects)])
    vertices = np.concatenate([xyz_angstroms(one.mesh.vertices_nm, origin_nm) for one in objects])
    triangles = [one.mesh.triangles + n for one, n in zip(objects, counts[:-1], strict=True)]
    return vertices, np.concatenate(triangles).astype(np.int64)


def _scene(found: Measurement) -> Any:
    """Return the surfaces as named, coloured parts, with fewer triangles where there are many."""
    import trimesh

    objects = [one for one in found.objects if _has_surface(one)]
    total = sum(len(one.mesh.triangles) for one in objects)
    kept = min(1.0, MOST_TRIANGLES / max(total, 1))
    scene = trimesh.Scene()
    if len(objects) <= MOST_PARTS:
        groups = {f"{one.structure} {one.number}": [one] for one in objects}
    else:
        groups = {
            name: [one for one in objects if one.structure == name]
            for name in found.structures.names
        }
    for name, members in groups.items():
        if members:
            vertices, triangles = _fewer(*_joined(members, found.origin_nm), kept)
            mesh = trimesh.Trimesh(vertices, triangles, process=False)
            mesh.visual = _coloured(found.structures.colours[members[0].structure])
            scene.add_geometry(mesh, node_name=name, geom_name=name)
    if not groups:
        scene.add_geometry(trimesh.PointCloud(np.zeros((1, 3))), geom_name="nothing")
    return scene


def _fewer(
    vertices: npt.NDArray[np.float64], triangles: npt.NDArray[np.int64], kept: float
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return a mesh of about the share `kept` of the triangles."""
    import fast_simplification

    if kept >= 1 or len(triangles) < 200:
        return vertices, triangles
    # In its own frame: float32 far from the origin would lose the shape.
    corner = vertices.min(axis=0)
    points, faces = fast_simplification.simplify(
        (vertices - corner).astype(np.float32), triangles.astype(np.int32), 1 - kept
    )
    return points + corner, faces


def _coloured(colour: str) -> Any:
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    # An open surface is seen from both sides.
    material = PBRMaterial(
        baseColorFactor=[*parts, 255], metallicFactor=0.0, roughnessFactor=0.7, doubleSided=True
    )
    return TextureVisuals(material=material)
