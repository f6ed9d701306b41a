"""How well a prediction agrees with the truth.

prediction + truth -> counts that add up -> IoU, mIOU, Dice, accuracy

It never averages the scores of slices or patches, unless the caller asks for that: it adds their
counts and divides once. A structure that is absent in truth has no score: nan, never 0, 0.5 or 1.
Equation 6 of the paper, with k = 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.volume import FULL_SCORE

Bools = npt.NDArray[np.bool_]

# Half-way between two scores, so that no rounding can move a pixel across; 0.5 is one of them.
THRESHOLDS = (np.arange(FULL_SCORE) + 0.5) / FULL_SCORE


@dataclass(frozen=True)
class Counts:
    """Numbers of labelled pixels by truth and prediction; those of two parts can be added.

    A class (the foreground, the background) is absent where truth has no pixel of it. Its IoU could
    then only be 0 or undefined, decided by a single false pixel, so an absent class has none. What
    was predicted of it all the same is in `fp` and `false_positive_share`.

    Attributes
    ----------
    tp, fp, fn, tn
        True positive, false positive, false negative and true negative pixels.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Add the counts of two parts."""
        return Counts(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )

    @property
    def pixels(self) -> int:
        """The number of labelled pixels."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def is_present(self) -> bool:
        """Whether truth has foreground."""
        return self.tp + self.fn > 0

    @property
    def iou(self) -> float:
        """Intersection over union of the foreground; nan if truth has none."""
        return _ratio(self.tp, self.tp + self.fp + self.fn) if self.is_present else math.nan

    @property
    def background_iou(self) -> float:
        """Intersection over union of the background; nan if truth has none."""
        return _ratio(self.tn, self.tn + self.fp + self.fn) if self.tn + self.fp else math.nan

    @property
    def miou(self) -> float:
        """Mean of the IoU of foreground and background (equation 6 with k = 1); nan if absent.

        Equation 6 is 1 / (k + 1) times the sum over the classes of tp / (tp + fp + fn):

            mIOU = (tp / (tp + fp + fn) + tn / (tn + fp + fn)) / 2

        Absent means that truth has no foreground (tp + fn = 0): the background's IoU alone would
        be 1 for an empty prediction, and one false pixel would make it about 0.5, so there is no
        mIOU. Where truth is nothing but foreground, it is the foreground's IoU.
        """
        classes = [self.iou, self.background_iou]
        return mean_ignoring_absent(classes)[0] if self.is_present else math.nan

    @property
    def dice(self) -> float:
        """Dice coefficient (F1) of the foreground; nan if truth has none."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn) if self.is_present else math.nan

    @property
    def precision(self) -> float:
        """Fraction of the predicted foreground that is right; nan if nothing was predicted."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Fraction of the true foreground that was predicted; nan if truth has none."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def pixel_accuracy(self) -> float:
        """Fraction of the labelled pixels that are right; nan without any pixel."""
        return _ratio(self.tp + self.tn, self.pixels)

    @property
    def foreground_fraction(self) -> float:
        """Fraction of the labelled pixels that are foreground in truth; nan without any pixel."""
        return _ratio(self.tp + self.fn, self.pixels)

    @property
    def false_positive_share(self) -> float:
        """Fraction of the labelled pixels that are foreground in prediction alone."""
        return _ratio(self.fp, self.pixels)


def count(prediction: Bools, truth: Bools, labelled: Bools | None = None) -> Counts:
    """Count the labelled pixels of a prediction by whether they are right.

    Parameters
    ----------
    prediction, truth
        `(...)` bool, True in the foreground.
    labelled
        `(...)` bool, True where the truth is known; None means everywhere.

    Raises
    ------
    ValueError
        If the shapes differ or an array is not bool.
    """
    _check(prediction.shape, truth=truth, labelled=labelled, prediction=prediction)
    if labelled is not None:
        prediction, truth = prediction[labelled], truth[labelled]
    tp = int(np.count_nonzero(prediction & truth))
    fp = int(np.count_nonzero(prediction)) - tp
    fn = int(np.count_nonzero(truth)) - tp
    return Counts(tp, fp, fn, truth.size - tp - fp - fn)


class Goal(NamedTuple):
    """What a threshold is chosen for: the best "miou" or "dice", or a least precision or recall."""

    measure: str
    least: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Goal:
        """Return that of "miou", "dice", "precision=.9" or "recall=.9".

        Raises
        ------
        InputError
            It is none of these.
        """
        measure, equals, number = text.partition("=")
        try:
            least = float(number) if equals else 0.0
        except ValueError:
            least = math.nan
        wants_number = measure in ("precision", "recall")
        if (
            measure not in ("miou", "dice", "precision", "recall")
            or wants_number != bool(equals)
            or not 0 <= least <= 1
        ):
            raise InputError(
                f"--optimise {text}: wanted miou, dice, precision=P or recall=R with a number from "
                "0 to 1."
            )
        return cls(measure, least)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Scores of the labelled pixels by true class: gives the counts at every threshold.

    Attributes
    ----------
    foreground, background
        `(128,)` int64: how many pixels of the true class have the score 0, 1, ... 127.
    """

    foreground: npt.NDArray[np.int64]
    background: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, scores: npt.NDArray[np.uint8], truth: Bools, labelled: Bools | None = None
    ) -> Histogram:
        """Histogram of `(...)` integer scores 0..127 under a `(...)` bool truth.

        Raises
        ------
        ValueError
            If the shapes differ, truth is not bool, or a score lies outside 0..127.
        """
        _check(scores.shape, truth=truth, labelled=labelled)
        if scores.size and not 0 <= scores.min() <= scores.max() <= FULL_SCORE:
            raise ValueError(
                f"scores reach from {scores.min()} to {scores.max()}; wanted 0 to {FULL_SCORE}."
            )
        if labelled is not None:
            scores, truth = scores[labelled], truth[labelled]
        sides = (scores[truth], scores[~truth])
        return cls(*(np.bincount(own.ravel(), minlength=FULL_SCORE + 1) for own in sides))

    @classmethod
    def empty(cls) -> Histogram:
        """Return the histogram of no pixel."""
        return cls(*np.zeros((2, FULL_SCORE + 1), np.int64))

    def __add__(self, other: Histogram) -> Histogram:
        """Add the histograms of two parts."""
        return Histogram(self.foreground + other.foreground, self.background + other.background)

    def counts_at(self, threshold: float) -> Counts:
        """Count with a pixel as foreground iff its score is above `threshold` (0..1) times 127."""
        chosen = np.arange(FULL_SCORE + 1) > threshold * FULL_SCORE
        tp, fp = int(self.foreground[chosen].sum()), int(self.background[chosen].sum())
        fn, tn = int(self.foreground.sum()) - tp, int(self.background.sum()) - fp
        return Counts(tp, fp, fn, tn)

    def threshold_for(self, goal: Goal) -> float | None:
        """Return the threshold (0..1) that is best for a goal; None if no threshold reaches it.

        For a precision it is the one with the most recall among those that reach it, for a recall
        the one with the most precision. Where truth lacks foreground or background it is 0.5.
        """
        if goal.measure == "miou":
            return self.best_threshold()
        if not (self.foreground.any() and self.background.any()):
            return 0.5
        counts = [self.counts_at(threshold) for threshold in THRESHOLDS]
        if goal.measure == "dice":
            return float(THRESHOLDS[np.argmax([one.dice for one in counts])])
        reached = [k for k, own in enumerate(counts) if getattr(own, goal.measure) >= goal.least]
        if not reached:
            return None
        # Of equal ones the threshold that keeps the fewest false positives.
        other = "recall" if goal.measure == "precision" else "precision"
        return float(THRESHOLDS[max(reached, key=lambda k: (getattr(counts[k], other), k))])

    def miou_at_each(self) -> npt.NDArray[np.float64]:
        """Return the mIOU at each of the `THRESHOLDS`, `(127,)`."""
        fn, tn = self.foreground.cumsum()[:-1], self.background.cumsum()[:-1]
        tp, fp = self.foreground.sum() - fn, self.background.sum() - tn
        return mious(np.stack([tp, fp, fn, tn], axis=-1))

    def best_threshold(self, tolerance: float | npt.NDArray[np.float64] = 0.0) -> float:
        """Threshold (0..1) nearest to 0.5 whose mIOU is within `tolerance` of the highest.

        `tolerance` may be one for each of the `THRESHOLDS`. Where truth lacks foreground or
        background it is 0.5: the best would be to predict nothing, or everything.
        """
        if not (self.foreground.any() and self.background.any()):
            return 0.5
        found = self.miou_at_each()
        enough = THRESHOLDS[found >= found.max() - tolerance]
        return float(enough[np.abs(enough - 0.5).argmin()])


def mious(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the mIOU of counts `(..., 4)`: tp, fp, fn, tn; as `Counts.miou`, nan without any."""
    tp, fp, fn, tn = np.moveaxis(counts, -1, 0)
    right = np.stack([tp, tn])
    in_truth = np.stack([tp + fn, tn + fp]) > 0
    iou = np.divide(right, right + fp + fn, out=np.zeros(right.shape), where=in_truth)
    means: npt.NDArray[np.float64] = np.full(tp.shape, np.nan)
    np.divide(iou.sum(axis=0), in_truth.sum(axis=0), out=means, where=in_truth[0])
    return means


def mean_ignoring_absent(values: Iterable[float]) -> tuple[float, int]:
    """Mean of the values that are not nan, and how many were left out.

    The mean is nan if none remains.
    """
    listed = list(values)
    present = [value for value in listed if not math.isnan(value)]
    return _ratio(math.fsum(present), len(present)), len(listed) - len(present)


def _ratio(part: float, whole: int) -> float:
    """Part over whole; nan if the whole is 0."""
    return part / whole if whole else math.nan


def _check(shape: tuple[int, ...], **arrays: npt.NDArray[Any] | None) -> None:
    """Refuse shapes that NumPy would broadcast, and integers that & would combine bitwise."""
    for name, array in arrays.items():
        if array is not None and (array.shape != shape or array.dtype != np.bool_):
            raise ValueError(
                f"{name} is {array.dtype} of shape {array.shape}; wanted bool of shape {shape}."
            )
