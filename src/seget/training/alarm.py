"""Says during a training that the validation slices judge nothing, or find nothing, and why.

Dataset + Samples + Validation -> sentences

It never scores and never ends a training.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seget.dataset import Dataset
from seget.metrics import Histogram
from seget.samples import Samples
from seget.training.held_out import HeldOut, foreground_px, structures_on
from seget.training.validation import Validation

# After so many epochs in a row without any predicted foreground the user is told why.
EMPTY_EPOCHS = 3


class Alarm:
    """Warns, once a structure, when nothing is predicted on the validation slices, and says why."""

    def __init__(self, dataset: Dataset, samples: Samples) -> None:
        self._dataset = dataset
        self._samples = samples
        self._empty = dict.fromkeys(samples.structures, 0)

    def at_start(self, held_out: list[HeldOut]) -> Iterator[str]:
        """Yield a sentence for each structure that is on none of the slices validated on."""
        number = sum(len(slices) for _, _, slices in held_out)
        if not number and self._samples.recipe.tuned_thresholds:
            yield (
                "no slice validates, so thresholds stay 0.5 and scores are not calibrated; with 5 "
                "annotated slices or more some are held out."
            )
        structures = self._samples.structures
        every = [t.slices("validation", structures) for t in self._dataset.tomograms]
        total = sum(map(len, every))
        for structure in structures if number else ():
            if structures_on(held_out, [structure]):
                continue
            if any(
                foreground_px(tomogram, structure, z)
                for tomogram, slices in zip(self._dataset.tomograms, every, strict=True)
                for z in slices
            ):
                where = (
                    f"is on no validation slice that an epoch has time for ({number} of {total})"
                )
                mend = "make epochs longer (--set steps_per_epoch)"
            else:
                where = "has no foreground on any validation slice"
                mend = "annotate one there, or choose another holdout"
            yield (
                f"{structure} {where}: it has no mIOU, the checkpoint is chosen without it, and "
                f"its threshold stays 0.5, its scores uncalibrated; {mend}."
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
        shares = [
            t.foreground_fraction(structure, t.slices("train", [structure]))
            for t in self._dataset.tomograms
        ]
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
