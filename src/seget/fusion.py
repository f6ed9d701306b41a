"""Fuses the score maps of all structures into one label volume.

{structure: scores} + thresholds -> label ids, colours

Each pixel is fused by itself, so a volume may be fused slice by slice. It never opens a file. Last
paragraph of section 4.2 and figure 4 of the paper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.volume import FULL_SCORE

# Signed bytes hold ids up to 127, and some programs read label volumes as signed.
LARGEST_BYTE_ID = 127

COLOURS: Mapping[str, str] = {
    "synapse": "#ffffff",
    "microtubules": "#ff0000",
    "centriole": "#ffff00",
    "granules": "#0000ff",
    "golgi": "#00ff00",
}

# For structures the paper does not have: bright enough for black, none close to figure 4's.
OTHER_COLOURS = (
    "#00ffff",
    "#ff00ff",
    "#ff9000",
    "#8c78ff",
    "#00a090",
    "#ffa0b4",
    "#a0a0a0",
    "#b06020",
    "#90d0ff",
    "#a02080",
    "#c8e6a0",
    "#808000",
)


def colour(structure: str, index: int) -> str:
    """Colour of a structure as `#rrggbb`: that of figure 4, else one of `OTHER_COLOURS`.

    Parameters
    ----------
    structure
        Name of the structure.
    index
        Its position among the structures, 0-based; only used for names figure 4 does not have.
        Twelve in a row differ, then the colours repeat.
    """
    return COLOURS.get(structure, OTHER_COLOURS[index % len(OTHER_COLOURS)])


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
