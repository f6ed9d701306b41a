"""From which size on objects are worth keeping, chosen on validation slices.

Predicted + masks -> Choice: the volume below which objects are left out, mIOU without and with

It never scores a slice that is not of the validation part. Objects are those of the whole
prediction: of these slices only what truth says is needed, since an object has one volume.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from seget.evaluation.object_scores import labelled_slice
from seget.evaluation.pieces import Ints, Pieces
from seget.evaluation.predicted import Predicted
from seget.metrics import Counts

GAIN = 0.0005  # of mIOU: for less nothing is left out
NEARLY = 0.0001  # of mIOU: of choices as good as this the one that leaves out the least
RIGHT = 0.5  # share of an object in the truth: what has more is kept


@dataclass(frozen=True)
class Choice:
    """A size of the smallest object.

    Attributes
    ----------
    smallest_nm3
        Smaller objects are left out; 0 leaves out none.
    before, after
        mIOU on the validation slices without and with it; nan where truth has nothing there.
    objects
        How many objects of the validation slices it leaves out.
    """

    smallest_nm3: float
    before: float
    after: float
    objects: int = 0


@dataclass
class _Judged:
    """Objects of all tomograms: their volumes, and their pixels on validation slices."""

    volumes_nm3: list[npt.NDArray[np.float64]] = field(default_factory=list)
    right: list[Ints] = field(default_factory=list)
    wrong: list[Ints] = field(default_factory=list)
    truth: int = 0
    pixels: int = 0

    def add(self, predicted: Predicted, structure: str) -> None:
        """Take in a tomogram: all its slices are read, once."""
        size = predicted.voxel_size_nm
        if size is None:
            return
        validation = set(predicted.tomogram.masks[structure].split.validation)
        pieces = Pieces()
        right, wrong = [], []
        for z in range(predicted.tomogram.image.shape[0]):
            before = pieces.count
            numbers = pieces.add(z, predicted.found(structure, z))
            of_slice = [np.zeros(pieces.count - before, np.int64) for _ in range(2)]
            if z in validation:
                drawn, labelled = labelled_slice(predicted, structure, z)
                self.truth += int(np.count_nonzero(drawn))
                self.pixels += int(np.count_nonzero(labelled))
                for i, where in enumerate((drawn, labelled & ~drawn)):
                    seen = numbers[where & (numbers > 0)].astype(np.int64) - 1 - before
                    of_slice[i] += np.bincount(seen, minlength=pieces.count - before)
            right.append(of_slice[0])
            wrong.append(of_slice[1])
        group, voxels = pieces.objects()
        self.volumes_nm3.append((voxels * np.prod(size)).astype(np.float64))
        for kept, parts in ((self.right, right), (self.wrong, wrong)):
            every = np.concatenate([np.zeros(0, np.int64), *parts])
            kept.append(np.bincount(group, every, len(voxels)).astype(np.int64))

    def choice(self) -> Choice:
        """Return the best size."""
        volumes = np.concatenate([np.zeros(0), *self.volumes_nm3])
        right, wrong = (
            np.concatenate([np.zeros(0, np.int64), *x]) for x in (self.right, self.wrong)
        )
        seen = right + wrong > 0
        order = np.argsort(volumes[seen], kind="stable")
        volumes, right, wrong = (one[seen][order] for one in (volumes, right, wrong))
        # Before the first object that is right, every border between two sizes is a choice.
        good = np.flatnonzero(right > RIGHT * (right + wrong))
        most = int(good[0]) if good.size else len(volumes)
        scores = [self._miou(right[n:].sum(), wrong[n:].sum()) for n in range(most + 1)]
        best = max(scores)
        left_out = next(n for n, one in enumerate(scores) if not one < best - NEARLY)
        if not best > scores[0] + GAIN or not left_out:
            return Choice(0.0, scores[0], scores[0])
        return Choice(_above(volumes[left_out - 1]), scores[0], scores[left_out], left_out)

    def _miou(self, right: int, wrong: int) -> float:
        missed = self.truth - int(right)
        return Counts(int(right), int(wrong), missed, self.pixels - self.truth - int(wrong)).miou


def _above(volume: float) -> float:
    """Return the next number of three digits: sizes between this one and more were not seen."""
    unit = 10.0 ** (math.floor(math.log10(volume)) - 2)
    return (math.floor(volume / unit) + 1) * unit


def choose_smallest(predictions: Iterable[Predicted]) -> dict[str, Choice]:
    """Choose the smallest object of each structure that is predicted and annotated.

    The prediction is what scores above the threshold. Objects are left out from the smallest on, up
    to the first of which more than half is in the truth, so that mIOU on the validation slices is
    highest. It is left at 0 for a gain below .0005, without validation slices, and where the voxel
    size is unknown.
    """
    judged: dict[str, _Judged] = {}
    for predicted in predictions:
        alone = replace(predicted, labels=None)  # labels may have been fused by such rules already
        for structure in alone.structures:
            judged.setdefault(structure, _Judged()).add(alone, structure)
    return {structure: one.choice() for structure, one in judged.items()}
