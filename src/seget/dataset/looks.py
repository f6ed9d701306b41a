"""What a mask of many values looks like, and the key of the dataset.toml that fits it.

counts of its values + one of its slices -> labels, a blurred mask, or a tomogram

It never changes a mask and never guesses which label is meant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from seget.dataset.selection import Number
from seget.padding import is_drawn, padding

# A tomogram has more grey values than these, none of them on a large share of its pixels, and most
# of them in the middle of their range: a blurred mask has most at its two ends.
MOST_LEVELS, LARGE_SHARE, MIDDLE_SHARE = 64, 0.2, 0.4
# Labels are whole numbers that lie close together; blurred masks reach from 0 to 100, 127, 255.
LEAST_SPAN = 16


@dataclass(frozen=True)
class Levels:
    """The two numbers between which the values of a blurred mask lie.

    Attributes
    ----------
    base, plateau
        The number of the background, and the commonest one of the structure.
    """

    base: Number
    plateau: Number

    @classmethod
    def of(cls, tally: Mapping[Number, int]) -> Levels:
        """Return them from how often each number occurs."""
        tally = {number: times for number, times in tally.items() if math.isfinite(number)}
        base = max(tally, key=lambda number: tally[number])
        middle = (min(tally) + max(tally)) / 2
        # Where most of it is foreground, that is the commonest number.
        base = base if base <= middle else min(tally)
        upper = [number for number in tally if number > (base + max(tally)) / 2]
        return cls(base, max(upper or tally, key=lambda number: tally[number]))

    @property
    def middle(self) -> float:
        """Half-way between them: 0.5 of a mask of 0 to 1, 127.5 of one of 0 to 255."""
        return float((self.base + self.plateau) / 2)


def look(
    tally: Mapping[Number, int], read: Callable[[], npt.NDArray[Any]]
) -> Literal["labels", "blurred", "tomogram"]:
    """Say what the values of a mask look like.

    Parameters
    ----------
    tally
        How often each number occurs, at least two.
    read
        Returns its slice with the most different numbers, `(y, x)`; called where it is needed.
    """
    fractions = any(not float(number).is_integer() for number in tally)
    levels = Levels.of(tally)
    if not fractions and levels.plateau - levels.base < LEAST_SPAN:
        return "labels"
    pixels = read()
    if looks_like_a_tomogram(pixels):
        return "tomogram"
    return "blurred" if fractions or _is_blurred(levels, pixels) else "labels"


def looks_like_a_tomogram(pixels: npt.NDArray[Any]) -> bool:
    """Whether a slice `(y, x)` holds many grey values and none on a large share of its pixels."""
    if is_drawn(pixels):
        return False
    empty = padding(pixels)
    shown = pixels.ravel() if empty is None else pixels[~empty]
    values, counts = np.unique(shown, return_counts=True)
    if values.size <= MOST_LEVELS or counts.max() > LARGE_SHARE * shown.size:
        return False
    low, high = (float(end) for end in np.percentile(shown, [1, 99]))
    quarter = (high - low) / 4
    in_middle = np.mean((shown > low + quarter) & (shown < high - quarter))
    # Probabilities of a rare structure are nearly all close to 0.
    is_probability = values[0] >= 0 and values[-1] <= 1 and float(np.median(shown)) < 0.2
    return bool(in_middle > MIDDLE_SHARE) and not is_probability


def _is_blurred(levels: Levels, pixels: npt.NDArray[Any]) -> bool:
    """Whether most pixels off the two levels lie on a rim: not flat, higher ones beside them."""
    between = (pixels != levels.base) & (pixels != levels.plateau)
    if not between.any():
        return False
    size = {"size": 3, "mode": "nearest"}
    centres = ndimage.minimum_filter(pixels, **size) == ndimage.maximum_filter(pixels, **size)
    flat = ndimage.binary_dilation(centres, np.ones((3, 3)))
    near = {"size": 5, "mode": "nearest"}
    higher = ndimage.maximum_filter(pixels, **near) > pixels
    rim = between & ~flat & (higher | (pixels > levels.plateau))
    return bool(rim.sum() > 0.5 * between.sum())
