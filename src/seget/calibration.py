"""Scores made probabilities: a temperature and a bias on the logits of each structure.

histogram of validation scores -> Calibration; histogram of scores -> how far they are from truth

A score is calibrated if, of the pixels that score 0.8, eight in ten are foreground. The threshold
with the best mIOU is then another number, see docs/fusion.md. It never sees a pixel or a network.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from seget.metrics import Histogram
from seget.volume import FULL_SCORE

Floats = npt.NDArray[np.float64]

MOST_TEMPERATURE = 20.0
MOST_BIAS = 20.0
# How far a fit may move the logit that becomes 0.5 (to a score of 0.12 or 0.88 before): where a
# validation slice looks unlike the others, the likeliest fit calls a structure nothing anywhere.
MOST_SHIFT = 2.0
# 128 whole numbers on one line: a JSON list would take as many lines.
NUMBERS = r"^\d{1,15}( \d{1,15}){127}$"
# Score 0 and 127 stand for half a step; their middle is a quarter of a step from the end.
OUTERMOST = 0.25
# Of a reliability diagram: each holds enough scores for a fraction, and ten can be read.
BINS = 10


class Calibration(BaseModel):
    """What makes a structure's logits those of probabilities: logit / temperature + bias."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    temperature: float = Field(default=1.0, gt=0, le=MOST_TEMPERATURE)
    bias: float = Field(default=0.0, ge=-MOST_BIAS, le=MOST_BIAS)


NONE = Calibration()
# Scores as the loop validates them: nearly all logits of a network lie within 127 such steps,
# where scores of temperature 1 are 0 or 127. The sign stays, and so do the counts at 0.5.
SPREAD = Calibration(temperature=4.0)


class ValidationScores(BaseModel):
    """How many validation pixels of each true class have the score 0, 1, ... 127, as text.

    From it a threshold is chosen long after the training, for whatever is to be optimised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    foreground: str = Field(pattern=NUMBERS)
    background: str = Field(pattern=NUMBERS)

    @classmethod
    def of(cls, histogram: Histogram) -> ValidationScores:
        """Return those of a histogram."""
        foreground, background = (
            " ".join(map(str, counts)) for counts in (histogram.foreground, histogram.background)
        )
        return cls(foreground=foreground, background=background)

    @property
    def histogram(self) -> Histogram:
        """The same as numbers."""
        foreground, background = (
            np.array(text.split(), np.int64) for text in (self.foreground, self.background)
        )
        return Histogram(foreground, background)


class Reliability(NamedTuple):
    """Of the pixels of a range of scores: how many, their mean score, how many are foreground."""

    pixels: int
    score: float
    foreground: float


def logits(calibration: Calibration = NONE) -> Floats:
    """Return the logit of the network, before calibration, of each score 0..127: `(128,)`."""
    steps = np.arange(FULL_SCORE + 1.0)
    steps[0], steps[-1] = OUTERMOST, FULL_SCORE - OUTERMOST
    share = steps / FULL_SCORE
    return (np.log(share / (1 - share)) - calibration.bias) * calibration.temperature


def fitted(histogram: Histogram, scored_by: Calibration = SPREAD) -> Calibration | None:
    """Return the calibration under which the truth is the most likely.

    Parameters
    ----------
    histogram
        Of validation pixels.
    scored_by
        The calibration under which they were scored.

    Returns
    -------
    Temperature and bias of the highest likelihood, Platt's method: one pixel of each class is
    added to each, so that a perfect validation gives no infinite certainty. They move the logit
    that becomes 0.5 by `MOST_SHIFT` at most: a structure that validation finds only where it is not
    is not called nothing everywhere. None where truth lacks foreground or background, and there is
    nothing to fit to.
    """
    pixels = histogram.foreground + histogram.background
    foreground, total = int(histogram.foreground.sum()), int(pixels.sum())
    if not 0 < foreground < total:
        return None
    of_score = logits(scored_by)
    target = (foreground + 1) / (foreground + 2)
    other = 1 / (total - foreground + 2)
    ones = histogram.foreground * target + histogram.background * other
    share_ones, share_zeros = ones / total, (pixels - ones) / total

    def surprise(values: Floats) -> tuple[float, Floats]:
        slope, shift = math.exp(values[0]), values[1]
        own = slope * (of_score - shift)
        loss = -(share_ones * log_expit(own) + share_zeros * log_expit(-own)).sum()
        gradient = (share_ones + share_zeros) * expit(own) - share_ones
        return float(loss), np.array([(gradient * own).sum(), -slope * gradient.sum()])

    limit = math.log(MOST_TEMPERATURE)
    bounds = [(-limit, limit), (-MOST_SHIFT, MOST_SHIFT)]
    best = minimize(surprise, np.zeros(2), jac=True, bounds=bounds, method="L-BFGS-B", tol=1e-12)
    temperature, shift = math.exp(-best.x[0]), float(best.x[1])
    bias = min(MOST_BIAS, max(-MOST_BIAS, -shift / temperature))
    return Calibration(temperature=round(temperature, 6), bias=round(bias, 6))


def rebinned(histogram: Histogram, scored_by: Calibration, wanted: Calibration) -> Histogram:
    """Return the histogram as it would be, had the pixels been scored under another calibration."""
    own = logits(scored_by) / wanted.temperature + wanted.bias
    score = np.rint(FULL_SCORE * expit(own)).astype(np.int64)
    foreground, background = (
        np.bincount(score, weights=counts, minlength=FULL_SCORE + 1).astype(np.int64)
        for counts in (histogram.foreground, histogram.background)
    )
    return Histogram(foreground, background)


def reliability(histogram: Histogram, bins: int = BINS) -> list[Reliability]:
    """Return score and truth of each range of scores that holds a pixel, ascending."""
    scores = np.arange(FULL_SCORE + 1)
    pixels = histogram.foreground + histogram.background
    bin_of = np.minimum(scores * bins // FULL_SCORE, bins - 1)
    found = []
    for one in range(bins):
        own = bin_of == one
        number = int(pixels[own].sum())
        if number:
            mean = float((pixels * scores)[own].sum()) / number / FULL_SCORE
            found.append(Reliability(number, mean, int(histogram.foreground[own].sum()) / number))
    return found


def calibration_error(histogram: Histogram) -> float:
    """Return the expected calibration error: how far score and truth are apart, as a mean.

    |mean score - share of foreground| of each of ten ranges of scores, averaged over the pixels;
    nan without any pixel.
    """
    total = int(histogram.foreground.sum() + histogram.background.sum())
    return _apart(histogram) / total if total else math.nan


def calibration_error_of_foreground(histogram: Histogram) -> float:
    """Return the same sum over all pixels as a share of the foreground; nan without any.

    Of a rare structure the mean over all pixels is small whatever the scores.
    """
    foreground = int(histogram.foreground.sum())
    return _apart(histogram) / foreground if foreground else math.nan


def _apart(histogram: Histogram) -> float:
    """Return by how many pixels the scores and the truth are apart, over all ranges of scores."""
    rows = reliability(histogram)
    return math.fsum(row.pixels * abs(row.score - row.foreground) for row in rows)
