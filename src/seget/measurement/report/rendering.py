"""A picture of surfaces, made without a screen and without a graphics library.

vertices + normals + colours -> (y, x, 3) bytes

It never draws a triangle: each vertex becomes a square of a voxel's size, and the nearest one is
seen. Surfaces of voxels have about a vertex a voxel, so that the squares cover them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.measurement.rows import Measured
from seget.volume import Triple

Floats = npt.NDArray[np.floating[Any]]
RGB = npt.NDArray[np.uint8]
BACKGROUND = (16, 20, 26)
WIDTH_PX = 1100
MOST_PX = 12.0  # of a voxel: a picture of few voxels is small
MOST_SQUARES = 4_000_000
TILT_DEG, TURN_DEG = 32.0, 20.0  # of the volume against the view from above
LIGHT = np.array([-0.45, -0.6, 0.66])  # x, y (downwards), towards the eye


def rendered(
    objects: Sequence[Measured], colours: dict[str, str], extent_nm: Floats, voxel_size_nm: Triple
) -> RGB:
    """Return a picture of the surfaces of objects, seen from above and a little from the side.

    Parameters
    ----------
    objects
        With their meshes.
    colours
        Structure -> `#rrggbb`.
    extent_nm
        `(3,)` z, y, x of the volume, which fills the picture.
    voxel_size_nm
        `(z, y, x)`; the largest edge is the size of a square.
    """
    turn = _view()
    corners = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)]) * extent_nm
    seen = corners[:, ::-1] @ turn.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = min(WIDTH_PX / float(high[0] - low[0]), MOST_PX / max(voxel_size_nm))
    height, width = (max(1, round(float(high[i] - low[i]) * scale)) for i in (1, 0))
    shape = height, width
    shown = [one for one in objects if len(one.mesh.triangles)]
    if not shown:
        return np.full((*shape, 3), BACKGROUND, np.uint8)
    square = max(1, int(np.ceil(max(voxel_size_nm) * scale)))
    total = sum(len(one.mesh.vertices_nm) for one in shown)
    step = max(1, total * square**2 // MOST_SQUARES)
    places = np.concatenate([one.mesh.vertices_nm[::step] for one in shown])[:, ::-1] @ turn.T
    normals = np.concatenate([one.mesh.normals[::step] for one in shown])[:, ::-1] @ turn.T
    paint = np.concatenate(
        [np.tile(_rgb(colours[one.structure]), (len(one.mesh.vertices_nm[::step]), 1))
         for one in shown]
    )  # fmt: skip
    # An open surface has no outside: what faces away is lit from behind.
    light = np.abs(normals @ (LIGHT / np.linalg.norm(LIGHT)))
    lit = (paint * (0.25 + 0.75 * light)[:, None]).clip(0, 255).astype(np.uint8)
    at = ((places[:, :2] - low[:2]) * scale).astype(np.int64)
    return _painted(at, places[:, 2], lit, shape, square + (step > 1))


def _view() -> Floats:
    """Rotation of x, y (downwards), z (towards the eye) to those of the picture."""
    a, b = np.radians(TILT_DEG), np.radians(TURN_DEG)
    turn = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    return np.asarray(tilt @ turn)


def _painted(
    at: npt.NDArray[np.int64], height: Floats, lit: RGB, shape: tuple[int, int], square: int
) -> RGB:
    """Paint a square for each vertex; of those at one pixel the highest is seen."""
    order = np.argsort(height, kind="stable")  # written last is seen
    at, height, lit = at[order], height[order], lit[order]
    picture = np.full((shape[0] * shape[1], 3), BACKGROUND, np.uint8)
    highest = np.full(shape[0] * shape[1], -np.inf)
    winner = np.full(shape[0] * shape[1], -1, np.int64)
    for dy in range(square):
        for dx in range(square):
            x, y = at[:, 0] + dx - square // 2, at[:, 1] + dy - square // 2
            within = np.flatnonzero((x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0]))
            pixel = y[within] * shape[1] + x[within]
            winner[:] = -1
            winner[pixel] = within
            taken = np.flatnonzero(winner >= 0)
            taken = taken[height[winner[taken]] > highest[taken]]
            highest[taken] = height[winner[taken]]
            picture[taken] = lit[winner[taken]]
    return picture.reshape(*shape, 3)


def _rgb(colour: str) -> Floats:
    """Return a colour a little lighter: pure blue is hardly seen on black."""
    plain = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float64)
    return plain * 0.8 + 0.2 * 255
