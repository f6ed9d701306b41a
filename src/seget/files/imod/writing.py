"""IMOD models in the binary format, version 1.2, written.

Model -> .mod

It never invents a number, except how objects look on the screen: that is 3dmod's own default. Here,
and only here, z, y, x become x, y, z.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.files.imod import layout
from seget.files.imod.model import ANGSTROM_NM, Contour, DrawnOn, ImodObject, Kind, Mesh, Model
from seget.files.storage.atomic import atomic_path

MODEL_FLAGS = (
    layout.MODEL_Z_FROM_MINUS_HALF
    | layout.MODEL_MATERIAL_BYTES
    | layout.MODEL_HAS_ORIGIN
    | layout.MODEL_HAS_ANGLES
)
OBJECT_FLAGS = {
    Kind.CLOSED: 0,
    Kind.OPEN: layout.OBJECT_OPEN,
    Kind.SCATTERED: layout.OBJECT_SCATTERED,
}


def write(path: Path, model: Model) -> None:
    """Write a model, atomically.

    Raises
    ------
    InputError
        If a folder has the name, or the model was drawn with y and z exchanged.
    """
    if model.flipped:
        raise InputError(
            f"{path}: the model was drawn with y and z exchanged, wanted one in the image's own "
            "order; open it in 3dmod without -Y and save it."
        )
    with atomic_path(path) as part, part.open("wb") as file:
        file.write(layout.MAGIC + _header(model))
        for one in model.objects:
            for chunk in _object(one):
                file.write(chunk)
        if model.drawn_on:
            file.write(_chunk(b"MINX", _minx(model.drawn_on)))
        file.write(b"IEOF")


def _header(model: Model) -> bytes:
    head = np.zeros((), layout.HEADER)
    head["name"] = _text(model.name, 128)
    head["max"] = model.shape[::-1]
    head["objsize"] = len(model.objects)
    head["flags"] = MODEL_FLAGS
    head["drawmode"] = head["mousemode"] = 1
    head["levels"] = (0, 255)
    head["scale"] = 1
    if model.drawn_on:
        size = model.drawn_on.voxel_size_nm
        head["scale"][2] = size[0] / size[2]
    head["res"] = 3
    head["thresh"] = 128
    head["pixsize"] = model.pixel_size_nm or 1
    head["units"] = layout.NM if model.pixel_size_nm else 0
    return head.tobytes()


def _object(one: ImodObject) -> Iterator[bytes]:
    head = np.zeros((), layout.OBJT)
    head["name"] = _text(one.name, 64)
    head["contsize"] = len(one.contours)
    head["meshsize"] = len(one.meshes)
    head["flags"] = OBJECT_FLAGS[one.kind]
    if one.meshes:
        head["flags"] |= layout.OBJECT_MESH | layout.OBJECT_FILL | layout.OBJECT_NO_LINE
    head["drawmode"] = 1
    head["colour"] = [int(one.colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    head["pdrawsize"] = one.radius_px
    head["symbol"] = head["linewidth"] = head["linewidth2"] = 1
    head["symsize"] = 3
    yield b"OBJT" + head.tobytes()
    for contour in one.contours:
        yield _contour(contour)
    for mesh in one.meshes:
        yield _mesh(mesh)
    material = np.zeros((), layout.IMAT)
    material["ambient"], material["diffuse"] = 102, 255
    material["specular"], material["shininess"] = 127, 4
    yield _chunk(b"IMAT", material.tobytes())


def _contour(contour: Contour) -> bytes:
    head = np.zeros((), layout.CONT)
    head["psize"] = len(contour.points_zyx)
    head["flags"] = layout.CONTOUR_OPEN if contour.open else 0
    stored = b"CONT" + head.tobytes() + _xyz(contour.points_zyx)
    if contour.radii_px is not None:
        stored += _chunk(b"SIZE", np.asarray(contour.radii_px).astype(layout.POINT).tobytes())
    return stored


def _mesh(mesh: Mesh) -> bytes:
    vertices = np.asarray(mesh.vertices_zyx)
    # Vertices and normals alternate, so that vertex i is number 2 i of the list.
    pairs = np.stack([vertices, np.asarray(mesh.normals_zyx)], axis=1).reshape(-1, 3)
    triangles = (2 * np.asarray(mesh.triangles, np.int64)).ravel()
    words = np.r_[layout.POLYGON_VERTICES, triangles, layout.POLYGON_END, layout.LIST_END]
    head = np.zeros((), layout.MESH)
    head["vsize"] = len(pairs)
    head["lsize"] = words.size
    listed: bytes = words.astype(layout.INDEX).tobytes()
    return b"MESH" + head.tobytes() + _xyz(pairs) + listed


def _minx(drawn: DrawnOn) -> bytes:
    stored = np.zeros((), layout.MINX)
    stored["oscale"] = stored["cscale"] = np.array(drawn.voxel_size_nm[::-1]) / ANGSTROM_NM
    # IMOD's origin is the negative of the MRC2014 format's; + 0.0 makes -0.0 plain zero.
    stored["otrans"] = stored["ctrans"] = -np.array(drawn.origin_nm[::-1]) / ANGSTROM_NM + 0.0
    stored["orot"] = stored["crot"] = drawn.angles
    return stored.tobytes()


def _chunk(letters: bytes, body: bytes) -> bytes:
    return letters + len(body).to_bytes(4, "big") + body


def _xyz(points_zyx: npt.NDArray[Any]) -> bytes:
    stored: bytes = np.asarray(points_zyx)[:, ::-1].astype(layout.POINT).tobytes()
    return stored


def _text(text: str, room: int) -> bytes:
    """UTF-8 that fits with a zero behind it, cut between letters."""
    return text.encode()[: room - 1].decode(errors="ignore").encode()
