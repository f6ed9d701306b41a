"""Which structure each pixel is, by its scores alone.

{structure: scores} + thresholds + priority -> label ids, and who else claimed the pixel

Each pixel is decided by itself, so a volume may be fused slice by slice. Last paragraph of section
4.2 of the paper, which has no priority and no priors. It never opens a file.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from seget.errors import InputError
from seget.volume import FULL_SCORE

# Signed bytes hold ids up to 127, and some programs read label volumes as signed.
LARGEST_BYTE_ID = 127

# A score that is at most this below its threshold missed it by a hair.
HAIR = 0.05

Labels = npt.NDArray[Any]  # uint8 or uint16
Bools = npt.NDArray[np.bool_]


class Decision(NamedTuple):
    """What was decided of some pixels.

    Attributes
    ----------
    labels
        `(...)` ids: 1 for the first structure, 0 for none.
    rival
        `(...)` id of the structure with the highest score among the others that claimed the pixel
        too; 0 where no other did.
    by_priority
        `(...)` whether the pixel has this label by a priority: by scores it would be another.
    missed
        `(...)` whether no structure claimed the pixel, and one missed its threshold by a hair.
    """

    labels: Labels
    rival: Labels
    by_priority: Bools
    missed: Bools


def fuse(
    scores: Mapping[str, npt.NDArray[Any]], thresholds: Mapping[str, float]
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Give each pixel the structure with the highest score above its own threshold, else 0.

    Of equal scores the earlier structure in the mapping wins.

    Parameters
    ----------
    scores
        `(...)` one array per structure, all of one shape: integers 0..127, or floats 0..1.
    thresholds
        0..1 for each structure; a score must be above it, not equal to it.

    Returns
    -------
    `(...)` label ids: 1 for the first structure of the mapping, 2 for the second, ...; uint8 up to
    127 structures, else uint16.

    Raises
    ------
    InputError
        If there is no score map, a structure has no threshold, or the maps do not fit together.
    """
    if not scores:
        raise InputError("fusion: no score map was given, at least one is wanted; predict first.")
    first, reference = next(iter(scores.items()))
    dtype = np.uint8 if len(scores) <= LARGEST_BYTE_ID else np.uint16
    labels = np.zeros(reference.shape, dtype=dtype)
    highest = np.zeros_like(reference)
    for label, (structure, score) in enumerate(scores.items(), start=1):
        _check_fit(structure, score, first, reference)
        if structure not in thresholds:
            raise InputError(
                f"{structure}: its score map came without a threshold, a number from 0 to 1 is "
                "wanted; give one, or predict again."
            )
        taken = score > _cut(thresholds[structure], score)
        taken &= (labels == 0) | (score > highest)
        labels[taken] = label
        highest[taken] = score[taken]
    return labels


def decide(
    scores: Mapping[str, npt.NDArray[Any]],
    thresholds: Mapping[str, float],
    priority: Collection[tuple[str, str]] = (),
) -> Decision:
    """Decide each pixel as `fuse` does, and say who else claimed it.

    Parameters
    ----------
    scores, thresholds
        As for `fuse`. A structure claims the pixels whose score is above its threshold.
    priority
        Pairs (a, b): where both claim a pixel it is not b's, whatever the scores. No cycles.
    """
    plain = fuse(scores, thresholds)
    claims = {s: score > _cut(thresholds[s], score) for s, score in scores.items()}
    names = list(scores)
    lost: dict[str, Bools] = {}
    for over, under in priority:
        taken = claims[over] & claims[under]
        lost[under] = lost[under] | taken if under in lost else taken
    labels = plain.copy()
    if any(one.any() for one in lost.values()):
        kept = {s: np.where(lost[s], 0, v) if s in lost else v for s, v in scores.items()}
        # A threshold of 0 is passed by no score of 0, so what is lost cannot win.
        labels = fuse({s: v.astype(scores[s].dtype) for s, v in kept.items()}, thresholds)
    others = {
        s: np.where(claims[s] & (labels != names.index(s) + 1), score, 0).astype(score.dtype)
        for s, score in scores.items()
    }
    rival = fuse(others, dict.fromkeys(names, 0.0))
    near = np.zeros(labels.shape, np.bool_)
    for structure, score in scores.items():
        near |= score > _cut(max(0.0, thresholds[structure] - HAIR), score)
    return Decision(labels, rival, labels != plain, near & (labels == 0))


def with_prior(scores: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    """Return probabilities 0..127 of a structure whose odds are so many times those of training.

    0 and 127 stay: they are certain.
    """
    share = np.arange(FULL_SCORE + 1) / FULL_SCORE
    with np.errstate(divide="ignore"):
        moved = expit(logit(share) + math.log(factor))
    table: npt.NDArray[np.uint8] = np.rint(FULL_SCORE * moved).astype(np.uint8)
    return table[scores]


def _cut(threshold: float, scores: npt.NDArray[Any]) -> float:
    """Value a score must exceed; an integer for integer scores, so that NumPy compares bytes."""
    return math.floor(threshold * FULL_SCORE) if scores.dtype.kind in "iu" else threshold


def _check_fit(
    structure: str, score: npt.NDArray[Any], first: str, reference: npt.NDArray[Any]
) -> None:
    """Refuse a map whose shape or type differs from the first's."""
    if score.shape != reference.shape or score.dtype != reference.dtype:
        raise InputError(
            f"{structure}: its score map is {score.dtype} of shape {score.shape}, wanted "
            f"{reference.dtype} of shape {reference.shape} like that of {first}; predict both "
            "on the same tomogram with the same settings."
        )
