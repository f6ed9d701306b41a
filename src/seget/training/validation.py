"""Scores the current weights on the held-out slices.

network + held-out slices -> histograms of scores -> mIOU, thresholds, calibrations

It predicts through `prediction`, so that validation gives the scores a user would get. It never
trains.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from seget.calibration import NONE, SPREAD, Calibration, fitted, rebinned
from seget.metrics import Counts, Histogram, mean_ignoring_absent
from seget.networks import Calibrated
from seget.prediction import Effort, Scorer, TorchEngine, score_slices
from seget.training.held_out import HeldOut
from seget.training.state import State

# A threshold is the nearest to 0.5 whose mIOU on the validation slices is within this of the best:
# the exact best belongs to these slices, others have it elsewhere (docs/results/trials.md).
THRESHOLD_TOLERANCE = 0.002


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
