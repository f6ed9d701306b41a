"""One object of a model, drawn into the slices of an image.

ImodObject + ModelToImage -> Drawing: z -> mask

Closed contours are areas, open ones lines as thick as their radius, points are balls. It never
draws a mesh, and never reads a voxel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.files.imod.contours import Mask, fill
from seget.files.imod.model import Contour, ImodObject, Kind
from seget.files.imod.model_to_image import ModelToImage
from seget.volume import Volume

MOST_SPREAD = 1.0  # slices that the points of one area may be apart


@dataclass(frozen=True, eq=False)
class Drawing:
    """An object in the pixels of an image.

    Attributes
    ----------
    shape
        `(y, x)` extent of a slice.
    areas
        For every slice of the model that holds any: the slices of the image it covers, and its
        polygons, `(n, 2)` y, x each.
    lines
        `(n, 2, 4)` z, y, x, radius of both ends of straight pieces; a ball has twice the same end.
        All in pixels along x.
    height_px
        How far slices are apart, in pixels along x.
    width_px
        How far rows are apart, in pixels along x.
    """

    shape: tuple[int, int]
    areas: tuple[tuple[range, tuple[npt.NDArray[np.float64], ...]], ...]
    lines: npt.NDArray[np.float64]
    height_px: float
    width_px: float

    def slice(self, z: int) -> Mask:
        """Return slice `z` of the image, `(y, x)`, True where the object is."""
        mask = np.zeros(self.shape, np.bool_)
        for covered, polygons in self.areas:
            if z in covered:
                mask |= fill(polygons, self.shape)
        height = z * self.height_px
        near = np.abs(_clamped(self.lines[..., 0], height) - height) <= self.lines[..., 3].max(1)
        for line in self.lines[near]:
            self._draw(mask, height, line)
        return mask

    def _draw(self, mask: Mask, height: float, line: npt.NDArray[np.float64]) -> None:
        """Add the pixels whose centres are within the radius of a piece of a line."""
        radius = line[:, 3].max()
        rows = _reach(line[:, 1] / self.width_px, radius / self.width_px, self.shape[0])
        columns = _reach(line[:, 2], radius, self.shape[1])
        y = (np.arange(rows.start, rows.stop)[:, None] + 0.5) * self.width_px - line[0, 1]
        x = np.arange(columns.start, columns.stop) + 0.5 - line[0, 2]
        z = height - line[0, 0]
        dz, dy, dx = line[1, :3] - line[0, :3]
        length = dz * dz + dy * dy + dx * dx
        # How far along the piece the nearest point is, from 0 to 1.
        along = np.clip((z * dz + y * dy + x * dx) / length, 0, 1) if length else 0.0
        away = (z - along * dz) ** 2 + (y - along * dy) ** 2 + (x - along * dx) ** 2
        mask[rows, columns] |= away <= (line[0, 3] + along * (line[1, 3] - line[0, 3])) ** 2


def _clamped(ends: npt.NDArray[np.float64], height: float) -> npt.NDArray[np.float64]:
    """Return the z of pieces that is nearest to a height; `(n, 2)` z of both ends."""
    return np.asarray(np.clip(height, ends.min(axis=1), ends.max(axis=1)))


def _reach(ends: npt.NDArray[np.float64], radius: float, extent: int) -> slice:
    low = math.floor(min(max(ends.min() - radius, 0), extent))
    high = math.ceil(min(max(ends.max() + radius, 0), extent))
    return slice(low, high)


def drawing(one: ImodObject, to_image: ModelToImage, like: Volume, who: str) -> Drawing:
    """Prepare an object to be drawn.

    Parameters
    ----------
    one
        The object.
    to_image
        From pixels of its model to pixels of the image.
    like
        The image; its voxels are not read.
    who
        The file and the object, for messages.

    Raises
    ------
    InputError
        If it has nothing but meshes, an area is not within a slice, or a line or a point has no
        radius.
    """
    if one.meshes and not one.contours:
        raise InputError(
            f"{who} holds only a mesh, wanted contours or points; leave it out, or name another "
            "with --object."
        )
    size = like.voxel_size_nm or (1.0, 1.0, 1.0)
    height, width = size[0] / size[2], size[1] / size[2]
    areas: dict[int, list[npt.NDArray[np.float64]]] = {}
    lines = [np.zeros((0, 2, 4))]
    for number, contour in enumerate(one.contours, start=1):
        name = f"{who}, contour {number}"
        if not len(contour.points_zyx):
            continue
        points = to_image.points(contour.points_zyx)
        if one.kind is Kind.CLOSED and not contour.open:
            areas.setdefault(_slice_of(contour, name), []).append(points[:, 1:])
            continue
        ends = np.column_stack([points * (height, width, 1), _radii(one, contour, to_image, name)])
        is_line = one.kind is not Kind.SCATTERED and len(ends) > 1
        lines.append(np.stack([ends[:-1], ends[1:]] if is_line else [ends, ends], axis=1))
    depth, *extents = like.shape
    covered = [(to_image.slices(z, depth), tuple(polygons)) for z, polygons in areas.items()]
    return Drawing(
        (extents[0], extents[1]),
        tuple((slices, polygons) for slices, polygons in covered if slices),
        np.concatenate(lines),
        height,
        width,
    )


def _slice_of(contour: Contour, name: str) -> int:
    """Return the slice nearest to the mean z of an area, the upper one of two equally near."""
    z = contour.points_zyx[:, 0].astype(np.float64)
    if z.max() - z.min() > MOST_SPREAD:
        raise InputError(
            f"{name} goes from slice {z.min():g} to {z.max():g} (from 0), wanted an area within "
            "one slice; draw it on slices in z, or make its object one of open contours."
        )
    return math.floor(float(z.mean()) + 0.5)


def _radii(
    one: ImodObject, contour: Contour, to_image: ModelToImage, name: str
) -> npt.NDArray[Any]:
    """`(points,)` radii in pixels of the image along x."""
    own = np.full(len(contour.points_zyx), float(one.radius_px))
    if contour.radii_px is not None:
        stated = contour.radii_px.astype(np.float64)
        own = np.where(stated >= 0, stated, own)
    if not (own > 0).all():
        raise InputError(
            f"{name} is of points or an open line without a radius, wanted a sphere radius above "
            "0; set one in 3dmod under Edit, Object, Type, and save the model."
        )
    return own * to_image.scale[2]
