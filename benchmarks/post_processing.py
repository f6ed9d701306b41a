"""Whether leaving out small objects and filling holes, chosen on validation slices, mends the test.

python -m benchmarks.post_processing CHOSEN DATASET JUDGED DATASET [SLICES] [--volume] -> a table

CHOSEN is a folder of `seget segment` on the tomogram of the first dataset: the two sizes are chosen
on its validation slices, so that mIOU is highest, of equal ones the smallest. JUDGED is one on the
tomogram of the second, on whose slices (test, or "all") both are compared: as they are, and mended.
Sizes are areas in nm2 on each slice by itself; with --volume those of the rules of `seget fuse`, in
nm3 of whole objects, and all holes or none. What is smaller goes first, then holes are filled. It
never trains and never writes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import generate_binary_structure, label

from seget.dataset import read_dataset
from seget.evaluation import Predicted, find_predictions
from seget.evaluation.object_match import ObjectCounts, compare_objects
from seget.evaluation.object_scores import seen_slices
from seget.evaluation.pieces import Overlaps, Pieces
from seget.metrics import Counts, count

Bools = npt.NDArray[np.bool_]
GROWING = (100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12800.0, 25600.0, 51200.0)
AREAS_NM2, HOLES_NM2 = (0.0, *GROWING), (0.0, 400.0, 1600.0, 6400.0, 25600.0, 102400.0)
VOLUMES_NM3, ALL_HOLES = (0.0, *(10 * one for one in GROWING), 1e6, 2e6, 4e6), (0.0, np.inf)


def main() -> None:
    """Choose, judge and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("chosen", "chosen_dataset", "judged", "judged_dataset"):
        parser.add_argument(name, type=Path)
    parser.add_argument("slices", nargs="?")
    parser.add_argument("--volume", action="store_true")
    given = parser.parse_args()
    unit = "nm3" if given.volume else "nm2"
    print(f"| structure | smallest, {unit} | holes, {unit} | validation mIOU | mIOU | object F1 |")
    print("|---" * 6 + "|")
    ways = VOLUMES_NM3 if given.volume else AREAS_NM2, ALL_HOLES if given.volume else HOLES_NM2
    sides: list[tuple[Path, Path, Any]] = [
        (given.chosen, given.chosen_dataset, "all"),
        (given.judged, given.judged_dataset, given.slices),
    ]
    validation, judged = (
        list(find_predictions(folder, read_dataset(toml), slices)) for folder, toml, slices in sides
    )
    for structure in dict.fromkeys(s for one in validation for s in one.structures):
        smallest, holes, before, after = _choice(
            _menders(validation, structure, given.volume), ways
        )
        if np.isnan(before):
            print(f"| {structure} | | | on no validation slice | | |")
            continue
        menders = _menders(judged, structure, given.volume)
        as_is, better = _judged(menders, 0, 0), _judged(menders, smallest, holes)
        print(
            f"| {structure} | {smallest:g} | {holes:g} | {before:.4f} -> {after:.4f} "
            f"| {as_is[0].miou:.4f} -> {better[0].miou:.4f} "
            f"| {as_is[1].f1:.3f} -> {better[1].f1:.3f} |",
            flush=True,
        )


@dataclass
class Mender:
    """One structure of one tomogram, its prediction mended slice by slice or as a volume."""

    predicted: Predicted
    structure: str
    in_volume: bool
    _last: tuple[float, float, Bools] | None = field(default=None, repr=False)

    @cached_property
    def size(self) -> float:
        """Area of a pixel in nm2, or volume of a voxel in nm3."""
        voxel = self.predicted.voxel_size_nm
        assert voxel is not None, "the voxel size is unknown"
        return float(np.prod(voxel if self.in_volume else voxel[1:]))

    @cached_property
    def volume(self) -> Bools:
        """Where the structure was found, `(z, y, x)`."""
        depth = self.predicted.tomogram.image.shape[0]
        return np.stack([self.predicted.found(self.structure, z) for z in range(depth)])

    def guess(self, z: int, found: Bools, smallest: float, holes: float) -> Bools:
        """Return what of a slice's prediction is left, `(y, x)`."""
        smallest, holes = smallest / self.size, holes / self.size
        if not self.in_volume:
            return mended(found, smallest, holes)
        if self._last is None or self._last[:2] != (smallest, holes):
            self._last = smallest, holes, mended(self.volume, smallest, holes)
        return self._last[2][z]


def mended(found: Bools, smallest: float, holes: float) -> Bools:
    """Return `(y, x)` or `(z, y, x)` without objects of fewer pixels, with holes up to some filled.

    What reaches the border is no hole. Pixels of an object share an edge or a corner, those of a
    hole an edge.
    """
    if smallest > 0:
        numbers, many = label(found, np.ones((3,) * found.ndim, np.int8))
        kept = np.bincount(numbers.ravel(), minlength=many + 1) >= smallest
        kept[0] = False
        found = kept[numbers]
    if holes > 0:
        numbers, many = label(~found, generate_binary_structure(found.ndim, 1))
        small = np.bincount(numbers.ravel(), minlength=many + 1) <= holes
        small[0] = False
        for axis in range(found.ndim):
            small[np.take(numbers, [0, -1], axis=axis)] = False
        found = found | small[numbers]
    return np.asarray(found)


def _menders(tomograms: list[Predicted], structure: str, in_volume: bool) -> list[Mender]:
    return [Mender(one, structure, in_volume) for one in tomograms if structure in one.structures]


def _choice(menders: list[Mender], ways: Any) -> tuple[float, float, float, float]:
    """Return the two sizes with the highest mIOU on validation slices, and it without and with."""
    scores = {}
    for smallest in ways[0]:
        for holes in ways[1]:
            total = Counts()
            for one in menders:
                part = one.predicted.tomogram.masks[one.structure].split.validation
                for z, truth, found, labelled in seen_slices(one.predicted, one.structure):
                    if z in part:
                        total += count(one.guess(z, found, smallest, holes), truth, labelled)
            scores[smallest, holes] = total.miou
    best = max(scores, key=lambda sizes: (scores[sizes], -sizes[0], -sizes[1]))
    return *best, scores[0.0, 0.0], scores[best]


def _judged(menders: list[Mender], smallest: float, holes: float) -> tuple[Counts, ObjectCounts]:
    """Return the counts of pixels and objects on the slices that are judged."""
    pixels, objects = Counts(), ObjectCounts()
    for one in menders:
        of_truth, of_guess, overlaps = Pieces(), Pieces(), Overlaps()
        for z, truth, found, labelled in seen_slices(one.predicted, one.structure):
            guess = one.guess(z, found, smallest, holes)
            guess = guess if labelled is None else guess & labelled
            pixels += count(guess, truth, labelled)
            overlaps.add(of_truth.add(z, truth), of_guess.add(z, guess))
        objects += compare_objects(of_truth.found(), of_guess.found(), overlaps)[0]
    return pixels, objects


if __name__ == "__main__":
    main()
