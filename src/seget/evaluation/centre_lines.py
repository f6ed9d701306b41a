"""How well thin, long objects are followed: centre-line Dice.

bool slices of truth and prediction -> pixels of their skeletons in one another -> clDice

It never holds more than some slices: long runs are cut, which costs a pixel or two of a skeleton at
each cut. Shit et al. 2021, clDice. Skeletons are scikit-image's: it comes with `seget[measure]`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

from seget.volume import Triple

Bools = npt.NDArray[np.bool_]
MOST_VOXELS = 16_000_000  # of the slices whose skeletons are made at once
# Faces of voxels have about this times the area of the surface itself.
FACES_TOO_MANY = 1.33
# 4 V / A, V the volume and A the surface, is the width of a tube, twice that of a sheet and two
# thirds of that of a ball. Measured on bodies of known shape in seven orientations, see the tests.
TUBES = (0.7, 1.17)
LONG = 2.5  # widths that a tube is long, at least
PERHAPS_LONG = 4.0  # the same by 4 V / A alone, which makes a ball 3 long


@dataclass(frozen=True)
class CentreLineCounts:
    """Pixels of skeletons; those of several tomograms can be added.

    Attributes
    ----------
    truth, predicted
        Of the skeleton of each.
    truth_in, predicted_in
        Of these, those that lie in the other's objects.
    squares_nm2, cubes_nm3
        Sums over the skeleton of the truth of the squares and cubes of the distance to the outside.
    """

    truth: int = 0
    predicted: int = 0
    truth_in: int = 0
    predicted_in: int = 0
    squares_nm2: float = 0.0
    cubes_nm3: float = 0.0

    def __add__(self, other: CentreLineCounts) -> CentreLineCounts:
        """Add the pixels of another part."""
        return CentreLineCounts(
            *(getattr(self, k) + getattr(other, k) for k in self.__annotations__)
        )

    @property
    def dice(self) -> float:
        """Harmonic mean of both skeletons' shares in the other; nan where truth has none."""
        if not self.truth:
            return math.nan
        found = self.truth_in / self.truth
        right = self.predicted_in / self.predicted if self.predicted else 0.0
        return 2 * found * right / (found + right) if found + right else 0.0

    @property
    def width_nm(self) -> float:
        """Mean width of the truth along its skeleton, thick parts first; nan without one."""
        return 2 * self.cubes_nm3 / self.squares_nm2 if self.squares_nm2 else math.nan


@dataclass(frozen=True)
class Shape:
    """What tells tubes from other objects; those of several tomograms can be added.

    Attributes
    ----------
    volume, faces
        In nm3 and nm2; of slices that stand alone in nm2 and nm.
    objects
        How many.
    flat
        Whether the slices stand alone.
    """

    volume: float = 0.0
    faces: float = 0.0
    objects: int = 0
    flat: bool = False

    def __add__(self, other: Shape) -> Shape:
        """Add the objects of another tomogram."""
        return Shape(
            self.volume + other.volume,
            self.faces + other.faces,
            self.objects + other.objects,
            other.flat,
        )

    @property
    def can_be_tubes(self) -> bool:
        """Whether the objects may be tubes: they are no blobs."""
        return bool(self.faces and self.volume) and self._lengths(self._thickness) > PERHAPS_LONG

    def are_tubes(self, width_nm: float) -> bool:
        """Whether objects of a width are tubes, or lines on slices that stand alone."""
        if not width_nm > 0:
            return False
        ratio = self._thickness / width_nm
        # In a plane there are no sheets.
        like = TUBES[0] < ratio and (self.flat or ratio < TUBES[1])
        return like and self._lengths(width_nm) > LONG

    @property
    def _thickness(self) -> float:
        return (2 if self.flat else 4) * self.volume / (self.faces / FACES_TOO_MANY)

    def _lengths(self, width: float) -> float:
        """Return the mean length of the objects, in widths, if they are tubes."""
        across = width if self.flat else math.pi / 4 * width**2
        return self.volume / across / width / max(1, self.objects)


def has_skeletons() -> bool:
    """Whether the libraries of `seget[measure]` are installed that skeletons need."""
    return all(find_spec(name) is not None for name in ("skimage", "edt"))


def centre_lines(
    slices: Iterable[tuple[int, Bools, Bools]], voxel_size_nm: Triple
) -> CentreLineCounts:
    """Compare skeletons.

    Parameters
    ----------
    slices
        Number, truth `(y, x)` and prediction `(y, x)` of each slice, ascending. Neighbouring ones
        have one skeleton in three dimensions, a slice alone one in two.
    voxel_size_nm
        `(z, y, x)` edges of a voxel.
    """
    total = CentreLineCounts()
    for truth, predicted in _blocks(slices):
        total += _of_block(truth, predicted, voxel_size_nm)
    return total


def _blocks(slices: Iterable[tuple[int, Bools, Bools]]) -> Iterator[tuple[Bools, Bools]]:
    """Yield truth and prediction of neighbouring slices, `(z, y, x)`."""
    kept: list[tuple[int, Bools, Bools]] = []
    for one in slices:
        full = kept and (len(kept) + 1) * one[1].size > max(MOST_VOXELS, 2 * one[1].size)
        if kept and (full or kept[-1][0] != one[0] - 1):
            yield np.stack([t for _, t, _ in kept]), np.stack([p for _, _, p in kept])
            kept = []
        kept.append(one)
    if kept:
        yield np.stack([t for _, t, _ in kept]), np.stack([p for _, _, p in kept])


def _of_block(truth: Bools, predicted: Bools, size: Triple) -> CentreLineCounts:
    import edt

    lines, guessed = _skeleton(truth), _skeleton(predicted)
    if len(truth) == 1:
        inside = edt.edt(truth[0], anisotropy=size[1:])[None]
    else:
        inside = edt.edt(truth, anisotropy=size)
    reach = inside[lines].astype(np.float64)
    return CentreLineCounts(
        int(lines.sum()),
        int(guessed.sum()),
        int((lines & predicted).sum()),
        int((guessed & truth).sum()),
        float((reach**2).sum()),
        float((reach**3).sum()),
    )


def _skeleton(mask: Bools) -> Bools:
    """Return the skeleton of `(z, y, x)`, in the plane if it is one slice."""
    from skimage.morphology import skeletonize

    made: Any = np.zeros_like(mask)
    places = np.nonzero(mask)
    if not len(places[0]):
        return mask
    box = tuple(slice(int(p.min()), int(p.max()) + 1) for p in places)
    part = mask[box]
    if len(mask) == 1:
        made[box] = skeletonize(part[0])[None]
        return np.asarray(made)
    lines = skeletonize(part) > 0
    # Lee's algorithm leaves nothing of objects that are an even number of voxels wide all along.
    numbers, count = label(part, np.ones((3, 3, 3), np.int8))
    without = np.setdiff1d(np.arange(1, count + 1), numbers[lines])
    if without.size:
        lost = np.pad(np.isin(numbers, without), 1)
        for axis in range(3):
            lost |= np.roll(lost, 1, axis=axis)
        lines |= (skeletonize(lost) > 0)[1:-1, 1:-1, 1:-1] & part
    made[box] = lines
    return np.asarray(made)
