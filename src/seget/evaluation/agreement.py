"""Counts of what was predicted right and wrong, of one structure.

scores or labels of slices + what is drawn there -> counts over all of it, a slice, a patch

It never reads a file. A pixel that is not labelled is not counted. Paper: section 3.3, equation 6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seget.bootstrap import miou_interval
from seget.calibration import calibration_error, calibration_error_of_foreground, reliability
from seget.dataset import Mask
from seget.metrics import Counts, Histogram, count, mean_ignoring_absent
from seget.patches import corners
from seget.volume import FULL_SCORE

# The paper's patches, so that "per patch" means what it meant there (3.1).
PATCH_PX, STRIDE_PX = 512, 256

Bools = npt.NDArray[np.bool_]


class Truth(NamedTuple):
    """What is drawn on a slice `(y, x)`, and where it was looked for; None means everywhere."""

    drawn: Bools
    labelled: Bools | None = None

    @classmethod
    def of(cls, mask: Mask, z: int) -> Truth:
        """Return that of a mask's slice."""
        return cls(mask.slice(z), mask.labelled(z))


@dataclass
class Agreement:
    """Counts of one structure: over everything, a slice (with its pixel's area in nm2), a patch."""

    total: Counts = field(default_factory=Counts)
    slices: list[tuple[str, int, Counts, float]] = field(default_factory=list)
    patches: list[Counts] = field(default_factory=list)

    def add(
        self, tomogram: str, z: int, prediction: Bools, truth: Truth, pixel_nm2: float = math.nan
    ) -> None:
        """Take in a slice; `pixel_nm2` is the area of its pixels, nan if unknown.

        A patch without a labelled pixel is none.
        """
        drawn, labelled = truth
        counts = count(prediction, drawn, labelled)
        self.total += counts
        self.slices.append((tomogram, z, counts, pixel_nm2))
        for y, x in corners((drawn.shape[0], drawn.shape[1]), PATCH_PX, STRIDE_PX):
            part = (slice(y, y + PATCH_PX), slice(x, x + PATCH_PX))
            seen = None if labelled is None else labelled[part]
            if seen is None or seen.any():
                self.patches.append(count(prediction[part], drawn[part], seen))

    def counts(self) -> list[list[Any]]:
        """Return [tomogram, slice, tp, fp, fn, tn] of each slice."""
        return [[name, z, c.tp, c.fp, c.fn, c.tn] for name, z, c, _ in self.slices]

    def false_positives(self) -> dict[str, float]:
        """Return what was predicted where truth has nothing, over all slices."""
        area_nm2 = math.fsum(c.fp * pixel_nm2 for _, _, c, pixel_nm2 in self.slices)
        return _false_positives(self.total, area_nm2)

    def summary(self) -> dict[str, Any]:
        """Return the scores under the names of `seget evaluate --json`; nan where it is absent."""
        per_patch, absent = mean_ignoring_absent(c.miou for c in self.patches)
        return {
            "miou": self.total.miou,
            "miou_interval": miou_interval([self.counts()]),
            "iou": self.total.iou,
            "dice": self.total.dice,
            "pixel_accuracy": self.total.pixel_accuracy,
            **self.false_positives(),
            "miou_per_slice": [
                {"tomogram": name, "slice": z, "miou": c.miou}
                | _false_positives(c, c.fp * pixel_nm2)
                for name, z, c, pixel_nm2 in self.slices
            ],
            "miou_per_patch": per_patch,
            "patches": len(self.patches),
            "patches_without_foreground": absent,
            "foreground_fraction": self.total.foreground_fraction,
            "judged_px": self.total.pixels,
        }


@dataclass
class StructureScores:
    """All that is counted of one structure: its scores at 0.5, at its threshold, its labels."""

    threshold: float
    scores: Agreement = field(default_factory=Agreement)
    labels: Agreement = field(default_factory=Agreement)
    histogram: Histogram = field(default_factory=Histogram.empty)

    def add_slice(
        self,
        tomogram: str,
        z: int,
        scores: npt.NDArray[np.uint8],
        truth: Truth,
        pixel_nm2: float = math.nan,
    ) -> None:
        """Take in the scores `(y, x)` of one slice, 0..127; see `Agreement.add`."""
        self.scores.add(tomogram, z, scores > 0.5 * FULL_SCORE, truth, pixel_nm2)
        self.histogram += Histogram.of(scores, *truth)

    def summary(self) -> dict[str, Any]:
        """Return the structure's entry of `seget evaluate --json`."""
        summary = self.scores.summary() | {
            "threshold": self.threshold,
            "miou_at_threshold": self.histogram.counts_at(self.threshold).miou,
            "calibration_error": calibration_error(self.histogram),
            "calibration_error_of_foreground": calibration_error_of_foreground(self.histogram),
            "reliability": [row._asdict() for row in reliability(self.histogram)],
        }
        return summary | ({"labels": self.labels.summary()} if self.labels.slices else {})


def _false_positives(counts: Counts, area_nm2: float) -> dict[str, float]:
    """Return the foreground that is in the prediction alone: pixels, area, share of the image."""
    return {
        "false_positive_px": counts.fp,
        "false_positive_nm2": area_nm2,
        "false_positive_share": counts.false_positive_share,
    }
