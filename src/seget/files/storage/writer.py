"""What every format is written through: slices in any order, and the statistics of all.

Plan -> Writer; (z, slice) -> target array + statistics

It never knows a format: the target is whatever takes `target[z] = slice`. It never stores a slice
of a type whose numbers could change in the volume's own type.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seget.files.storage.journal import SliceJournal, checksum
from seget.files.storage.legend import Legend
from seget.volume import Volume


@dataclass(frozen=True)
class Plan:
    """What is to be written.

    Attributes
    ----------
    path
        Its final name, as the user gave it.
    like
        Volume whose voxel size, origin and MRC header it takes.
    dtype
        Type of its voxels.
    shape
        `(z, y, x)` extent in voxels.
    legend
        Of label numbers; None for an image.
    ome_zarr
        Version of OME-Zarr, "0.4" or "0.5"; None for 0.5, or for what the image has already.
    key
        A text that differs whenever the voxels would; given if an interrupted writing is resumed.
    goes_on
        Whether the hidden path holds slices that an earlier writing finished.
    """

    path: Path
    like: Volume
    dtype: np.dtype[Any]
    shape: tuple[int, int, int]
    legend: Legend | None = None
    ome_zarr: str | None = None
    key: str | None = None
    goes_on: bool = False


class Statistics(NamedTuple):
    """Smallest, largest and mean value and standard deviation of the finite voxels."""

    low: float
    high: float
    mean: float
    deviation: float


class _Moments(NamedTuple):
    low: float
    high: float
    size: int
    mean: float
    variance: float


class Writer:
    """Takes the slices of one volume: `writer[z] = slice`, in any order, each as often as liked.

    A slice that is never given is zero.

    Attributes
    ----------
    shape
        `(z, y, x)` extent in voxels.
    dtype
        Type the voxels are stored as.
    finished
        Slices that an earlier, interrupted writing stored and that are still whole.
    """

    def __init__(self, target: Any, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype
        self._target = target
        self._moments: dict[int, _Moments] = {}
        self._journal: SliceJournal | None = None
        self.finished: frozenset[int] = frozenset()

    @property
    def is_foreign(self) -> bool:
        """Whether an unfinished volume under another key was there, and was removed."""
        return self._journal is not None and self._journal.is_foreign

    def follow(self, journal: SliceJournal) -> None:
        """Keep the slices whose checksum is that in the journal, and note new ones in it."""
        self._journal = journal
        whole = set()
        for z, wanted in journal.finished.items():
            plane = np.asarray(self._target[z]) if z < self.shape[0] else np.empty(0)
            if checksum(plane) == wanted:
                self._moments[z] = _moments(plane)
                whole.add(z)
        self.finished = frozenset(whole)

    def __setitem__(self, z: int, values: npt.ArrayLike) -> None:
        """Store `values`, a `(y, x)` array, as slice `z` (0-based, negative from the end)."""
        plane = np.asarray(values)
        index = range(self.shape[0])[z]
        if plane.shape != self.shape[1:]:
            raise ValueError(f"slice {index} has shape {plane.shape}, wanted {self.shape[1:]}")
        if not np.can_cast(plane.dtype, self.dtype, "safe"):
            raise TypeError(f"slice {index} holds {plane.dtype}, {self.dtype} is being written")
        stored = plane.astype(self.dtype, copy=False)
        self._target[index] = stored
        self._moments[index] = _moments(plane)
        if self._journal is not None:
            self._journal.add(index, checksum(stored))

    def statistics(self) -> Statistics:
        """Statistics over all slices, those never given counting as zeros."""
        zero = _Moments(0.0, 0.0, self.shape[1] * self.shape[2], 0.0, 0.0)
        parts = [self._moments.get(z, zero) for z in range(self.shape[0])]
        parts = [part for part in parts if part.size]
        if not parts:
            return Statistics(0.0, 0.0, 0.0, 0.0)
        sizes = np.array([part.size for part in parts], dtype=np.float64)
        means = np.array([part.mean for part in parts])
        variances = np.array([part.variance for part in parts])
        mean = float(np.average(means, weights=sizes))
        # Within the slices plus between them; a sum of squares would lose the digits.
        variance = float(np.average(variances + (means - mean) ** 2, weights=sizes))
        low, high = min(part.low for part in parts), max(part.high for part in parts)
        return Statistics(low, high, mean, variance**0.5)


def _moments(plane: npt.NDArray[Any]) -> _Moments:
    values = plane.astype(np.float64)
    if not np.issubdtype(plane.dtype, np.integer):
        values = values[np.isfinite(values)]
    if values.size == 0:
        return _Moments(0.0, 0.0, 0, 0.0, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):  # squares of float64 may be too large
        mean, variance = float(values.mean()), float(values.var())
    return _Moments(float(values.min()), float(values.max()), values.size, mean, variance)
