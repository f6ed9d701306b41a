"""What is wrong on the worst slices of an evaluation: pictures, and wrong pixels by their cause.

python -m benchmarks.worst_slices SEGMENTED DATASET.toml -o OUT [--slices all] [--count 10]

Writes OUT/<place>_<tomogram>_<slice>.png, the worst first, and prints a table in Markdown. A wrong
pixel is counted once: of an object of the slice that was missed (less than a tenth of it found) or
invented (less than a tenth of it in the truth), else at an edge (within EDGE_PX of the truth's
boundary), else a part of an object that was lost or added.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, label

from seget.dataset import parse_slices, read_dataset
from seget.evaluation import draw_slices, evaluate, find_predictions, worst_slices
from seget.evaluation.object_scores import seen_slices

Bools = npt.NDArray[np.bool_]
EDGE_PX = 2.5
CAUSES = ("missed", "invented", "edges", "parts lost", "parts added")


def main() -> None:
    """Draw the worst slices and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("segmented", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--slices", help='as of seget evaluate: "3,5-9" or all')
    parser.add_argument("--count", type=int, default=10)
    given = parser.parse_args()
    dataset = read_dataset(given.dataset)
    chosen: Any = given.slices
    if chosen not in (None, "all"):
        chosen = parse_slices(chosen)
    worst = worst_slices(evaluate(given.segmented, dataset, chosen), given.count)
    given.out.mkdir(parents=True, exist_ok=True)
    names = {f"{one.tomogram}_{one.slice:04d}.png": i for i, one in enumerate(worst, start=1)}
    for picture in draw_slices(given.segmented, dataset, chosen):
        if picture.name in names:
            shutil.copy(picture, given.out / f"{names[picture.name]:02d}_{picture.name}")
    of = {(one.tomogram, one.slice): one.miou for one in worst}
    print("| slice | mIOU | structure | wrong, px | " + " | ".join(CAUSES) + " |")
    print("|---" * (4 + len(CAUSES)) + "|")
    total: dict[str, Any] = {}
    for predicted in find_predictions(given.segmented, dataset, chosen):
        for structure in predicted.structures:
            for z, truth, found, _ in seen_slices(predicted, structure):
                if (predicted.tomogram.name, z) not in of:
                    continue
                counts = causes(truth, found)
                total[structure] = total.get(structure, 0) + counts
                miou = of[predicted.tomogram.name, z]
                print(_row(f"{predicted.tomogram.name} {z} | {miou:.3f}", structure, counts))
    for structure, counts in total.items():
        print(_row("all of these | ", structure, counts))


def causes(truth: Bools, found: Bools) -> npt.NDArray[np.int64]:
    """Count the wrong pixels of a slice `(y, x)` by `CAUSES`."""
    wrong = truth ^ found
    missed = truth & _untouched(truth, found)
    invented = found & _untouched(found, truth)
    rest = wrong & ~missed & ~invented
    inside, outside = (distance_transform_edt(mask) for mask in (truth, ~truth))
    edges = rest & (np.maximum(inside, outside) <= EDGE_PX)
    rest &= ~edges
    parts = (missed & wrong, invented & wrong, edges, rest & truth, rest & found)
    return np.array([np.count_nonzero(part) for part in parts])


def _untouched(mask: Bools, other: Bools) -> Bools:
    """Return where those objects of a mask are of which less than a tenth is in the other."""
    numbers, count = label(mask, np.ones((3, 3), np.int8))
    size = np.bincount(numbers.ravel(), minlength=count + 1)
    within = np.bincount(numbers[other], minlength=count + 1)
    return np.asarray((within < 0.1 * size)[numbers] & mask)


def _row(place: str, structure: str, counts: npt.NDArray[np.int64]) -> str:
    total = max(1, int(counts.sum()))
    cells = " | ".join(f"{count / total:.0%}" for count in counts)
    return f"| {place} | {structure} | {counts.sum():,} | {cells} |"


if __name__ == "__main__":
    main()
