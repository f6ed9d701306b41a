"""Scores the current weights on the held-out slices.

network + held-out slices -> histograms of scores -> mIOU, thresholds, calibrations

It predicts through `prediction`, so that validation gives the scores a user would get. It never
trains.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import nn

from seget.calibration import NONE, SPREAD, Calibration, fitted, rebinned
from seget.listener import Listener
from seget.metrics import Counts, Histogram, mean_ignoring_absent
from seget.networks import Calibrated
from seget.prediction import Effort, Scorer, TorchEngine, adapted, score_slices
from seget.trained import Trained, learnt_from
from seget.training.held_out import HeldOut
from seget.training.state import State
from seget.training.thresholds import Slice, chosen_threshold, total


@dataclass(frozen=True)
class Validation:
    """Histograms of the scores on the held-out slices, by structure, and how they were scored.

    The training loop scores under `SPREAD`, from which calibrations are fitted; the mIOU at 0.5 is
    the same.
    """

    slices: Mapping[str, Mapping[Slice, Histogram]]
    scored_by: Calibration = NONE

    @cached_property
    def histograms(self) -> dict[str, Histogram]:
        """Return a structure's histogram over all slices."""
        return {s: total(of_each.values()) for s, of_each in self.slices.items()}

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
        """Return a structure's threshold; 0.5 if it is on no slice."""
        return {s: chosen_threshold(of_each) for s, of_each in self.slices.items()}

    def calibrations(self) -> dict[str, Calibration]:
        """Return the calibration of each structure that the slices show."""
        found = {s: fitted(h, self.scored_by) for s, h in self.histograms.items()}
        return {s: calibration for s, calibration in found.items() if calibration}

    def __add__(self, other: Validation) -> Validation:
        """Return the validation on the slices of both, which were scored under one calibration."""
        assert self.scored_by == other.scored_by
        both = {s: {**of_each, **other.slices[s]} for s, of_each in self.slices.items()}
        return Validation(both, self.scored_by)

    def under(self, calibrations: Mapping[str, Calibration]) -> Validation:
        """Return the validation as scores under these calibrations, or none, give it."""
        return Validation(
            {
                s: {
                    place: rebinned(own, self.scored_by, calibrations.get(s, NONE))
                    for place, own in of_each.items()
                }
                for s, of_each in self.slices.items()
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
    found: dict[str, dict[Slice, Histogram]] = {structure: {} for structure in structures}
    for tomogram, reader, slices in held_out:
        for z, scores in score_slices(reader, scorer, slices):
            for structure, score in zip(structures, scores, strict=True):
                mask = tomogram.mask_of(structure, z, part)
                if mask is not None:
                    own = Histogram.of(score, mask.slice(z), mask.labelled(z))
                    found[structure][tomogram.name, z] = own
    return Validation(found, scored_by)


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


def taught_nothing(trained: Trained, held_out: HeldOut) -> bool:
    """Whether a tomogram is known not to have taught a model: prediction adapts it to such ones."""
    return learnt_from(trained.provenance, held_out[0].image) is False


def judged_as_predicted(
    trained: Trained, state: State, held_out: list[HeldOut], unseen: Collection[str]
) -> Validation:
    """Score the held-out slices by a model that a state trained, adapted to `unseen` tomograms."""
    found = Validation({structure: {} for structure in trained.structures}, SPREAD)
    for one in held_out:
        own = trained
        if one[0].name in unseen:
            own = adapted(trained, one[1], state.device, VALIDATION_BYTES, Listener())
        found += judged(own.network, state, trained.structures, [one])
    return found
