"""How far SegET is before or behind each other network, on the same slices with the same seeds.

counts of two networks' cells -> difference of their mIOU and its interval, a structure

It never trains. Both networks were scored on the same slices, so the difference is surer than
either number: what makes a slice hard makes it hard for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seget.bootstrap import Floats, SliceCounts, drawn_mious, percentile_interval
from seget.metrics import mious

# The rows that are compared with all others.
REFERENCES = ("seget", "seget_shipped")
CellCounts = Mapping[str, SliceCounts]  # of one training, by structure
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
    the `seeds`. The interval is a 95 % percentile bootstrap (bootstrap.py): seeds, tomograms and
    their slices are drawn, the same for both networks. It is None where one seed and one slice
    leave nothing to draw. The pair of both references is in it once.
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
        first, second = ([seed[structure] for seed in both] for both in (ours, theirs))
        mean = float((_whole(first) - _whole(second)).mean())
        if np.isnan(mean):
            continue  # on no scored slice: nobody has a number
        drawn = drawn_mious(first, draw_seeds=True) - drawn_mious(second, draw_seeds=True)
        structures[structure] = {"mean": mean, "interval": _interval(drawn)}
        means.append(mean)
        draws.append(drawn)
    average = None
    if means:
        average = {"mean": float(np.mean(means)), "interval": _interval(np.mean(draws, axis=0))}
    return {"structures": structures, "average": average}


def _whole(seeds: Sequence[SliceCounts]) -> Floats:
    """Return the mIOU of each seed."""
    return mious(np.array([np.sum([row[2:] for row in rows], axis=0) for rows in seeds]))


def _interval(draws: Floats) -> list[float] | None:
    ends = percentile_interval(draws)
    return None if ends is None or np.nanmin(draws) == np.nanmax(draws) else ends
