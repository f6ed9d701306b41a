"""What is drawn: a label a voxel, which of them a hand has painted, and how to undo it.

strokes, accepted predictions -> labels `(z, y, x)`; a stored slice -> masks of 1, 0 and 255

It never opens a file. The labels are the array that napari paints into; what was painted is found
by comparing them with a copy, so that nothing depends on how a brush works.
"""

from __future__ import annotations

import math
import mmap
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

Done = Callable[[npt.NDArray[np.int64], Labels], None]

FOREGROUND, BACKGROUND, IGNORED = 1, 0, 255  # in a mask
HAND, HAND_BIT = 128, 7  # added to the label of a pixel that a hand painted, where it is stored
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
    """

    def __init__(self, shape: tuple[int, int, int], done: Done | None = None) -> None:
        self.labels = blank(shape)
        self._done = done  # is told of every edit, its undoing included
        # Slice -> how many pixels are stored as each number, so that no stroke counts a slice.
        self._counts: dict[int, npt.NDArray[np.int64]] = {}
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

    @property
    def slices(self) -> set[int]:
        """The slices on which something is drawn or was erased."""
        return {z for z, counts in self._counts.items() if counts[1:].any()}

    def shown(self, z: int) -> set[int]:
        """Return the labels that are drawn on a slice."""
        counts = self._counts.get(z)
        if counts is None:
            return set()
        return {int(value) for value in np.flatnonzero(counts[:HAND] + counts[HAND:]) if value}

    def lock(self, values: Iterable[int]) -> None:
        """Let painting and accepting leave these labels as they are, and no others."""
        self._locked[:] = False
        self._locked[list(values)] = True

    def spare_locked(self, z: int) -> bool:
        """Take back what was painted onto or with a locked label; say whether anything was."""
        if not self._locked.any():
            return False
        box = self._changed_box(z)
        if box is None:
            return False
        painted, kept = self.labels[z][box], self._kept[z][box]
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
                edits.append(self._edit(z, changed, self.labels[z][changed] | np.uint8(HAND)))
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
        return self._do([self._edit(z, changed, wanted[changed])])

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

    def packed(self, z: int) -> Labels:
        """Return slice `z` as it is stored: labels, with `HAND` added where a hand painted."""
        return np.asarray(self._kept[z] | (self._hand[z] << HAND_BIT), np.uint8)

    def unpack(self, z: int, stored: Labels) -> None:
        """Put back a slice that was stored, without an undo."""
        self._hand[z] = stored >> HAND_BIT
        self._kept[z] = stored % HAND
        self.labels[z] = self._kept[z]
        self._counts[z] = np.bincount(stored.reshape(-1), minlength=256)

    def _changed_box(self, z: int) -> tuple[slice, slice] | None:
        """Return the rows and columns in which a slice was painted since the last stroke."""
        changed = self.labels[z] != self._kept[z]
        rows = np.flatnonzero(changed.any(axis=1))
        if not rows.size:
            return None
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        columns = np.flatnonzero(changed[top:bottom].any(axis=0))
        return slice(top, bottom), slice(int(columns[0]), int(columns[-1]) + 1)

    def _edit(self, z: int, changed: Bools, after: Labels) -> Edit:
        where = np.flatnonzero(changed) + z * changed.size
        return Edit(where, self._stored(where), np.asarray(after, np.uint8))

    def _stored(self, where: npt.NDArray[np.int64]) -> Labels:
        hand = self._hand.reshape(-1)[where] << HAND_BIT
        return np.asarray(self._kept.reshape(-1)[where] | hand, np.uint8)

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
        if self._done is not None:
            self._done(where, stored)
        return self.replay(where, stored)

    def replay(self, where: npt.NDArray[np.int64], stored: Labels) -> set[int]:
        """Change voxels to what was stored of them; return the slices that changed."""
        before = self._stored(where)
        labels, hand = stored % HAND, stored >> HAND_BIT
        for array, values in ((self.labels, labels), (self._kept, labels), (self._hand, hand)):
            array.reshape(-1)[where] = values
        slices = where // math.prod(self.shape[1:])
        touched = [int(z) for z in np.unique(slices)]
        for z in touched:
            own = slice(None) if len(touched) == 1 else slices == z
            counts = self._counts.setdefault(z, np.zeros(256, np.int64))
            counts += np.bincount(stored[own], minlength=256)
            counts -= np.bincount(before[own], minlength=256)
            counts[0] = 0  # of pixels that were not drawn nothing is known
        return set(touched)


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
