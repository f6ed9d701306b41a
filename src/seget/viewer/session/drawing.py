"""What is drawn: a label a voxel, which of them a hand has painted, and how to undo it.

strokes, accepted predictions -> labels `(z, y, x)`; a stored slice -> masks of 1, 0 and 255

It never opens a file. The labels are the array that napari paints into; what was painted is found
by comparing them with a copy, so that nothing depends on how a brush works.
"""

from __future__ import annotations

import math
import mmap
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

FOREGROUND, BACKGROUND, IGNORED = 1, 0, 255  # in a mask
HAND = 128  # added to the label of a pixel that was painted by hand, where a slice is stored
MOST_UNDO_BYTES = 2**28


@dataclass(frozen=True)
class Edit:
    """Pixels that changed together, and what undoes that.

    Attributes
    ----------
    where
        `(n,)` flat indices of voxels.
    before, after
        `(n,)` their labels, with `HAND` added where a hand painted them.
    """

    where: npt.NDArray[np.int64]
    before: Labels
    after: Labels

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.where.nbytes + self.before.nbytes + self.after.nbytes


class Drawing:
    """The drawn labels of a tomogram.

    Attributes
    ----------
    labels
        `(z, y, x)` uint8, 0 where nothing is drawn: whoever paints writes into it, and calls
        `take_strokes` then. Its pages take memory once they are written.
    slices
        The slices on which something is drawn.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.labels = blank(shape)
        self.slices: set[int] = set()
        self._kept = blank(shape)  # labels at the last stroke
        self._hand = blank(shape)  # 1 where a hand painted or erased
        self._locked = np.zeros(256, np.bool_)
        self._undo: deque[Edit] = deque()
        self._redo: deque[Edit] = deque()

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(z, y, x)` extent."""
        z, y, x = self.labels.shape
        return z, y, x

    def lock(self, values: Iterable[int]) -> None:
        """Let painting and accepting leave these labels as they are, and no others."""
        self._locked[:] = False
        self._locked[list(values)] = True

    def spare_locked(self, z: int) -> bool:
        """Take back what was painted onto or with a locked label; say whether anything was."""
        if not self._locked.any():
            return False
        painted, kept = self.labels[z], self._kept[z]
        wrong = (painted != kept) & (self._locked[painted] | self._locked[kept])
        if not wrong.any():
            return False
        painted[wrong] = kept[wrong]
        return True

    def take_strokes(self, slices: Iterable[int]) -> set[int]:
        """Take what was painted in some slices since the last call as one edit, done by hand.

        Returns
        -------
        The slices that changed.
        """
        edits = []
        for z in slices:
            self.spare_locked(z)
            changed = self.labels[z] != self._kept[z]
            if changed.any():
                before = self.packed(z, self._kept[z])[changed]
                edits.append(self._edit(z, changed, before, self.labels[z][changed] | HAND))
        return self._do(edits)

    def accept(self, z: int, wanted: Labels, where: Bools | None = None) -> set[int]:
        """Draw predicted labels `(y, x)`, all or those of some pixels, as one edit.

        Pixels that a hand painted and locked structures stay as they are.
        """
        drawn = self.labels[z]
        open_to = (self._hand[z] == 0) & ~self._locked[drawn] & ~self._locked[wanted]
        changed = open_to & (wanted != drawn)
        if where is not None:
            changed &= where
        if not changed.any():
            return set()
        return self._do([self._edit(z, changed, drawn[changed], wanted[changed])])

    def erase(self, value: int) -> set[int]:
        """Take a structure out of every slice, as one edit."""
        edits = []
        for z in sorted(self.slices):
            changed = self.labels[z] == value
            if changed.any():
                before = self.packed(z)[changed]
                edits.append(self._edit(z, changed, before, np.zeros_like(before)))
        return self._do(edits)

    def undo(self) -> set[int]:
        """Undo the last edit; return the slices that changed, none if there is no edit."""
        return self._move(self._undo, self._redo, back=True)

    def redo(self) -> set[int]:
        """Do again what was undone last; return the slices that changed."""
        return self._move(self._redo, self._undo, back=False)

    def hand(self, z: int) -> Bools:
        """Return `(y, x)`, True where a hand painted or erased."""
        painted: Bools = self._hand[z] != 0
        return painted

    def packed(self, z: int, labels: Labels | None = None) -> Labels:
        """Return slice `z` as it is stored: labels, with `HAND` added where a hand painted."""
        drawn = self._kept[z] if labels is None else labels
        return np.asarray(drawn | (self._hand[z] * np.uint8(HAND)), np.uint8)

    def unpack(self, z: int, stored: Labels) -> None:
        """Put back a slice that was stored, without an undo."""
        self._hand[z] = stored >= HAND
        self._kept[z] = stored % HAND
        self.labels[z] = self._kept[z]
        self._recount({z})

    def _edit(self, z: int, changed: Bools, before: Labels, after: Labels) -> Edit:
        rows = z * changed.size + np.flatnonzero(changed)
        return Edit(rows.astype(np.int64), before, np.asarray(after, np.uint8))

    def _do(self, edits: list[Edit]) -> set[int]:
        if not edits:
            return set()
        edit = edits[0]
        if len(edits) > 1:
            edit = Edit(
                np.concatenate([one.where for one in edits]),
                np.concatenate([one.before for one in edits]),
                np.concatenate([one.after for one in edits]),
            )
        self._redo.clear()
        self._undo.append(edit)
        while len(self._undo) > 1 and sum(one.nbytes for one in self._undo) > MOST_UNDO_BYTES:
            self._undo.popleft()
        return self._put(edit.where, edit.after)

    def _move(self, source: deque[Edit], target: deque[Edit], back: bool) -> set[int]:
        if not source:
            return set()
        edit = source.pop()
        target.append(edit)
        return self._put(edit.where, edit.before if back else edit.after)

    def _put(self, where: npt.NDArray[np.int64], stored: Labels) -> set[int]:
        labels, hand = stored % HAND, stored >= HAND
        for array, values in ((self.labels, labels), (self._kept, labels), (self._hand, hand)):
            array.reshape(-1)[where] = values
        touched = {int(z) for z in np.unique(where // math.prod(self.shape[1:]))}
        self._recount(touched)
        return touched

    def _recount(self, slices: set[int]) -> None:
        for z in slices:
            if self._kept[z].any() or self._hand[z].any():
                self.slices.add(z)
            else:
                self.slices.discard(z)


def mask_of(stored: Labels, value: int, complete: bool) -> Labels:
    """Return the mask `(y, x)` of a structure from a slice as `Drawing.packed` gives it.

    1 where it is drawn; 0 where something else is, where a hand erased, and, if the slice is
    `complete`, where nothing is; elsewhere 255: nobody looked there.
    """
    mask = np.full(stored.shape, BACKGROUND if complete else IGNORED, np.uint8)
    mask[stored != 0] = BACKGROUND
    mask[stored % HAND == value] = FOREGROUND
    return mask


def blank(shape: tuple[int, int, int]) -> Labels:
    """Return an array of zeros whose pages take memory only once they are written."""
    reserve_none = getattr(mmap, "MAP_NORESERVE", 0)
    pages = mmap.mmap(
        -1, max(1, math.prod(shape)), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | reserve_none
    )
    return np.frombuffer(pages, np.uint8, math.prod(shape)).reshape(shape)
