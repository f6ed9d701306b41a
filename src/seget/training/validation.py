"""Scores the current weights on the held-out slices, and says why if they find nothing.

network + held-out slices -> histograms of scores -> mIOU, thresholds, a diagnosis

It predicts through `prediction`, so that validation gives the scores a user would get. It never
trains.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from torch import nn

from seget.calibration import NONE, SPREAD, Calibration, fitted, rebinned
from seget.dataset import Dataset, Tomogram
from seget.metrics import Counts, Histogram, mean_ignoring_absent
from seget.networks import Calibrated
from seget.prediction import Effort, Scorer, TorchEngine, score_slices
from seget.samples import Samples
from seget.slices import SliceReader
from seget.training.state import State

# Validation may take a tenth of the training time; a forward pass costs a third of a step.
VALIDATION_SHARE = 0.1
STEP_OVER_FORWARD = 3
# A threshold is the nearest to 0.5 whose mIOU on the validation slices is within this of the best:
# the exact best belongs to these slices, others have it elsewhere (docs/results/trials.md).
THRESHOLD_TOLERANCE = 0.002
# After so many epochs in a row without any predicted foreground the user is told why.
EMPTY_EPOCHS = 3


@dataclass(frozen=True)
class Validation:
    """Histograms of the scores on the held-out slices, by structure, and how they were scored.

    The training loop scores under `SPREAD`, from which calibrations are fitted; the mIOU at 0.5 is
    the same.
    """

    histograms: dict[str, Histogram]
    scored_by: Calibration = NONE

    def counts(self, structure: str) -> Counts:
        """Return the counts at 0.5, over all validated slices."""
        return self.histograms[structure].counts_at(0.5)

    def mious(self) -> dict[str, float | None]:
        """Return the mIOU a structure at 0.5; None (JSON's null) if it is on no slice."""
        mious = {s: self.counts(s).miou for s in self.histograms}
        return {s: None if math.isnan(miou) else miou for s, miou in mious.items()}

    @property
    def miou(self) -> float:
        """Mean of the mIOU at 0.5 (eq. 6) of the structures on these slices; nan without any."""
        return mean_ignoring_absent(self.counts(s).miou for s in self.histograms)[0]

    def thresholds(self) -> dict[str, float]:
        """Return a structure's threshold, see `THRESHOLD_TOLERANCE`; 0.5 if it is on no slice."""
        return {s: h.best_threshold(THRESHOLD_TOLERANCE) for s, h in self.histograms.items()}

    def calibrations(self) -> dict[str, Calibration]:
        """Return the calibration of each structure that the slices show."""
        found = {s: fitted(h, self.scored_by) for s, h in self.histograms.items()}
        return {s: calibration for s, calibration in found.items() if calibration}

    def under(self, calibrations: Mapping[str, Calibration]) -> Validation:
        """Return the validation as scores under these calibrations, or none, give it."""
        return Validation(
            {
                s: rebinned(h, self.scored_by, calibrations.get(s, NONE))
                for s, h in self.histograms.items()
            }
        )


# Enough for a slice of 2048 x 2048. A constant and not the memory that is free: it decides the
# tiles, and one seed must give one run, whatever else the machine does.
VALIDATION_BYTES = 3 * 10**9

HeldOut = tuple[Tomogram, SliceReader, list[int]]


def validation_slices(dataset: Dataset, samples: Samples) -> list[HeldOut]:
    """Return the held-out slices to validate on: all, or as many as a tenth of the time allows.

    The paper's recipe validates on all of them, as the paper did. Otherwise they are evenly spread,
    and where that misses a structure, slices that hold it take the place of their neighbours. The
    choice depends on sizes and masks and not on measured time, so that one seed gives one run.
    """
    held_out = [
        (tomogram, reader, list(slices))
        for tomogram, reader in zip(dataset.tomograms, samples.readers, strict=True)
        if (slices := tomogram.slices("validation", samples.structures))
    ]
    recipe = samples.recipe
    if recipe.steps_per_epoch is None:
        return held_out
    epoch_px = samples.steps_per_epoch * recipe.batch_size * samples.patch_px**2
    budget_px = VALIDATION_SHARE * STEP_OVER_FORWARD * epoch_px
    total_px = sum(len(z) * reader.shape[1] * reader.shape[2] for _, reader, z in held_out)
    share = min(1.0, budget_px / max(1, total_px))
    spread = [(t, reader, _spread(z, max(1, int(len(z) * share)))) for t, reader, z in held_out]
    wanted = _structures_on(held_out, samples.structures)
    if _structures_on(spread, samples.structures) == wanted:
        return spread
    needed = _covering(held_out, [len(slices) for _, _, slices in spread], wanted)
    return [
        (tomogram, reader, _with_needed(slices, [z for number, z in needed if number == i]))
        for i, (tomogram, reader, slices) in enumerate(spread)
    ]


def _structures_on(held_out: list[HeldOut], structures: Iterable[str]) -> frozenset[str]:
    """Return those of the structures that have foreground on one of the slices."""
    return frozenset(
        structure
        for structure in structures
        for tomogram, _, slices in held_out
        if any(_foreground_px(tomogram, structure, z) for z in slices)
    )


def _foreground_px(tomogram: Tomogram, structure: str, z: int) -> int:
    """Return a structure's pixels on a slice, if that is one of its own validation slices."""
    mask = tomogram.mask_of(structure, z, "validation")
    return 0 if mask is None else mask.foreground_px[z]


def _covering(
    held_out: list[HeldOut], numbers: list[int], wanted: frozenset[str]
) -> tuple[tuple[int, int], ...]:
    """Return slices (tomogram's number, z) that hold as many of the wanted structures as can be.

    At most `numbers[i]` of tomogram i. For each set of structures that can be reached, the choice
    with the fewest slices of the present tomogram is kept, since it leaves the most to add.
    """
    reached: dict[frozenset[str], tuple[tuple[int, int], ...]] = {frozenset(): ()}
    for i, (tomogram, _, slices) in enumerate(held_out):
        for z in _richest_first(tomogram, slices, wanted):
            on_slice = {s for s in wanted if _foreground_px(tomogram, s, z)}
            for structures, chosen in list(reached.items()):
                more, used = structures | on_slice, _slices_of(i, chosen) + 1
                if used > numbers[i] or (more in reached and _slices_of(i, reached[more]) <= used):
                    continue
                reached[more] = (*chosen, (i, z))
                if more == wanted:
                    return reached[more]
    return reached[max(reached, key=len)]


def _slices_of(tomogram: int, chosen: tuple[tuple[int, int], ...]) -> int:
    return sum(number == tomogram for number, _ in chosen)


def _richest_first(tomogram: Tomogram, slices: list[int], wanted: frozenset[str]) -> list[int]:
    """Return the slices, first those that hold large shares of the structures' foreground."""
    richness = dict.fromkeys(slices, 0.0)
    for structure in sorted(wanted):
        pixels = [_foreground_px(tomogram, structure, z) for z in slices]
        for z, px in zip(slices, pixels, strict=True):
            richness[z] += px / max(1, sum(pixels))
    return sorted(slices, key=lambda z: -richness[z])


def _with_needed(spread: list[int], needed: list[int]) -> list[int]:
    """Return the slices with the needed ones, each in the place of the nearest not needed."""
    chosen = list(spread)
    for z in needed:
        if z not in chosen:
            others = [other for other in chosen if other not in needed]
            chosen[chosen.index(min(others, key=lambda other: abs(other - z)))] = z
    return sorted(chosen)


def _spread(slices: list[int], number: int) -> list[int]:
    """Return `number` of the slices, evenly spread."""
    return [slices[i] for i in np.linspace(0, len(slices) - 1, number).round().astype(int)]


def validate(
    scorer: Scorer,
    structures: tuple[str, ...],
    held_out: list[HeldOut],
    part: str = "validation",
    scored_by: Calibration = NONE,
) -> Validation:
    """Score the held-out slices; count the scores of labelled foreground and background pixels.

    Of each structure only its own slices of `part` (see `Split.slices`) are counted. `scored_by` is
    the calibration under which the scorer scores.
    """
    histograms = {s: Histogram.empty() for s in structures}
    for tomogram, reader, slices in held_out:
        for z, scores in score_slices(reader, scorer, slices):
            for structure, score in zip(structures, scores, strict=True):
                mask = tomogram.mask_of(structure, z, part)
                if mask is not None:
                    histograms[structure] += Histogram.of(score, mask.slice(z), mask.labelled(z))
    return Validation(histograms, scored_by)


def judged(
    network: nn.Module, state: State, structures: tuple[str, ...], held_out: list[HeldOut]
) -> Validation:
    """Score the held-out slices by a network of the architecture that a state trains.

    Its logits are so scaled that few scores are 0 or 127: see `Validation`.
    """
    number = len(structures)
    spread = Calibrated(network, [SPREAD.temperature] * number, [SPREAD.bias] * number)
    engine = TorchEngine(spread, state.device)
    scorer = Scorer.of(engine, state.architecture, Effort(memory_bytes=VALIDATION_BYTES))
    return validate(scorer, structures, held_out, scored_by=SPREAD)


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
            if _structures_on(held_out, [structure]):
                continue
            if any(
                _foreground_px(tomogram, structure, z)
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
