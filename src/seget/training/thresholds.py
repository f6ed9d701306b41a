"""The threshold of a structure: the nearest to 0.5 that held-out slices do not tell from the best.

histograms of slices -> threshold

The best threshold of some slices is not that of others. How far it is to be trusted is told by how
much tomograms, or slices, differ: the rule of one standard error (Breiman et al. 1984,
"Classification and Regression Trees", section 3.4.3; measured in docs/results/trials.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from seget.metrics import THRESHOLDS, Histogram

# What a threshold may lose of the best mIOU at least, also where slices agree or there is one.
TOLERANCE = 0.002

# A tomogram's name and a slice of it.
Slice = tuple[str, int]


def chosen_threshold(slices: Mapping[Slice, Histogram]) -> float:
    """Return a threshold (0..1); 0.5 if truth lacks foreground or background.

    Of those whose mIOU on all slices is within a standard error (or `TOLERANCE`, if that is larger)
    of the best it is the nearest to 0.5.
    """
    return total(slices.values()).best_threshold(np.maximum(TOLERANCE, _standard_errors(slices)))


def total(histograms: Iterable[Histogram]) -> Histogram:
    """Return the sum, which is empty of none."""
    return sum(histograms, start=Histogram.empty())


def _standard_errors(slices: Mapping[Slice, Histogram]) -> npt.NDArray[np.float64]:
    """Return `(127,)`: of what each threshold has less of mIOU than the best one, the error.

    By the jackknife: over tomograms if more than one shows the structure, else over slices; 0 if
    only one shows it.
    """
    by_tomogram: dict[str, Histogram] = {}
    for (tomogram, _), own in slices.items():
        by_tomogram[tomogram] = by_tomogram.get(tomogram, Histogram.empty()) + own
    best = int(np.argmax(total(slices.values()).miou_at_each()))
    for parts in (list(by_tomogram.values()), list(slices.values())):
        whole = total(parts)
        without = np.array([_minus(whole, part).miou_at_each() for part in parts])
        if len(parts) > 1 and np.isfinite(without).all():
            lost = without[:, [best]] - without
            return np.asarray(np.sqrt((len(parts) - 1) * lost.var(axis=0)))
    return np.zeros(THRESHOLDS.size)


def _minus(whole: Histogram, part: Histogram) -> Histogram:
    return Histogram(whole.foreground - part.foreground, whole.background - part.background)
