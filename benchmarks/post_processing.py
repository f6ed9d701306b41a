"""Whether leaving out small objects and filling holes, chosen on validation slices, mends the test.

python -m benchmarks.post_processing CHOSEN DATASET JUDGED DATASET.toml [SLICES] -> a table

CHOSEN is a folder of `seget segment` on the tomogram of the first dataset: the two sizes are chosen
on its validation slices, so that mIOU is highest, of equal ones the smallest. JUDGED is one on the
tomogram of the second, on whose slices (test, or "all") both are compared: as they are, and mended.
Sizes are areas on a slice in nm2: what is smaller goes, the smallest objects first; then holes of
at most the other size are filled. It never trains and never writes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

from seget.dataset import read_dataset
from seget.evaluation import Predicted, find_predictions
from seget.evaluation.object_match import ObjectCounts, compare_objects
from seget.evaluation.object_scores import seen_slices
from seget.evaluation.pieces import Overlaps, Pieces
from seget.metrics import Counts, count

Bools = npt.NDArray[np.bool_]
AREAS_NM2 = (0.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12800.0, 25600.0, 51200.0)
HOLES_NM2 = (0.0, 400.0, 1600.0, 6400.0, 25600.0, 102400.0)
EIGHT, FOUR = np.ones((3, 3), np.int8), None  # neighbours of objects, and of holes


def main() -> None:
    """Choose, judge and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("chosen", "chosen_dataset", "judged", "judged_dataset"):
        parser.add_argument(name, type=Path)
    parser.add_argument("slices", nargs="?")
    given = parser.parse_args()
    print("| structure | smallest, nm2 | holes, nm2 | validation mIOU | mIOU | object F1 |")
    print("|---" * 6 + "|")
    dataset = read_dataset(given.chosen_dataset)
    validation = list(find_predictions(given.chosen, dataset, "all"))
    judged = list(find_predictions(given.judged, read_dataset(given.judged_dataset), given.slices))
    for structure in dict.fromkeys(s for one in validation for s in one.structures):
        smallest, holes, before, after = _choice(validation, structure)
        if np.isnan(before):
            print(f"| {structure} | | | on no validation slice | | |")
            continue
        as_is, mended = (
            _judged(judged, structure, *sizes) for sizes in ((0, 0), (smallest, holes))
        )
        print(
            f"| {structure} | {smallest:g} | {holes:g} | {before:.4f} -> {after:.4f} "
            f"| {as_is[0].miou:.4f} -> {mended[0].miou:.4f} "
            f"| {as_is[1].f1:.3f} -> {mended[1].f1:.3f} |",
            flush=True,
        )


def mended(found: Bools, smallest_px: float, holes_px: float) -> Bools:
    """Return a slice without objects of fewer pixels, with holes up to some pixels filled."""
    if smallest_px > 0:
        numbers, many = label(found, EIGHT)
        kept = np.bincount(numbers.ravel(), minlength=many + 1) >= smallest_px
        kept[0] = False
        found = kept[numbers]
    if holes_px > 0:
        numbers, many = label(~found, FOUR)
        small = np.bincount(numbers.ravel(), minlength=many + 1) <= holes_px
        small[0] = False
        # What reaches the border of the image is not known to be a hole.
        for edge in (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]):
            small[edge] = False
        found = found | small[numbers]
    return np.asarray(found)


def _choice(tomograms: list[Predicted], structure: str) -> tuple[float, float, float, float]:
    """Return the two sizes with the highest mIOU on validation slices, and it without and with."""
    scores = {}
    for smallest in AREAS_NM2:
        for holes in HOLES_NM2:
            total = Counts()
            for one in tomograms:
                pixel, part = one.tomogram.image.pixel_area_nm2, one.tomogram.masks[structure].split
                for z, truth, found, labelled in seen_slices(one, structure):
                    if z in part.validation:
                        guess = mended(found, smallest / pixel, holes / pixel)
                        total += count(guess, truth, labelled)
            scores[smallest, holes] = total.miou
    best = max(scores, key=lambda sizes: (scores[sizes], -sizes[0], -sizes[1]))
    return *best, scores[0.0, 0.0], scores[best]


def _judged(
    tomograms: list[Predicted], structure: str, smallest: float, holes: float
) -> tuple[Counts, ObjectCounts]:
    """Return the counts of pixels and objects on the slices that are judged."""
    pixels, objects = Counts(), ObjectCounts()
    for one in tomograms:
        if structure not in one.structures:
            continue
        of_truth, of_guess, overlaps = Pieces(), Pieces(), Overlaps()
        for z, truth, guess, labelled in _mended_slices(one, structure, smallest, holes):
            pixels += count(guess, truth, labelled)
            overlaps.add(of_truth.add(z, truth), of_guess.add(z, guess))
        objects += compare_objects(of_truth.found(), of_guess.found(), overlaps)[0]
    return pixels, objects


def _mended_slices(
    one: Predicted, structure: str, smallest: float, holes: float
) -> Iterator[tuple[int, Bools, Bools, Bools | None]]:
    pixel = one.tomogram.image.pixel_area_nm2
    for z, truth, found, labelled in seen_slices(one, structure):
        guess = mended(found, smallest / pixel, holes / pixel)
        yield z, truth, guess if labelled is None else guess & labelled, labelled


if __name__ == "__main__":
    main()
