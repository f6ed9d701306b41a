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

# A tomogram has more grey values than these, none of them on a large share of its pixels, and few
# of them in the outer tenths of their range: a blurred mask has many there.
MOST_LEVELS, LARGE_SHARE, OUTER_SHARE = 32, 0.2, 0.3
# A slice that is padding to more than this share is rather a mask: its background is of one value.
MOST_PADDING = 0.75
# Of a blurred mask with more numbers than these, those near the two levels are left out.
MANY = 32
# Labels are whole numbers that lie close together; blurred masks reach from 0 to 100, 127, 255.
LEAST_SPAN = 16
# Interpolation by splines goes beyond 0 and 1 by less than this.
UNIT_MARGIN = 0.5


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
        low, high = min(tally), max(tally)
        base = max(tally, key=lambda number: tally[number])
        # Where most of it is foreground, that is the commonest number.
        base = base if base <= (low + high) / 2 else low
        middle = (base + high) / 2
        upper = [number for number in tally if number > middle]
        plateau = max(upper or tally, key=lambda number: tally[number])
        if tally[plateau] < LARGE_SHARE * sum(tally[number] for number in upper):
            plateau = high
        return cls(base, plateau)

    @property
    def middle(self) -> float:
        """Half-way between them: 0.5 of a mask of 0 to 1, 127.5 of one of 0 to 255."""
        is_unit = self.base > -UNIT_MARGIN and self.plateau < 1 + UNIT_MARGIN
        return 0.5 if is_unit else float(f"{(self.base + self.plateau) / 2:.6g}")


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
    narrow = not fractions and levels.plateau - levels.base < LEAST_SPAN
    if narrow and len(tally) <= MOST_LEVELS:
        return "labels"
    pixels = read()
    if looks_like_a_tomogram(pixels):
        return "tomogram"
    blurred = fractions or (not narrow and _is_blurred(levels, pixels))
    return "blurred" if blurred else "labels"


def looks_like_a_tomogram(pixels: npt.NDArray[Any]) -> bool:
    """Whether a slice `(y, x)` holds many grey values and none on a large share of its pixels."""
    empty = padding(pixels)
    if empty is not None and empty.mean() > MOST_PADDING:
        return False
    if is_drawn(pixels):
        return False
    shown = pixels.ravel() if empty is None else pixels[~empty]
    values, counts = np.unique(shown, return_counts=True)
    if values.size <= MOST_LEVELS or counts.max() > LARGE_SHARE * shown.size:
        return False
    low, high = (float(end) for end in np.percentile(shown, [1, 99]))
    tenth = (high - low) / 10
    outer = np.mean((shown < low + tenth) | (shown > high - tenth))
    # Probabilities of a rare structure are nearly all close to 0.
    is_probability = values[0] >= 0 and values[-1] <= 1 and float(np.median(shown)) < 0.2
    return bool(outer < OUTER_SHARE) and not is_probability


def _is_blurred(levels: Levels, pixels: npt.NDArray[Any]) -> bool:
    """Whether most pixels off the two levels lie on a rim: not flat, higher ones beside them."""
    base, plateau = levels.base, levels.plateau
    size = {"size": 3, "mode": "nearest"}
    centres = ndimage.minimum_filter(pixels, **size) == ndimage.maximum_filter(pixels, **size)
    flat = ndimage.binary_dilation(centres, np.ones((3, 3)))
    near = {"size": 5, "mode": "nearest"}
    higher = ndimage.maximum_filter(pixels, **near) > pixels
    rim = ~flat & (higher | (pixels > plateau))
    between = (pixels != base) & (pixels != plateau)
    if np.unique(pixels).size > MANY:  # smooth values form flat places near the two levels
        margin = (plateau - base) / 10
        inner = (pixels > base + margin) & (pixels < plateau - margin)
        between = inner if inner.any() else between
    return bool((rim & between).sum() > 0.5 * max(1, between.sum()))
