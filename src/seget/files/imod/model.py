"""What an IMOD model is: objects, their contours and meshes, and the image they were drawn on.

names, points, radii, triangles -> Model

It never touches a file. Everything is in (z, y, x) and pixels of the image that was drawn on: in y
and x the first pixel reaches from 0 to 1, its centre is at 0.5; in z a whole number is the middle
of a slice. Lengths are in nanometres.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.files.mrc import header as mrc_header
from seget.volume import Triple, Volume

Floats = npt.NDArray[np.float32]

ANGSTROM_NM = 0.1


class Kind(Enum):
    """What the points of an object's contours are: the corners of areas, of lines, or spots."""

    CLOSED = "closed"
    OPEN = "open"
    SCATTERED = "scattered"


@dataclass(frozen=True, eq=False)
class Contour:
    """Points drawn one after the other.

    Attributes
    ----------
    points_zyx
        `(points, 3)` z, y, x.
    radii_px
        `(points,)` radii in pixels along x, negative for the object's own; None for all its own.
    open
        Whether it is a line though its object is of closed contours.
    """

    points_zyx: Floats
    radii_px: Floats | None = None
    open: bool = False


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface of triangles.

    Attributes
    ----------
    vertices_zyx
        `(vertices, 3)` z, y, x.
    normals_zyx
        `(vertices, 3)` z, y, x of the direction out of the surface.
    triangles
        `(triangles, 3)` numbers of vertices, 0-based.
    """

    vertices_zyx: Floats
    normals_zyx: Floats
    triangles: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class ImodObject:
    """What belongs together in a model: one structure.

    Attributes
    ----------
    name
        At most 63 bytes of UTF-8 are stored.
    colour
        `#rrggbb`.
    kind
        What its contours are.
    contours, meshes
        Its drawing; an area may have holes, see `contours.py`.
    radius_px
        Radius of points without a radius of their own, whole pixels along x; 0 for none.
    """

    name: str
    colour: str = "#00ff00"
    kind: Kind = Kind.CLOSED
    contours: tuple[Contour, ...] = ()
    meshes: tuple[Mesh, ...] = ()
    radius_px: int = 0


@dataclass(frozen=True)
class DrawnOn:
    """Voxel size, origin and rotation of the image a model was last drawn on (the chunk MINX).

    Attributes
    ----------
    voxel_size_nm
        `(z, y, x)`; 0.1, an angstrom, where that image knew none.
    origin_nm
        `(z, y, x)` position of the first voxel, as in MRC2014. IMOD stores the negative.
    angles
        `(x, y, z)` by which the image is turned against its first pose, in degrees.
    """

    voxel_size_nm: Triple
    origin_nm: Triple
    angles: Triple = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Model:
    """An IMOD model.

    Attributes
    ----------
    objects
        Its objects; IMOD counts them from 1.
    shape
        `(z, y, x)` extent in voxels of the image that was drawn on, zeros if unknown.
    name
        At most 127 bytes of UTF-8 are stored.
    pixel_size_nm
        Edge of a pixel along x, None if unknown.
    drawn_on
        Voxel size and origin of that image, None if the file does not say.
    flipped
        Whether it was drawn on an image with y and z exchanged.
    """

    objects: tuple[ImodObject, ...]
    shape: tuple[int, int, int] = (0, 0, 0)
    name: str = ""
    pixel_size_nm: float | None = None
    drawn_on: DrawnOn | None = None
    flipped: bool = False


def model_on(like: Volume, objects: tuple[ImodObject, ...], name: str = "") -> Model:
    """Return a model of objects in pixels of an image, with that image's voxel size and origin."""
    size = like.voxel_size_nm
    # Without a voxel size IMOD counts an angstrom a pixel, and an origin would mean nothing.
    drawn = DrawnOn(
        size or (ANGSTROM_NM, ANGSTROM_NM, ANGSTROM_NM),
        like.origin_nm if size and like.origin_nm else (0.0, 0.0, 0.0),
        angles(like),
    )
    return Model(objects, like.shape, name or like.name, size[2] if size else None, drawn)


def angles(like: Volume) -> Triple:
    """`(x, y, z)` by which an MRC file says that its image was turned, in degrees, else zeros."""
    if like.grid is None:
        return (0.0, 0.0, 0.0)
    header: Any = np.frombuffer(like.grid, mrc_header.HEADER)[0]
    # By way of Python's floats: NumPy's own conversion warns of a signalling NaN.
    x, y, z = np.nan_to_num(header["tilt_angles"].tolist()[3:]).tolist()
    return x, y, z


def object_names(model: Model) -> list[str]:
    """Return a name for each object, all different: its own, else `object 2`, else `golgi 2`."""
    names: list[str] = []
    for number, one in enumerate(model.objects, start=1):
        name = one.name.strip() or f"object {number}"
        while name in names:
            name = f"{name} {number}"
        names.append(name)
    return names
