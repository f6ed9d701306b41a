"""How well two boundaries agree within a tolerance: surface Dice.

bool slices of truth and prediction, voxel size, tolerance in nm -> areas within it -> Dice

It never holds more than the faces of some slices. The surface is the faces between voxels inside
and outside; between slices of which one is not compared, at the border of the image and beside
pixels that are not labelled there is none. Surface Dice: Nikolov et al. 2018, arXiv:1809.04430.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from seget.volume import Triple

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
SLAB = 8  # slices whose faces are looked for at once


@dataclass(frozen=True)
class SurfaceCounts:
    """Areas in nm2; those of several tomograms can be added.

    Attributes
    ----------
    truth, predicted
        Of the faces of each.
    truth_near, predicted_near
        Of those that have a face of the other within the tolerance.
    """

    truth: float = 0.0
    predicted: float = 0.0
    truth_near: float = 0.0
    predicted_near: float = 0.0

    def __add__(self, other: SurfaceCounts) -> SurfaceCounts:
        """Add the areas of another part."""
        return SurfaceCounts(
            self.truth + other.truth,
            self.predicted + other.predicted,
            self.truth_near + other.truth_near,
            self.predicted_near + other.predicted_near,
        )

    @property
    def dice(self) -> float:
        """Share of both surfaces that is within the tolerance; nan where truth has none."""
        both = self.truth_near + self.predicted_near
        return both / (self.truth + self.predicted) if self.truth else math.nan


class Faces:
    """Places of faces in nm, `(n, 3)`, and their areas in nm2, `(n,)`."""

    def __init__(self, places: Floats, areas: Floats) -> None:
        self.places, self.areas = places, areas

    @classmethod
    def joined(cls, parts: list[Faces]) -> Faces:
        """Return the faces of several slices."""
        return cls(
            np.concatenate([np.zeros((0, 3)), *(part.places for part in parts)]),
            np.concatenate([np.zeros(0), *(part.areas for part in parts)]),
        )

    def area_near(self, others: Any, tolerance_nm: float) -> float:
        """Return the area of those that have one of a tree's within a distance."""
        if not len(self.areas) or others is None:
            return 0.0
        # A distance of just the tolerance is within it, whatever the rounding.
        reach = tolerance_nm * (1 + 1e-9) + 1e-9
        distance, _ = others.query(self.places, distance_upper_bound=reach)
        return float(self.areas[np.isfinite(distance)].sum())


@dataclass
class Boundaries:
    """Compares the surfaces of truth and prediction, slice after slice.

    Attributes
    ----------
    voxel_size_nm
        `(z, y, x)` edges of a voxel.
    tolerance_nm
        Up to which two faces count as the same.
    """

    voxel_size_nm: Triple
    tolerance_nm: float
    counts: SurfaceCounts = field(default_factory=SurfaceCounts)
    _slices: list[tuple[int, Faces, Faces]] = field(default_factory=list)
    _done: int = 0  # of the slices that are kept, how many are counted
    _before: tuple[int, Bools, Bools, Bools] | None = None

    @property
    def reach(self) -> int:
        """Slices within which a face may have its neighbour."""
        return math.ceil(self.tolerance_nm / self.voxel_size_nm[0]) + 1

    def add(self, z: int, truth: Bools, predicted: Bools, labelled: Bools | None) -> None:
        """Take in slice `z`, `(y, x)`, the slices ascending; a gap ends a run of them."""
        if labelled is None:
            labelled = np.ones_like(truth)
        if self._before is not None and self._before[0] != z - 1:
            self.finish()
        above: list[tuple[Bools, Bools] | None] = [None, None]
        if self._before is not None:
            _, *masks, seen = self._before
            above = [(mask, seen) for mask in masks]
        faces = [
            self._faces(z, mask, labelled, over)
            for mask, over in zip((truth, predicted), above, strict=True)
        ]
        self._slices.append((z, faces[0], faces[1]))
        self._before = z, truth, predicted, labelled
        if len(self._slices) - self._done >= SLAB + self.reach:
            self._count(len(self._slices) - self.reach)

    def finish(self) -> SurfaceCounts:
        """End a run of slices; return the areas of all that were taken in."""
        self._count(len(self._slices))
        self._slices, self._done, self._before = [], 0, None
        return self.counts

    def _count(self, end: int) -> None:
        """Count the slices kept up to `end`, and drop those that are no longer needed."""
        trees = []
        for side in (1, 2):
            every = Faces.joined([one[side] for one in self._slices])  # type: ignore[misc]
            trees.append(cKDTree(every.places) if len(every.areas) else None)
        for _, truth, predicted in self._slices[self._done : end]:
            self.counts += SurfaceCounts(
                float(truth.areas.sum()),
                float(predicted.areas.sum()),
                truth.area_near(trees[1], self.tolerance_nm),
                predicted.area_near(trees[0], self.tolerance_nm),
            )
        kept = max(0, end - self.reach)
        self._slices, self._done = self._slices[kept:], end - kept

    def _faces(
        self, z: int, mask: Bools, labelled: Bools, above: tuple[Bools, Bools] | None
    ) -> Faces:
        """Return the faces on a slice, and those between it and the one above."""
        size = np.asarray(self.voxel_size_nm)
        parts = []
        for axis in (0, 1):
            near, far = _neighbours(axis)
            on = (mask[near] != mask[far]) & labelled[near] & labelled[far]
            parts.append(_placed(on, (z, *(0.5 * (axis == i) for i in (0, 1))), 1 + axis, size))
        if above is not None:
            on = (above[0] != mask) & above[1] & labelled
            parts.append(_placed(on, (z - 0.5, 0.0, 0.0), 0, size))
        return Faces.joined(parts)


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return slices of an array that hold each pixel but the last, and each but the first."""
    near, far = [slice(None)] * 2, [slice(None)] * 2
    near[axis], far[axis] = slice(None, -1), slice(1, None)
    return tuple(near), tuple(far)


def _placed(on: Bools, shift: tuple[float, ...], axis: int, size: Floats) -> Faces:
    """Return the faces at some pixels of a slice, across an axis of the volume."""
    y, x = np.nonzero(on)
    places = np.stack([np.zeros(len(y)), y, x], axis=1) + np.asarray(shift)
    return Faces(places * size, np.full(len(y), np.prod(size) / size[axis]))
