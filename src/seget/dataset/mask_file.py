"""A mask file: which of its numbers are a structure, and a sentence where that cannot be told.

mask volume + its keys in the dataset.toml -> Selection, foreground and labelled pixels a slice

It never keeps a slice, and never guesses between two labels.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seget.dataset.looks import Levels, look
from seget.dataset.selection import Number, Selection, tally
from seget.dataset.tables import MaskTable
from seget.errors import InputError
from seget.padding import is_drawn, padding
from seget.volume import Volume

SHOWN = 8  # values of a mask that an error lists
MOST_LABELS = 10_000  # different values in a slice; with more, it is looked at before going on
FEW_LABELS = 8  # of labels up to this one, 255 is rather "not looked at" than another label
NOT_LOOKED_AT = (255, 65535, -1)


class Look(NamedTuple):
    """What the numbers of a mask look like, and how often each finite one was drawn."""

    kind: Literal["labels", "blurred", "tomogram"]
    drawn: dict[Number, int]


@dataclass
class MaskFile:
    """A mask file, and how often each number occurs in the slices that were counted.

    Attributes
    ----------
    path
        The file or folder, for sentences.
    volume
        `(z, y, x)` numbers as it stores them, on the tomogram's grid.
    image
        The tomogram.
    """

    path: Path
    volume: Volume
    image: Volume
    _tallies: dict[int, dict[Number, int]] = field(default_factory=dict, repr=False)

    def select(self, structure: str, entry: MaskTable, slices: Sequence[int]) -> Selection:
        """Return which numbers are the structure, by the keys of the dataset.toml.

        Raises
        ------
        InputError
            `value` is not given, and there are several labels; or the numbers are no labels.
        """
        offset = self.offset(slices)
        ignored = None if entry.ignore is None else self._stored(entry.ignore, offset)
        if entry.above is not None:
            return Selection(above=entry.above - offset, ignored=ignored)
        if entry.value == "any":
            return Selection(background=-offset, ignored=ignored)
        self._refuse_grey(structure, entry, slices)
        if entry.value is not None:
            values = entry.value if isinstance(entry.value, list) else [int(entry.value)]
            stored = tuple(self._stored(value, offset) for value in values)
            return Selection(values=stored, ignored=ignored)
        numbers = [n for n in self.total(slices) if math.isfinite(n)]
        labels = [n for n in numbers if n not in (-offset, ignored)]
        if len(labels) > 1:
            raise InputError(self._which(structure, entry, slices))
        return Selection(values=(labels[0] if labels else 1 - offset,), ignored=ignored)

    def count(
        self, selection: Selection, slices: Sequence[int]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the foreground and the labelled pixels of every slice, 0 in those not named."""
        counted = {}
        for z in slices:
            if self._is_tallied_for(selection):
                counted[z] = selection.count(self.tally(z))
            else:
                pixels = self.volume.slice(z)
                found = selection.foreground(pixels).sum(), selection.labelled(pixels).sum()
                counted[z] = int(found[0]), int(found[1])
        foreground, labelled = zip(
            *(counted.get(z, (0, 0)) for z in range(self.volume.shape[0])), strict=True
        )
        return foreground, labelled

    def total(self, slices: Sequence[int]) -> Counter[Number]:
        """Return how often each number occurs in some slices."""
        found: Counter[Number] = Counter()
        for z in slices:
            found.update(self.tally(z))
        return found

    def seen(self, entry: MaskTable, slices: Sequence[int]) -> Counter[Number]:
        """Return the same without the number that is ignored."""
        found = self.total(slices)
        if entry.ignore is not None:
            found.pop(self._stored(entry.ignore, self.offset(slices)), None)
        return found

    def tally(self, z: int) -> dict[Number, int]:
        """Return how often each number occurs in a slice, which is counted once."""
        if z not in self._tallies:
            self._tallies[z] = tally(self.volume.slice(z))
        return self._tallies[z]

    def richest(self, slices: Sequence[int]) -> int:
        """Return the slice with the most different numbers, of those that are counted."""
        return max(slices, key=lambda z: len(self.tally(z)))

    def look(self, slices: Sequence[int]) -> Look:
        """Say what the numbers in some slices look like.

        Of a mask with very many numbers in a slice, those of the first such slice, if it is blurred
        or a tomogram: the others are not counted.
        """
        for z in slices:
            many = self.tally(z)
            if len(many) > MOST_LABELS:
                kind = look(many, partial(self.volume.slice, z))
                if kind != "labels":
                    return Look(kind, {n: times for n, times in many.items() if math.isfinite(n)})
        offset = self.offset(slices)
        total = self.total(slices)
        drawn = {n + offset: times for n, times in total.items() if math.isfinite(n)}
        if len(drawn) < 2:
            return Look("labels", drawn)
        shown = partial(self._drawn, self.richest(slices), offset)
        return Look(look(drawn, shown), drawn)

    def _drawn(self, z: int, offset: int) -> npt.NDArray[Any]:
        pixels = self.volume.slice(z)
        return pixels.astype(np.int16) + offset if offset else pixels

    def offset(self, slices: Sequence[int]) -> int:
        """Return what to add to a stored number to get the label that was drawn: 128 or 0.

        IMOD stores a label in a signed byte as label - 128, so background is -128. It is recognised
        by -128 being the commonest number, by -128 without any 0, or by -127 alone.
        """
        if self.volume.data.dtype != np.int8:
            return 0
        total = self.total(slices)
        commonest = max(total, key=lambda number: total[number])
        shifted = commonest == -128 or (-128 in total and 0 not in total)
        return 128 if shifted or set(total) == {-127} else 0

    def listed(self, slices: Sequence[int]) -> str:
        """Return the numbers in some slices, the first few of many."""
        offset = self.offset(slices)
        numbers = sorted(self.total(slices))
        shown = [f"{n + offset:.10g}" for n in numbers[:SHOWN]]
        return ", ".join(shown) + (", ..." if len(numbers) > SHOWN else "")

    def _is_tallied_for(self, selection: Selection) -> bool:
        # Counting every number of a slice takes longer than comparing it; bytes are quick.
        compared = selection.above is not None or selection.background is not None
        return not compared or self.volume.data.dtype.itemsize == 1

    def _stored(self, value: int, offset: int) -> int:
        stored = value - offset
        if self.volume.data.dtype == np.int8 and 128 <= stored <= 255:
            stored -= 256  # 255 is -1 in a signed byte
        return stored

    def _refuse_grey(self, structure: str, entry: MaskTable, slices: Sequence[int]) -> None:
        """Refuse a slice with very many numbers that are no labels, before going on to the next."""
        for z in slices:
            found = self.tally(z)
            if len(found) <= MOST_LABELS:
                continue
            pixels = self.volume.slice(z)
            if look(found, partial(np.asarray, pixels)) != "labels":
                bare = entry.model_copy(update={"value": None})
                raise InputError(self._sentence(structure, bare, Counter(found), z, pixels))

    def _which(self, structure: str, entry: MaskTable, slices: Sequence[int]) -> str:
        """Say what several numbers look like, and offer the key that fits."""
        z = self.richest(slices)
        pixels = self.volume.slice(z)
        return self._sentence(structure, entry, self.seen(entry, slices), z, pixels)

    def _sentence(
        self,
        structure: str,
        entry: MaskTable,
        total: Counter[Number],
        z: int,
        pixels: npt.NDArray[Any],
    ) -> str:
        offset = 128 if self.volume.data.dtype == np.int8 and min(total) == -128 else 0
        drawn = {n + offset: times for n, times in total.items() if math.isfinite(n)}
        kind = look(drawn, lambda: pixels.astype(np.int16) + 128 if offset else pixels)
        if kind == "tomogram":
            return self._exchanged(z, pixels)
        if kind == "labels":
            return self._labels(structure, entry, drawn)
        low, *between, high = sorted(drawn)
        labels = ""
        if between and len(between) < FEW_LABELS and float(between[0]).is_integer():
            labels = f", or if they are labels {entry.inline(value=int(between[0]))}"
        return (
            f"{self.path}: the mask of {structure} holds {len(drawn):,} numbers from "
            f"{low:.4g} to {high:.4g}, as a rim has that was interpolated or saved as "
            f"JPEG, or a probability; say above which of them it is {structure}, half-way: "
            f"{entry.inline(above=Levels.of(drawn).middle)}{labels}."
        )

    def _labels(self, structure: str, entry: MaskTable, drawn: dict[Number, int]) -> str:
        numbers = sorted(drawn)
        labels: list[Any] = [int(n) for n in numbers if n != 0]
        shown = ", ".join(f"{n:.10g}" for n in numbers[:SHOWN])
        shown += ", ..." if len(numbers) > SHOWN else ""
        mends = [f"if one of these labels is, {entry.inline(value=labels[0])}"]
        if 0 in drawn:
            mends.insert(0, f"if all that is not 0 is, {entry.inline(value='any')}")
        if 0 in drawn or len(labels) > 2:
            mends.append(f"if several are, {entry.inline(value=labels[:2])}")
        unseen = [n for n in labels if n in NOT_LOOKED_AT]
        rest = [n for n in labels if n not in NOT_LOOKED_AT]
        if unseen and rest and max(rest) <= FEW_LABELS and entry.ignore is None:
            found = entry.inline(value=rest[0], ignore=unseen[0])
            mends.append(f"if {unseen[0]} means not looked at, {found}")
        return (
            f"{self.path}: the mask of {structure} holds {shown}, wanted 0 and one other value; "
            f"name the value that is {structure}: {'; '.join(mends)}."
        )

    def _exchanged(self, z: int, pixels: npt.NDArray[Any]) -> str:
        empty = padding(pixels)
        shown = pixels if empty is None else pixels[~empty]
        counts = np.unique(shown, return_counts=True)[1]
        if self.image.path is not None and self.image.path.resolve() == self.path.resolve():
            mend = "it is the tomogram itself: give the mask"
        elif is_drawn(self.image.slice(self.image.shape[0] // 2)):
            mend = f"{self.image.path or self.image.name} looks like a mask: exchange the two"
        else:
            mend = "give the mask, with image and mask exchanged if they are"
        return (
            f"{self.path}: slice {z} holds {counts.size:,} grey values, none of them on more than "
            f"{counts.max() / shown.size:.1%} of its pixels, as a tomogram does; {mend}."
        )
