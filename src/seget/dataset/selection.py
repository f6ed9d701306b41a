"""Which numbers of a mask are foreground, and which mean that nobody looked there.

numbers as the file stores them -> True where the structure is

It never converts a number: ids beyond 2^24 do not survive float32, beyond 2^53 not float64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Number = int | float
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Selection:
    """The stored numbers that are foreground: one or several, all but one, or all above one.

    Attributes
    ----------
    values
        They are foreground.
    background
        If it is not None, every other number is foreground.
    above
        If it is not None, every larger number is foreground.
    ignored
        If it is not None, pixels with this number are not labelled.
    """

    values: tuple[Number, ...] = ()
    background: Number | None = None
    above: float | None = None
    ignored: Number | None = None

    def foreground(self, pixels: npt.NDArray[Any]) -> Bools:
        """Return True where the structure is."""
        if self.above is not None:
            found: Bools = pixels > self.above
        elif self.background is not None:
            found = pixels != self.background
            if pixels.dtype.kind == "f":
                found &= ~np.isnan(pixels)
        elif len(self.values) == 1:
            found = np.asarray(pixels == self.values[0])
        else:
            found = np.isin(pixels, _as_type(self.values, pixels.dtype))
        return found if self.ignored is None else found & (pixels != self.ignored)

    def labelled(self, pixels: npt.NDArray[Any]) -> Bools:
        """Return True where it was looked for the structure."""
        if self.ignored is None:
            return np.ones(pixels.shape, np.bool_)
        return np.asarray(pixels != self.ignored)

    def count(self, tally: Mapping[Number, int]) -> tuple[int, int]:
        """Return the foreground and the labelled pixels, of how often each number occurs."""
        labelled = sum(tally.values()) - self._ignored_px(tally)
        if self.above is not None:
            found = [n for n in tally if n > self.above]
        elif self.background is not None:
            found = [n for n in tally if n != self.background and not math.isnan(n)]
        else:
            found = [n for n in tally if n in self.values]
        return sum(tally[n] for n in found if n != self.ignored), labelled

    def _ignored_px(self, tally: Mapping[Number, int]) -> int:
        return 0 if self.ignored is None else tally.get(self.ignored, 0)


def _as_type(values: tuple[Number, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return the values that the type can hold, in that type: others occur nowhere."""
    if dtype.kind == "b":
        return np.array([v for v in values if v in (0, 1)], dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.array([v for v in values if limits.min <= v <= limits.max], dtype)
    held = [v for v in values if float(dtype.type(v)) == v]
    return np.array(held, dtype)


def tally(pixels: npt.NDArray[Any]) -> dict[Number, int]:
    """Count how often each value occurs in a `(y, x)` slice."""
    if pixels.dtype.itemsize > 1:
        with np.errstate(invalid="ignore"):
            small = pixels.astype(np.uint8)
        if not np.array_equal(small, pixels):  # not small labels: slower, and rare in a mask
            values, counts = np.unique(pixels, return_counts=True)
            return dict(zip(values.tolist(), counts.tolist(), strict=True))
        pixels = small
    codes = np.ascontiguousarray(pixels).reshape(-1).view(np.uint8)
    # Counted one by one, nearly all bytes increment the background's bin, each waiting for the one
    # before; counting pairs of bytes takes a third of the time.
    even = codes.size // 2 * 2
    pairs = np.bincount(codes[:even].view(np.uint16), minlength=1 << 16).reshape(256, 256)
    per_code = pairs.sum(axis=0) + pairs.sum(axis=1) + np.bincount(codes[even:], minlength=256)
    present = np.flatnonzero(per_code)
    numbers = present.astype(np.uint8).view(np.int8 if pixels.dtype == np.int8 else np.uint8)
    return dict(zip(numbers.tolist(), per_code[present].tolist(), strict=True))
