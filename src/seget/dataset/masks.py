"""The mask of one structure: where it is, and where it was looked for.

mask volume + which of its numbers are foreground + its annotated slices -> bool slices

It never opens a file and never keeps a mask in memory. A pixel that is not labelled is neither
foreground nor background: the loss, the choice of patches and the scores leave it out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from seget.dataset.selection import Selection
from seget.dataset.split import Split
from seget.volume import Box, Volume

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Mask:
    """The mask of one structure.

    Attributes
    ----------
    volume
        `(z, y, x)` numbers as the file stores them.
    selection
        Which of them are foreground, and which are not labelled.
    annotated
        Its annotated slices, ascending. In the others no pixel is labelled.
    split
        The annotated slices by part.
    foreground_px, labelled_px
        Foreground and labelled pixels of every slice, `z` of them; 0 in a slice that is not
        annotated.
    notes
        Sentences for people on what may be wrong with it.
    """

    volume: Volume
    selection: Selection
    annotated: tuple[int, ...]
    split: Split
    foreground_px: tuple[int, ...]
    labelled_px: tuple[int, ...]
    notes: tuple[str, ...] = ()
    _ends: dict[tuple[int, bool], npt.NDArray[np.int64]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def slice(self, z: int) -> Bools:
        """Return slice `z` as a `(y, x)` array, True where the structure is."""
        return self.box(z, None)

    def box(self, z: int, box: Box | None) -> Bools:
        """Return rows and columns of slice `z`; None for the whole of it."""
        if z not in self.annotated:
            return np.zeros(self._extent(box), np.bool_)
        return self.selection.foreground(self._pixels(z, box))

    def is_labelled_all_over(self, z: int) -> bool:
        """Whether every pixel of slice `z` is labelled."""
        return self.labelled_px[z] == self.volume.shape[1] * self.volume.shape[2]

    def labelled(self, z: int) -> Bools | None:
        """Return `(y, x)`, True where slice `z` is labelled; None if all of it is."""
        return None if self.is_labelled_all_over(z) else self.labelled_box(z, None)

    def labelled_box(self, z: int, box: Box | None) -> Bools:
        """Return rows and columns of slice `z`, True where they are labelled."""
        if z not in self.annotated:
            return np.zeros(self._extent(box), np.bool_)
        if self.is_labelled_all_over(z):
            return np.ones(self._extent(box), np.bool_)
        return self.selection.labelled(self._pixels(z, box))

    def draw(self, z: int, rng: np.random.Generator, *, labelled: bool = False) -> tuple[int, int]:
        """Draw a foreground pixel `(y, x)` of slice `z`, or a labelled one; all alike probable.

        Of a slice that was asked for before only one row is read.
        """
        read = self.labelled_box if labelled else self.box
        if (z, labelled) not in self._ends:
            self._ends[z, labelled] = np.cumsum(read(z, None).sum(axis=1))
        ends = self._ends[z, labelled]  # of each row: how many such pixels there are up to its end
        number = int(rng.integers(ends[-1]))
        row = int(np.searchsorted(ends, number, side="right"))
        within = number - (int(ends[row - 1]) if row else 0)
        pixels = read(z, (slice(row, row + 1), slice(None)))
        return row, int(np.flatnonzero(pixels)[within])

    def sha256(self, slices: Sequence[int]) -> str:
        """Hash what is drawn and what is labelled on some slices, however the file stores it."""
        digest = hashlib.sha256(repr(self.volume.shape).encode())
        for z in slices:
            digest.update(f"{z} ".encode() + np.packbits(self.slice(z)).tobytes())
            labelled = self.labelled(z)
            if labelled is not None:
                digest.update(b"labelled " + np.packbits(labelled).tobytes())
        return digest.hexdigest()

    def _pixels(self, z: int, box: Box | None) -> npt.NDArray[np.generic]:
        return self.volume.slice(z) if box is None else self.volume.box(z, box)

    def _extent(self, box: Box | None) -> tuple[int, int]:
        _, height, width = self.volume.shape
        if box is None:
            return height, width
        rows, columns = box
        return len(range(height)[rows]), len(range(width)[columns])
