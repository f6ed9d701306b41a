"""Scores the current weights on the held-out slices, and says why if they find nothing.

network + held-out slices -> histograms of scores -> mIOU, thresholds, a diagnosis

It predicts through `prediction`, so that validation gives the scores a user would get. It never
trains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seget.dataset import Dataset, Tomogram
from seget.metrics import Counts, Histogram, mean_ignoring_absent
from seget.prediction import Scorer, score_slices
from seget.samples import Samples, foreground_fraction
from seget.slices import SliceReader

# Validation may take a tenth of the training time; a forward pass costs a third of a step.
VALIDATION_SHARE = 0.1
STEP_OVER_FORWARD = 3
# After so many epochs in a row without any predicted foreground the user is told why.
EMPTY_EPOCHS = 3


@dataclass(frozen=True)
class Validation:
    """Histograms of the scores on the held-out slices, by structure."""

    histograms: dict[str, Histogram]

    def counts(self, structure: str) -> Counts:
        """Return the counts at 0.5, over all validated slices."""
        return self.histograms[structure].counts_at(0.5)

    @property
    def miou(self) -> float:
        """Mean over the structures of the mIOU at 0.5 (eq. 6)."""
        return mean_ignoring_absent(self.counts(s).miou for s in self.histograms)[0]

    def thresholds(self) -> dict[str, float]:
        """Return the threshold a structure with the best mIOU on these slices."""
        return {s: h.best_threshold() for s, h in self.histograms.items()}


HeldOut = tuple[Tomogram, SliceReader, list[int]]


def validation_slices(dataset: Dataset, samples: Samples) -> list[HeldOut]:
    """Return the held-out slices to validate on: all, or as many as a tenth of the time allows.

    The paper's recipe validates on all of them, as the paper did. The choice depends on sizes only
    and not on measured time, so that one seed gives one run.
    """
    held_out = [
        (tomogram, reader, list(tomogram.split.validation))
        for tomogram, reader in zip(dataset.tomograms, samples.readers, strict=True)
        if tomogram.split.validation
    ]
    recipe = samples.recipe
    if recipe.steps_per_epoch is None:
        return held_out
    epoch_px = samples.steps_per_epoch * recipe.batch_size * samples.patch_px**2
    budget_px = VALIDATION_SHARE * STEP_OVER_FORWARD * epoch_px
    total_px = sum(len(z) * reader.shape[1] * reader.shape[2] for _, reader, z in held_out)
    share = min(1.0, budget_px / max(1, total_px))
    return [(t, reader, _spread(z, max(1, int(len(z) * share)))) for t, reader, z in held_out]


def _spread(slices: list[int], number: int) -> list[int]:
    """Return `number` of the slices, evenly spread."""
    return [slices[i] for i in np.linspace(0, len(slices) - 1, number).round().astype(int)]


def validate(scorer: Scorer, structures: tuple[str, ...], held_out: list[HeldOut]) -> Validation:
    """Score the held-out slices; count the scores of foreground and background pixels."""
    empty = np.zeros(0, np.uint8)
    histograms = {s: Histogram.of(empty, empty.astype(bool)) for s in structures}
    for tomogram, reader, slices in held_out:
        for z, scores in score_slices(reader, scorer, slices):
            for structure, score in zip(structures, scores, strict=True):
                if structure in tomogram.masks:
                    truth = tomogram.masks[structure].slice(z)
                    histograms[structure] += Histogram.of(score, truth)
    return Validation(histograms)


class Alarm:
    """Warns, once a structure, when nothing is predicted on the validation slices, and says why."""

    def __init__(self, dataset: Dataset, samples: Samples) -> None:
        self._dataset = dataset
        self._samples = samples
        self._empty = dict.fromkeys(samples.structures, 0)

    def at_start(self) -> Iterator[str]:
        """Yield a sentence for each structure without foreground on the validation slices."""
        for structure in self._samples.structures:
            pixels = sum(
                t.masks[structure].foreground_px[z]
                for t in self._dataset.tomograms
                if structure in t.masks
                for z in t.split.validation
            )
            if any(t.split.validation for t in self._dataset.tomograms) and not pixels:
                yield (
                    f"{structure} has no foreground on any validation slice: its checkpoint is "
                    "chosen blindly; annotate one there, or choose another holdout."
                )

    def after_epoch(self, validation: Validation) -> Iterator[str]:
        """Yield a sentence for each structure predicted nowhere for `EMPTY_EPOCHS` epochs."""
        for structure in self._samples.structures:
            counts = validation.counts(structure)
            found = counts.tp + counts.fp > 0
            self._empty[structure] = 0 if found or not counts.fn else self._empty[structure] + 1
            if self._empty[structure] == EMPTY_EPOCHS:
                yield self._diagnosis(structure, validation)

    def _diagnosis(self, structure: str, validation: Validation) -> str:
        recipe = self._samples.recipe
        shares = [foreground_fraction(t, structure, t.split.train) for t in self._dataset.tomograms]
        highest = int(np.flatnonzero(_total(validation.histograms[structure]))[-1]) / 127
        reasons = [
            f"it is {max(shares):.2%} of the training pixels",
            "every labelled pixel weighs 1"
            if recipe.weight_cap is None
            else f"foreground weighs at most {recipe.weight_cap:g}",
            f"{recipe.foreground_share:.0%} of the patches are drawn on foreground"
            if recipe.steps_per_epoch
            else f"patches with foreground stand {recipe.positive_copies} times in an epoch",
            f"the highest validation score is {highest:.2f}",
        ]
        mends = ["--set weight_cap=2000"] if recipe.weight_cap is None else []
        if recipe.steps_per_epoch and recipe.foreground_share < 0.8:
            mends.append("--set foreground_share=0.8")
        mends.append(f"--set learning_rate={recipe.learning_rate / 3:.1g}")
        return (
            f"{structure}: no pixel of the validation slices was predicted in {EMPTY_EPOCHS} "
            f"epochs; {'; '.join(reasons)}; if it stays so, try {' or '.join(mends)}."
        )


def _total(histogram: Histogram) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return histogram.foreground + histogram.background
