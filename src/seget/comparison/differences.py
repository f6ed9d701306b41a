"""How far SegET is before or behind each other network, on the same slices with the same seeds.

counts of two networks' cells -> difference of their mIOU and its interval, a structure

It never trains. Both networks were scored on the same slices, so the difference is surer than
either number: what makes a slice hard makes it hard for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.metrics import mious

# The rows that are compared with all others.
REFERENCES = ("seget", "seget_shipped")
RESAMPLES = 2000
Floats = npt.NDArray[np.float64]
# Of one training, by structure: [tomogram, slice, tp, fp, fn, tn] a scored slice.
CellCounts = Mapping[str, Sequence[Sequence[Any]]]
Differences = dict[str, dict[str, dict[str, Any]]]


def differences(counts: Mapping[str, Mapping[int, CellCounts]]) -> Differences:
    """Return, for SegET and for SegET as shipped, their mIOU minus that of each other network.

    Parameters
    ----------
    counts
        Network -> seed -> the counts of its training. Of two networks the seeds that both have are
        compared.

    Returns
    -------
    Reference -> network -> `structures` (structure -> `mean`, `interval`), `average` over them, and
    the `seeds`. The interval is a 95 % percentile bootstrap: seeds and slices are drawn with
    replacement, the same for both networks. It is None where one seed and one slice leave nothing
    to draw. The pair of both references is in it once.
    """
    found: Differences = {}
    for ours in REFERENCES:
        for theirs, of_seed in counts.items():
            seeds = sorted(set(of_seed) & set(counts.get(ours, {})))
            if not seeds or theirs == ours or (ours, theirs) == REFERENCES:
                continue
            pair = [[counts[n][seed] for seed in seeds] for n in (ours, theirs)]
            found.setdefault(ours, {})[theirs] = _difference(*pair) | {"seeds": len(seeds)}
    return found


def _difference(ours: Sequence[CellCounts], theirs: Sequence[CellCounts]) -> dict[str, Any]:
    structures, means, draws = {}, [], []
    for structure in ours[0]:
        first, second = (
            np.array([[row[2:] for row in seed[structure]] for seed in both], dtype=np.int64)
            for both in (ours, theirs)
        )
        mean = float((_whole(first) - _whole(second)).mean())
        if np.isnan(mean):
            continue  # on no scored slice: nobody has a number
        drawn = _draws(first) - _draws(second)
        structures[structure] = {"mean": mean, "interval": _interval(drawn)}
        means.append(mean)
        draws.append(drawn)
    average = None
    if means:
        average = {"mean": float(np.mean(means)), "interval": _interval(np.mean(draws, axis=0))}
    return {"structures": structures, "average": average}


def _whole(counts: npt.NDArray[np.int64]) -> Floats:
    """Return the mIOU of each seed from its counts `(seeds, slices, 4)`."""
    return mious(counts.sum(axis=1))


def _draws(counts: npt.NDArray[np.int64]) -> Floats:
    """Return the mIOU of each resample, the mean over its seeds; the same draws for equal shapes.

    One resample draws seeds and slices; where it draws no slice with the structure it is nan.
    """
    seeds, slices, _ = counts.shape
    rng = np.random.default_rng(0)
    which = rng.integers(seeds, size=(RESAMPLES, seeds, 1))
    where = rng.integers(slices, size=(RESAMPLES, 1, slices))
    drawn: Floats = mious(counts[which, where].sum(axis=2)).mean(axis=1)
    return drawn


def _interval(draws: Floats) -> list[float] | None:
    ends = percentile_interval(draws)
    return None if ends is None or np.nanmin(draws) == np.nanmax(draws) else ends


def percentile_interval(draws: Floats) -> list[float] | None:
    """Return the [low, high] that 95 % of the resamples lie between; None if all are nan."""
    there = draws[~np.isnan(draws)]
    if not there.size:
        return None
    low, high = np.percentile(there, [2.5, 97.5])
    return [float(low), float(high)]
