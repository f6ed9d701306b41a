"""How far a score would move had other slices been scored: the bootstrap.

counts [tomogram, slice, tp, fp, fn, tn] of each seed -> mIOU of many draws -> interval

A draw takes as many seeds as there are, as many tomograms, and of each tomogram as many slices as
it has, all with replacement (a cluster bootstrap: Davison & Hinkley 1997, section 3.8). Slices of
one tomogram have its staining, its focus and parts of the same objects in common: were they drawn
from one pot, the interval of several tomograms would be too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.metrics import mious

DRAWS = 2000
FEWEST = 4  # two or three slices that happen to agree would make a number look sure
Floats = npt.NDArray[np.float64]
# Of one structure: [tomogram, slice, tp, fp, fn, tn] a scored slice.
SliceCounts = Sequence[Sequence[Any]]


def drawn_mious(seeds: Sequence[SliceCounts], *, draw_seeds: bool) -> Floats:
    """Return the mIOU of each draw, the mean over its seeds.

    Parameters
    ----------
    seeds
        The counts of each seed, of the same slices.
    draw_seeds
        Whether to draw the seeds too; otherwise all of them are in every draw.

    Returns
    -------
    `(DRAWS,)`; nan where a draw holds no slice with the structure. What was scored on the same
    slices with as many seeds is drawn alike, so two networks' draws may be subtracted.
    """
    counts = np.array([[row[2:] for row in rows] for rows in seeds], dtype=np.int64)
    times = _slice_draws(tuple(row[0] for row in seeds[0]))
    of_seed = mious(np.einsum("ds,nsc->dnc", times, counts))
    if not draw_seeds:
        return of_seed.mean(axis=1)  # type: ignore[no-any-return]
    which = np.random.default_rng(1).integers(len(seeds), size=(DRAWS, len(seeds)))
    return np.take_along_axis(of_seed, which, axis=1).mean(axis=1)  # type: ignore[no-any-return]


def miou_interval(seeds: Sequence[SliceCounts]) -> list[float] | None:
    """Return the interval of the mIOU, the mean over the seeds, had other slices been scored.

    Parameters
    ----------
    seeds
        The counts of each seed, of the same slices; of one prediction that of its own alone.

    Returns
    -------
    [low, high], or None for fewer than `FEWEST` slices, and for a structure that is on none of
    them. Draws without a slice that holds it are left out.
    """
    if len(seeds[0]) < FEWEST:
        return None
    return percentile_interval(drawn_mious(seeds, draw_seeds=False))


def mean_interval(structures: Sequence[SliceCounts]) -> list[float] | None:
    """Return the interval of the mean of the structures' mIOU; see `miou_interval`.

    A draw's mean is over the structures that it holds. None if one of them, of those that are on
    a slice at all, has none.
    """
    draws = []
    for counts in filter(len, structures):
        own = drawn_mious([counts], draw_seeds=False)
        if np.isnan(own).all():
            continue  # it is on no slice, and so not in the mean
        if len(counts) < FEWEST:
            return None
        draws.append(own)
    return percentile_interval(mean_of_draws(draws)) if draws else None


def mean_of_draws(structures: Sequence[Floats]) -> Floats:
    """Return each draw's mean over the structures that it holds; draws that hold none are left out.

    Parameters
    ----------
    structures
        The draws `(DRAWS,)` of each, nan where one does not hold it.
    """
    drawn = np.array(structures)
    of_any = ~np.isnan(drawn).all(axis=0)
    return np.nanmean(drawn[:, of_any], axis=0)  # type: ignore[no-any-return]


def percentile_interval(draws: Floats) -> list[float] | None:
    """Return the [low, high] that 95 % of the draws lie between; None if all are nan."""
    there = draws[~np.isnan(draws)]
    if not there.size:
        return None
    low, high = np.percentile(there, [2.5, 97.5])
    return [float(low), float(high)]


@lru_cache(maxsize=16)
def _slice_draws(tomograms: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return how often each draw takes each slice `(DRAWS, slices)`, given their tomograms."""
    rng = np.random.default_rng(0)
    of_slice = np.array(tomograms)
    names = np.unique(of_slice)
    taken = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    times = np.empty((DRAWS, len(tomograms)), dtype=np.int64)
    for name, how_often in zip(names, taken.T, strict=True):
        (own,) = np.nonzero(of_slice == name)
        times[:, own] = rng.multinomial(how_often * own.size, np.full(own.size, 1 / own.size))
    return times
