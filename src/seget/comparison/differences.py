"""How far SegET is before or behind each other network, on the same slices with the same seeds.

counts of two networks' cells -> difference of their mIOU and its interval, a structure

It never trains. Both networks were scored on the same slices, so the difference is surer than
either number: what makes a slice hard makes it hard for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seget.bootstrap import (
    FEWEST,
    Floats,
    SliceCounts,
    drawn_mious,
    mean_of_draws,
    percentile_interval,
)
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
    their slices are drawn, the same for both networks. It is None for fewer than `FEWEST` slices,
    and where all draws are the same. The pair of both references is in it once.
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
    structures: dict[str, Any] = {}
    means: list[float] = []
    draws: list[Floats | None] = []
    for structure in ours[0]:
        first, second = ([seed[structure] for seed in both] for both in (ours, theirs))
        mean = float((_whole(first) - _whole(second)).mean())
        if np.isnan(mean):
            continue  # on no scored slice: nobody has a number
        drawn = drawn_mious(first, draw_seeds=True) - drawn_mious(second, draw_seeds=True)
        enough = len(first[0]) >= FEWEST
        structures[structure] = {"mean": mean, "interval": _interval(drawn) if enough else None}
        means.append(mean)
        draws.append(drawn if enough else None)
    average = None
    if means:
        known = [one for one in draws if one is not None]
        interval = _interval(mean_of_draws(known)) if len(known) == len(draws) else None
        average = {"mean": float(np.mean(means)), "interval": interval}
    return {"structures": structures, "average": average}


def _whole(seeds: Sequence[SliceCounts]) -> Floats:
    """Return the mIOU of each seed."""
    return mious(np.array([np.sum([row[2:] for row in rows], axis=0) for rows in seeds]))


def _interval(draws: Floats) -> list[float] | None:
    ends = percentile_interval(draws)
    return None if ends is None or np.nanmin(draws) == np.nanmax(draws) else ends
