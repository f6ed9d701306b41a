"""Which objects of the truth were found, missed, split, merged, and which were invented.

objects of truth + objects predicted + their overlaps -> ObjectCounts, ObjectErrors

It never looks at pixels. An object is found if one predicted object has an IoU above 0.5 with it,
which no second one can have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from seget.evaluation.pieces import Found, Ints, Overlaps

FOUND_IOU = 0.5
TOUCHED = 0.1  # share of an object: overlapped by less it is missed, or invented; or it is a speck
MOSTLY = 0.5  # share of an object that makes it a part of another
KINDS = ("missed", "invented", "split", "merged", "inexact")


@dataclass(frozen=True)
class ObjectCounts:
    """Numbers of objects; those of several tomograms can be added.

    Attributes
    ----------
    truth, predicted, found
        Objects of the truth and predicted ones, and the pairs of them with an IoU above 0.5.
    missed
        Of the truth, those of which less than a tenth is predicted.
    invented
        Of the predicted ones, those of which less than a tenth is in the truth.
    split
        Of the truth, those in which two predicted objects or more lie, each with over half of
        itself and of a tenth of the object or more.
    merged
        Of the predicted ones, those in which two objects of the truth or more lie with over half.
    inexact
        Of the truth, those that are neither found nor any of this: an outline that is far off.
    truth_specks, predicted_specks
        Those that are too small to be counted above, see `Found`.
    """

    truth: int = 0
    predicted: int = 0
    found: int = 0
    missed: int = 0
    invented: int = 0
    split: int = 0
    merged: int = 0
    inexact: int = 0
    truth_specks: int = 0
    predicted_specks: int = 0

    def __add__(self, other: ObjectCounts) -> ObjectCounts:
        """Add the objects of another tomogram."""
        return ObjectCounts(*(getattr(self, k) + getattr(other, k) for k in self.__annotations__))

    @property
    def f1(self) -> float:
        """2 found / (truth + predicted); nan where truth has none."""
        return 2 * self.found / (self.truth + self.predicted) if self.truth else math.nan


@dataclass(frozen=True)
class ObjectError:
    """One object that is wrong.

    Attributes
    ----------
    kind
        One of `KINDS`.
    voxels
        Of the object: the predicted one of what is invented or merged, else the one of the truth.
    first, last
        Its slices, as far as they were compared.
    place_px
        z, y, x of a pixel of it.
    parts
        How many it was split into, or merged from; else 1.
    iou
        With the object of the other kind that fits best.
    """

    kind: str
    voxels: int
    first: int
    last: int
    place_px: tuple[int, int, int]
    parts: int
    iou: float


def compare_objects(
    truth: Found, predicted: Found, overlaps: Overlaps
) -> tuple[ObjectCounts, list[ObjectError]]:
    """Count the objects by how they were predicted; return what is wrong, the largest first."""
    t, p, common = overlaps.of(truth, predicted)
    iou = common / (truth.voxels[t] + predicted.voxels[p] - common)
    of_truth, of_predicted = common / truth.voxels[t], common / predicted.voxels[p]
    best_t, best_p = np.zeros(len(truth)), np.zeros(len(predicted))
    np.maximum.at(best_t, t, iou)
    np.maximum.at(best_p, p, iou)
    missed = _summed(t, of_truth, len(truth)) < TOUCHED
    invented = _summed(p, of_predicted, len(predicted)) < TOUCHED
    part = (of_predicted > MOSTLY) & (of_truth >= TOUCHED)
    parts = np.bincount(t[part], minlength=len(truth))
    held = of_truth > MOSTLY
    holds = np.bincount(p[held], minlength=len(predicted))
    in_merged = np.zeros(len(truth), bool)
    in_merged[t[held & (holds[p] > 1)]] = True
    kinds = {
        "missed": missed,
        "invented": invented,
        "split": parts > 1,
        "merged": holds > 1,
        "inexact": (best_t <= FOUND_IOU) & ~missed & (parts < 2) & ~in_merged,
    }
    counts = ObjectCounts(
        len(truth), len(predicted), int((iou > FOUND_IOU).sum()),
        **{kind: int(which.sum()) for kind, which in kinds.items()},
        truth_specks=truth.specks, predicted_specks=predicted.specks,
    )  # fmt: skip
    errors: list[ObjectError] = []
    for kind, which in kinds.items():
        own, best, many = (
            (predicted, best_p, holds) if kind in ("invented", "merged") else (truth, best_t, parts)
        )
        number = many if kind in ("split", "merged") else np.ones_like(many)
        errors += [
            _error(kind, own, i, int(number[i]), best) for i in np.flatnonzero(which).tolist()
        ]
    return counts, sorted(errors, key=lambda one: -one.voxels)


def _summed(index: Ints, values: Any, count: int) -> Any:
    return np.bincount(index, values, count)


def _error(kind: str, objects: Found, i: int, parts: int, best: Any) -> ObjectError:
    z, y, x = objects.places[i].tolist()
    return ObjectError(
        kind, int(objects.voxels[i]), int(objects.first[i]), int(objects.last[i]), (z, y, x), parts,
        float(best[i]),
    )  # fmt: skip
