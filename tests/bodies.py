"""Bodies whose volume, surface and width are known, as labels on voxels of any shape."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from seget.volume import Volume

Points = npt.NDArray[np.float64]
CUBIC, COARSE, FLAT = (2.3, 2.3, 2.3), (4.5, 4.5, 4.5), (9.0, 2.3, 2.3)
VOXELS = (CUBIC, COARSE, FLAT)
# Drawn here: scipy draws others from one seed in each of its versions.
TURNS = [
    Rotation.identity(),
    *Rotation.from_quat(np.random.default_rng(1).normal(size=(6, 4))),
]


@dataclass(frozen=True)
class Body:
    """What is known of a body around 0, in nm."""

    inside: Callable[[Points], npt.NDArray[np.bool_]]
    half: tuple[float, float, float]  # of its box
    volume: float
    surface: float
    width: float | None = None

    def labels(self, voxel: tuple[float, float, float], turn: Rotation, shift: float = 0) -> Volume:
        """Return the turned body in a volume in which it does not touch the border."""
        reach = math.hypot(*self.half) if turn.magnitude() else np.asarray(self.half)
        edges = (np.ceil(2 * (reach + 3 * np.asarray(voxel)) / voxel)).astype(int)
        axes = [(np.arange(n) - (n - 1) / 2) * v + shift for n, v in zip(edges, voxel, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        return Volume(self.inside(points @ turn.as_matrix()).astype(np.uint8), voxel)


def ball(radius: float) -> Body:
    return Body(
        lambda p: np.linalg.norm(p, axis=-1) < radius,
        (radius,) * 3,
        4 / 3 * math.pi * radius**3,
        4 * math.pi * radius**2,
    )


def rod(radius: float, length: float) -> Body:
    return Body(
        lambda p: (np.hypot(p[..., 1], p[..., 2]) < radius) & (abs(p[..., 0]) < length / 2),
        (length / 2, radius, radius),
        math.pi * radius**2 * length,
        2 * math.pi * radius * (length + radius),
    )


def slab(thick: float, wide: float) -> Body:
    def inside(p: Points) -> npt.NDArray[np.bool_]:
        return (abs(p[..., 0]) < thick / 2) & (np.abs(p[..., 1:]) < wide / 2).all(axis=-1)

    surface = 2 * wide**2 + 4 * wide * thick
    return Body(inside, (thick / 2, wide / 2, wide / 2), wide**2 * thick, surface, thick)


def tube_voxels(path: Points, radius: float, voxel: tuple[float, float, float]) -> Points:
    """Indices `(n, 3)` of the voxels within a radius of a finely drawn path in nm."""
    low = np.floor((path - radius) / voxel).astype(int)
    steps = [np.arange(int(2 * radius // v) + 2) for v in voxel]
    around = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    near = np.unique((low[:, None] + around).reshape(-1, 3), axis=0)
    return near[cKDTree(path).query(near * np.asarray(voxel))[0] < radius]
