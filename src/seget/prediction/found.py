"""Finds structures that are nowhere in a tomogram above their threshold.

scores (k, y, x), slice by slice -> names of the structures not found

It never scores a slice: slices that an interrupted run wrote are read from their maps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from seget import files
from seget.prediction.engine import Scores
from seget.results import Sidecar
from seget.volume import FULL_SCORE


class Found:
    """The highest score of each structure so far.

    Parameters
    ----------
    maps
        Path of each score map -> its sidecar, in the order of the scores.
    """

    def __init__(self, maps: Mapping[Path, Sidecar]) -> None:
        self._maps = maps
        self._highest = np.zeros(len(maps), np.uint8)

    def look(self, scores: Scores) -> None:
        """Update the highest scores by the scores `(k, y, x)` of a slice."""
        np.maximum(self._highest, scores.max(axis=(1, 2)), out=self._highest)

    def nowhere(self, finished: Collection[int]) -> list[str]:
        """Return the structures above threshold in no slice; call it once the maps are complete.

        Parameters
        ----------
        finished
            Slices of an interrupted run, which `look` has not seen.
        """
        return [
            sidecar.structure
            for (path, sidecar), highest in zip(self._maps.items(), self._highest, strict=True)
            if not self._is_above(int(highest), sidecar)
            and not self._is_in(path, sidecar, finished)
        ]

    @staticmethod
    def _is_above(score: int, sidecar: Sidecar) -> bool:
        return score > sidecar.threshold * FULL_SCORE

    def _is_in(self, path: Path, sidecar: Sidecar, slices: Collection[int]) -> bool:
        """Whether some slices of a map hold the structure; without any, no map is opened."""
        if not slices:
            return False
        scores = files.read(path)
        highest = (int(scores.slice(z).max()) for z in slices)
        return any(self._is_above(score, sidecar) for score in highest)
