"""Stain on a block of voxels, from signed distances to surfaces.

signed distance (nm) -> share of each voxel that is covered -> stain, without jagged edges

It never knows a structure's name. A distance is negative inside. The covered share of a voxel is
computed as if the surface were flat within it and parallel to one of its faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.phantom.noise import lattice_noise

Floats = npt.NDArray[np.floating[Any]]
Points = npt.NDArray[np.float64]

# Stain of a membrane's leaflets, by definition about 1, and of the lipid tails between them.
LEAFLET, TAILS = 1.1, 0.55
# A unit membrane: two dense leaflets of 2.5 nm and 2 nm between them, 7 nm together
# (Robertson, Biochem. Soc. Symp., 1959).
MEMBRANE_NM, TAILS_NM = 7.0, 2.0


@dataclass(frozen=True)
class Block:
    """Voxel centres of a block in nm: `z (n, 1, 1)`, `y (1, n, 1)`, `x (1, 1, n)`, to broadcast."""

    z: Floats
    y: Floats
    x: Floats
    voxel_nm: float

    @property
    def centre(self) -> Points:
        """`(z, y, x)` middle of the block in nm."""
        return np.array([(a.flat[0] + a.flat[-1]) / 2 for a in (self.z, self.y, self.x)], float)

    @property
    def reach_nm(self) -> float:
        """Half of the block's diagonal, to the voxels' far corners."""
        edges = [a.flat[-1] - a.flat[0] + self.voxel_nm for a in (self.z, self.y, self.x)]
        return float(np.linalg.norm(edges)) / 2

    def along(self, centre: Any, axis: Any) -> Floats:
        """Coordinate of every voxel along the unit vector `axis`, 0 at `centre`: `(z, y, x)`."""
        z, y, x = (np.float32(value) for value in axis)
        offset = np.float32(np.dot(centre, axis))
        return np.asarray(z * self.z + (y * self.y - offset) + x * self.x, dtype=np.float32)

    def from_point(self, centre: Any) -> Floats:
        """Distance of every voxel from a point in nm: `(z, y, x)`."""
        z, y, x = (np.float32(value) for value in centre)
        square: Floats = (self.z - z) ** 2 + ((self.y - y) ** 2 + (self.x - x) ** 2)
        return np.sqrt(square)

    def from_path(self, path: Points, reach_nm: float) -> tuple[Floats, Floats] | None:
        """Distance of every voxel from a polyline, and the length along it of the nearest point.

        Parameters
        ----------
        path
            `(n, 3)` corners in nm.
        reach_nm
            Distances beyond this one need not be right.

        Returns
        -------
        Two `(z, y, x)` arrays in nm, or None where no voxel of the block is within reach.
        """
        starts, steps = path[:-1], np.diff(path, axis=0)
        lengths = np.linalg.norm(steps, axis=1)
        middles = starts + steps / 2
        far = self.reach_nm + reach_nm + lengths / 2
        near = np.flatnonzero(np.linalg.norm(middles - self.centre, axis=1) <= far)
        if not near.size:
            return None
        before = np.concatenate([[0.0], np.cumsum(lengths)])
        shape = (self.z.size, self.y.size, self.x.size)
        best, along = np.full(shape, np.inf, np.float32), np.zeros(shape, np.float32)
        for i in near:
            z, y, x = (axis - np.float32(c) for axis, c in zip(self._axes, starts[i], strict=True))
            dz, dy, dx = (steps[i] / lengths[i]).astype(np.float32)
            t = np.clip(dz * z + (dy * y + dx * x), 0, np.float32(lengths[i]))
            apart = (z - dz * t) ** 2 + (y - dy * t) ** 2 + (x - dx * t) ** 2
            nearer = apart < best
            np.copyto(best, apart, where=nearer)
            np.copyto(along, t + np.float32(before[i]), where=nearer)
        return np.sqrt(best), along

    def noise(self, scale_nm: float, seed: int) -> Floats:
        """Random field of mean 0 and variance 1, correlated over `scale_nm`: `(z, y, x)`."""
        # A period of the field, a blob and the gap to the next, is about two lattice steps.
        return lattice_noise(self._axes, scale_nm / 2, seed)

    @property
    def _axes(self) -> tuple[Floats, Floats, Floats]:
        return self.z, self.y, self.x


class Ink:
    """Stain to be laid on a block: how much of each voxel is covered, and with what.

    Attributes
    ----------
    cover
        `(z, y, x)` share of the voxel that is covered; of what was there, 1 - cover remains.
    stain
        `(z, y, x)` density that is added, already weighted by its share.
    inside
        `(z, y, x)` voxels whose centre lies within the structure: the mask, or None.
    membranes
        `(z, y, x)` voxels of unit membranes that nothing was laid over later, or None.
    """

    def __init__(self, block: Block) -> None:
        shape = (block.z.size, block.y.size, block.x.size)
        self.voxel_nm = np.float32(block.voxel_nm)
        self.cover: Floats = np.zeros(shape, dtype=np.float32)
        self.stain: Floats = np.zeros(shape, dtype=np.float32)
        self.inside: npt.NDArray[np.bool_] | None = None
        self.membranes: npt.NDArray[np.bool_] | None = None

    def lay(self, cover: Floats, stain: float | Floats) -> None:
        """Lay `stain` over what is there, on the share `cover` of each voxel."""
        self.cover += (1 - self.cover) * cover
        self.stain += (np.float32(1) * stain - self.stain) * cover
        if self.membranes is not None:
            self.membranes &= cover <= 0.5

    def fill(self, distance: Floats, stain: float | Floats) -> None:
        """Lay `stain` wherever `distance` is negative."""
        self.lay(covered(distance, self.voxel_nm), stain)

    def membrane(self, distance: Floats, strength: float = 1.0) -> None:
        """Lay a unit membrane whose middle is where `distance` is 0."""
        half, tails = MEMBRANE_NM / 2, TAILS_NM / 2
        whole = layer(distance, -half, half, self.voxel_nm)
        core = layer(distance, -tails, tails, self.voxel_nm)
        self.cover += (1 - self.cover) * whole
        leaflets = (whole - core) * np.float32(LEAFLET * strength)
        self.stain += leaflets + core * np.float32(TAILS * strength) - self.stain * whole
        # Where a voxel is wider than the membrane, still the one or two whose centre is nearest.
        seen = np.abs(distance) < max(half, float(self.voxel_nm) / 2)
        self.membranes = seen if self.membranes is None else self.membranes | seen


def covered(distance: Floats, voxel_nm: float | np.float32) -> Floats:
    """Share of each voxel inside a surface: 1 deep inside, 0 outside, 1/2 on it."""
    share: Floats = np.float32(0.5) - distance * np.float32(1 / voxel_nm)
    return np.clip(share, 0, 1)


def layer(distance: Floats, low: float, high: float, voxel_nm: float | np.float32) -> Floats:
    """Share of each voxel where `distance` lies between `low` and `high` nm."""
    outer = covered(distance - np.float32(high), voxel_nm)
    return outer - covered(distance - np.float32(low), voxel_nm)


def both(a: Floats, b: Floats, blend_nm: float = 0.0) -> Floats:
    """Signed distance to the intersection of `a` and `b`, edges rounded over `blend_nm`."""
    if not blend_nm:
        return np.maximum(a, b)
    near: Floats = np.clip(np.float32(blend_nm) - np.abs(a - b), 0, None)
    joined: Floats = np.maximum(a, b) + near * near * np.float32(0.25 / blend_nm)
    return joined


def either(a: Floats, b: Floats, blend_nm: float = 0.0) -> Floats:
    """Signed distance to the union of `a` and `b`, corners rounded over `blend_nm`."""
    return -both(-a, -b, blend_nm)
