"""Which slices of a stack follow each other, by how alike they are.

volume -> likeness of a slice and the next, whether one follows the other

A header tells how far slices are apart, not whether someone took some of them out: a stack of
chosen slices has the voxel size of the tomogram that they come from. It never looks at pixels that
are padding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from seget.padding import padding
from seget.volume import Volume

# Slices are compared by means of squares of this edge: noise is hardly in them.
BLOCK_PX = 4
# Share of the squares' means at either end that count as the innermost of it: hot pixels.
TAIL_PERCENT = 1.0
# Pairs of slices of which the typical likeness is the median.
PAIRS = 8
# A slice follows another if they are at least this share as alike as the stack's slices are.
# EPFL's FIB-SEM at 5 nm: next slices 0.98, four and five apart 0.70 to 0.76, farther 0.2 to 0.6.
FOLLOWS = 0.8
# In a stack with a lower likeness, such as serial sections (VNC: 0.44), it tells nothing.
TELLING = 0.5

Floats = npt.NDArray[np.float64]


@dataclass
class Continuity:
    """Which slices of a volume follow each other.

    Attributes
    ----------
    volume
        Whose slices are read, each once or twice.
    """

    volume: Volume
    _likeness: dict[int, float] = field(default_factory=dict, repr=False)
    _recent: dict[int, Floats] = field(default_factory=dict, repr=False)

    @cached_property
    def typical(self) -> float:
        """Median likeness of some pairs spread over the volume; nan if none has a likeness."""
        pairs = self.volume.shape[0] - 1
        spread = np.linspace(0, pairs - 1, min(pairs, PAIRS)).round()
        found = [self.likeness(int(z)) for z in spread]
        return float(np.median([one for one in found if not math.isnan(one)] or [math.nan]))

    def likeness(self, z: int) -> float:
        """Return the correlation of slices `z` and `z + 1`; nan if one is flat or padding."""
        if z not in self._likeness:
            first, second = self._means(z), self._means(z + 1)
            there = np.isfinite(first) & np.isfinite(second)
            self._likeness[z] = _correlation(first[there], second[there])
        return self._likeness[z]

    def follows(self, z: int) -> bool:
        """Whether slice `z + 1` shows what lies next to slice `z`.

        Nothing follows, or is followed by, a slice that is padding or flat.
        """
        own = self.likeness(z)
        if math.isnan(own):
            return False
        return self.typical < TELLING or own >= FOLLOWS * self.typical

    def jumps(self, z: int) -> bool:
        """Whether slice `z + 1` shows another place than what lies next to slice `z`."""
        return not math.isnan(self.likeness(z)) and not self.follows(z)

    def _means(self, z: int) -> Floats:
        """Return the means of the squares of a slice, nan where one has padding."""
        if z not in self._recent:
            grey = self.volume.slice(z)
            empty = padding(grey)
            # Half the memory where it holds every grey value, and 1e38 where one is a hot pixel.
            pixels = grey.astype(np.float32 if grey.dtype.itemsize <= 2 else np.float64)
            if empty is not None:
                pixels[empty] = np.nan
            height, width = (extent // BLOCK_PX * BLOCK_PX for extent in grey.shape)
            squares = pixels[:height, :width].reshape(
                height // BLOCK_PX, BLOCK_PX, width // BLOCK_PX, BLOCK_PX
            )
            while len(self._recent) > 1:
                self._recent.pop(next(iter(self._recent)))
            self._recent[z] = squares.mean(axis=(1, 3), dtype=np.float64)
        return self._recent[z]


def _correlation(first: Floats, second: Floats) -> float:
    """Return the correlation of two rows of means without their tails; nan if one is flat."""
    if not first.size:
        return math.nan
    pair = np.stack([first, second])
    low, high = np.percentile(pair, [TAIL_PERCENT, 100 - TAIL_PERCENT], axis=1, keepdims=True)
    if (low == high).any():
        return math.nan
    clipped = np.clip(pair, low, high)
    return float(np.corrcoef(clipped[0], clipped[1])[0, 1])
