"""A tissue of many cells, packed side by side as in nerve tissue: membranes everywhere.

random numbers + extent (nm) -> sites of cells -> distance to the next border -> Ink

It never places what is in the cells. They are a power diagram, a Voronoi diagram whose sites have
sizes: stretched along one direction, since neurites run in bundles, and warped, since borders are
not flat. Between two cells lie two membranes and a gap of 8 to 20 nm (Alberts et al., Molecular
Biology of the Cell; Van Harreveld et al., J. Cell Biol. 1965).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from seget.phantom.ink import MEMBRANE_NM, Block, Floats, Ink, both
from seget.phantom.noise import lattice_noise
from seget.phantom.placing import Points, Thing, direction

Numbers = npt.NDArray[np.int64]

# How borders are warped: wavelength and deviation in nm. Each turns a border by a quarter at most.
WARPS = ((1100.0, 45.0), (330.0, 12.0))
# Distances beyond these need not be right: of what is painted, and of what is placed.
PAINTED_NM, PLACED_NM = 40.0, 250.0
PIECE_PX = 24
SYNAPSES_UM2 = 0.7  # of the scene
DENSITY_NM = (36.0, 10.0)  # in the cell behind the synapse, and before it
SOMA_NM = (500.0, 900.0)
# Grid on which distances are looked up when things are placed.
GRID_NM = 16.0


@dataclass(frozen=True)
class Tissue:
    """The cells of a tissue.

    Attributes
    ----------
    sites
        `(n, 3)` nm, in coordinates that are stretched by `stretch`.
    sizes
        `(n,)` nm: the larger a site, the farther its borders.
    along, stretch
        Unit vector that cells run along, and how many times longer they are that way.
    seed
        Of the warping.
    """

    sites: Points
    sizes: Points
    along: Points
    stretch: float
    seed: int

    def border(self, z: Floats, y: Floats, x: Floats, reach_nm: float) -> tuple[Floats, Numbers]:
        """Distance from the nearest border in nm, and the number of the cell: `(z, y, x)` both.

        Parameters
        ----------
        z, y, x
            Coordinates in nm along the three axes: `(n, 1, 1)`, `(1, n, 1)`, `(1, 1, n)`.
        reach_nm
            Distances beyond this one need not be right.
        """
        at = self._warped(z, y, x)
        border = np.empty(at[0].shape, dtype=np.float32)
        cell = np.empty(at[0].shape, dtype=np.int64)
        starts = [range(0, int(edge), PIECE_PX) for edge in at[0].shape]
        for corner in product(*starts):
            # Few sites are near a small piece.
            piece = tuple(slice(start, start + PIECE_PX) for start in corner)
            border[piece], cell[piece] = self._nearest([axis[piece] for axis in at], reach_nm)
        return border, cell

    def _nearest(self, at: list[Floats], reach_nm: float) -> tuple[Floats, Numbers]:
        """Distance from the nearest border and number of the cell, in warped coordinates."""
        middle = np.array([float((axis.min() + axis.max()) / 2) for axis in at])
        near = self._near(
            middle, float(np.linalg.norm([np.ptp(axis) / 2 for axis in at])), reach_nm
        )
        first = np.zeros(at[0].shape, dtype=np.int64)
        least: Floats = np.full(at[0].shape, np.float32(np.inf))
        powers = []
        for place, number in enumerate(near):
            z, y, x = (axis - np.float32(c) for axis, c in zip(at, self.sites[number], strict=True))
            power = z * z + y * y + x * x - np.float32(self.sizes[number] ** 2)
            nearer = power < least
            np.copyto(least, power, where=nearer)
            first[nearer] = place
            powers.append(power)
        border: Floats = np.full(at[0].shape, np.float32(1e6))
        apart = self._apart(near)
        for place, power in enumerate(powers):
            # A power diagram's borders are planes: this is the distance from the one to that cell.
            other = (power - least) * apart[place][first]
            np.minimum(border, other, out=border, where=first != place)
        return border, near[first]

    def _warped(self, z: Floats, y: Floats, x: Floats) -> list[Floats]:
        """Coordinates in which the cells are a power diagram: three `(z, y, x)` arrays."""
        moved = []
        for axis, own in enumerate((z, y, x)):
            shift = sum(
                np.float32(strength) * lattice_noise((z, y, x), wave / 2, self.seed + 10 * axis)
                for wave, strength in WARPS
            )
            moved.append(np.asarray(own + shift, dtype=np.float32))
        along = sum(np.float32(c) * axis for c, axis in zip(self.along, moved, strict=True))
        less = np.float32(1 - 1 / self.stretch)
        return [
            axis - less * np.float32(c) * along for c, axis in zip(self.along, moved, strict=True)
        ]

    def _near(self, middle: Points, around_nm: float, reach_nm: float) -> Numbers:
        """Numbers of the sites whose cells come near the points around `middle`."""
        # Lifted by its size a site's power is a square of a distance, for which triangles hold.
        lift = self.sizes.max() ** 2 - self.sizes**2
        far = np.sqrt(((self.sites - middle) ** 2).sum(axis=1) + lift)
        return np.flatnonzero(far <= far.min() + 2 * (around_nm + reach_nm))

    def _apart(self, near: Numbers) -> Floats:
        """`(n, n)` factors from a difference of powers to nm."""
        between = self.sites[near][:, None] - self.sites[near][None]
        length = np.linalg.norm(between, axis=2)
        normal = between / np.maximum(length, 1e-6)[..., None]
        # Along the cells, coordinates are shorter than the nm that they stand for.
        along = normal @ self.along
        steep = np.sqrt(1 - along**2 * (1 - 1 / self.stretch**2))
        return np.asarray(1 / np.maximum(2 * length * steep, 1e-6), dtype=np.float32)


class Depths:
    """How far a point lies from the nearest border of a tissue, looked up on a grid.

    Attributes
    ----------
    along
        Unit vector that the cells run along.
    """

    def __init__(self, tissue: Tissue, extent: Points) -> None:
        self.along = tissue.along
        z, y, x = (
            np.arange(-GRID_NM, edge + 2 * GRID_NM, GRID_NM).astype(np.float32) for edge in extent
        )
        grid = z[:, None, None], y[None, :, None], x[None, None, :]
        self._grid = tissue.border(grid[0], grid[1], grid[2], PLACED_NM)[0]

    def depth(self, points: Points) -> Points:
        """Distance of `(n, 3)` points from the nearest border in nm."""
        places = (np.asarray(points) / GRID_NM + 1).T
        depth: Points = map_coordinates(self._grid, places, float, order=1, mode="nearest")
        return depth


def drawn(rng: np.random.Generator, extent: Points, width_nm: float) -> tuple[Depths, Thing]:
    """Draw a tissue of cells about `width_nm` wide that fills a scene of `extent` nm.

    In half of all scenes one cell is a large one, with room for a centriole and a Golgi stack.
    """
    along, stretch = direction(rng), float(rng.uniform(1, 4))
    margin = 2 * width_nm
    # The scene's corners in stretched coordinates: sites are spread over the box around them.
    corners = np.array(np.meshgrid(*[(-margin, edge + margin) for edge in extent])).reshape(3, 8).T
    corners = corners - (1 - 1 / stretch) * np.outer(corners @ along, along)
    low, high = corners.min(axis=0), corners.max(axis=0)
    count = int(np.prod(high - low) / width_nm**3) + 2
    sites = rng.uniform(low, high, (count, 3))
    sizes = width_nm * rng.lognormal(-0.5, 0.7, count).clip(0.1, 2.0)
    if rng.random() < 0.5:
        middle = extent * rng.uniform(0.2, 0.8, 3)
        sites[0] = middle - (1 - 1 / stretch) * (middle @ along) * along
        sizes[0] = rng.uniform(*SOMA_NM)
    tissue = Tissue(sites, sizes, along, stretch, int(rng.integers(2**31)))
    levels = rng.uniform(0.5, 0.8, count)
    levels[rng.random(count) < 0.15] = 1.0  # dark ones, as of glia
    geometry = {
        "origin": [0.0, 0.0, 0.0], "sites": sites.round(3).tolist(),
        "sizes": sizes.round(3).tolist(), "along": along.tolist(), "stretch": stretch,
        "levels": levels.round(4).tolist(), "gap": float(rng.uniform(8, 20)),
        "stain": float(rng.uniform(0.2, 0.9)), "seed": tissue.seed,
    }  # fmt: skip
    depths = Depths(tissue, extent)
    geometry["synapses"] = _synapses(rng, extent, depths)
    return depths, Thing("tissue", "synapse", (0.0, 0.0, 0.0), tuple(extent.tolist()), geometry)


def _synapses(rng: np.random.Generator, extent: Points, depths: Depths) -> list[list[float]]:
    """Draw places on borders, each `(z, y, x, radius)` in nm."""
    count = round(float(extent[1] * extent[2]) / 1e6 * SYNAPSES_UM2 * rng.uniform(0.3, 1.7))
    points = rng.uniform(0, extent, (max(1, count) * 30, 3))
    nearest = points[np.argsort(depths.depth(points))[:count]]
    radii = rng.uniform(90, 220, (count, 1))
    places: list[list[float]] = np.hstack([nearest, radii]).round(3).tolist()
    return places


def tissue(
    block: Block,
    origin: Sequence[float],
    levels: Sequence[float],
    gap: float,
    stain: float,
    synapses: Sequence[Sequence[float]],
    **cells: Any,
) -> Ink:
    """Cells side by side: two plasma membranes at each border, a gap of `gap` nm between them.

    The mask is the synapses: a density of 30 to 40 nm behind one membrane, less behind the other
    (Alberts et al.), both membranes and the gap.

    Parameters
    ----------
    origin
        Corner of the scene in nm.
    levels
        Of each cell, what share of the cytoplasm's density it has.
    stain
        Density of the gap.
    synapses
        Each `(z, y, x, radius)` in nm: there, dense material lies on both sides of a border.
    cells
        Fields of `Tissue`, as lists.
    """
    packed = Tissue(**{key: _array(value) for key, value in cells.items()})
    axes = (block.z, block.y, block.x)
    moved = [axis - np.float32(start) for axis, start in zip(axes, origin, strict=True)]
    border, cell = packed.border(moved[0], moved[1], moved[2], PAINTED_NM)
    ink = Ink(block)
    ink.cover += 1 - np.asarray(levels, dtype=np.float32)[cell]
    middle = border - np.float32(gap / 2 + MEMBRANE_NM / 2)
    # Material lies against both membranes, more of it in one cell (the density behind it).
    thick = np.where(cell % 2 == 0, np.float32(DENSITY_NM[0]), np.float32(DENSITY_NM[1]))
    dense = middle - thick - np.float32(MEMBRANE_NM / 2)
    around: Floats = np.full_like(border, np.float32(1e3))
    for *at, radius in synapses:
        off = np.add(at, origin)
        if np.linalg.norm(off - block.centre) < block.reach_nm + radius + 60:
            np.minimum(around, block.from_point(off) - np.float32(radius), out=around)
    dense = both(dense, around)
    ink.lay(np.clip(0.5 - dense / 10, 0, 1), 0.85)
    ink.fill(middle, stain)
    ink.membrane(middle)
    # Nobody draws the two membranes apart: the mask is both and the gap between them.
    ink.membranes = middle < max(MEMBRANE_NM, block.voxel_nm) / 2
    ink.inside = dense < 0
    return ink


def _array(value: Any) -> Any:
    return np.asarray(value, dtype=float) if isinstance(value, list) else value
