"""The mask of one structure, whatever number its file stores for foreground.

mask volume -> counts of its values -> which value is foreground -> bool slices

It never opens a file, never keeps a mask in memory, and never guesses between two labels.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.volume import Box, Volume

Number = int | float
SHOWN = 8  # values of a mask that an error lists
MOST_LABELS = 10_000  # different values in a slice; with more, it is an image and no mask


@dataclass(frozen=True)
class Mask:
    """The mask of one structure.

    Attributes
    ----------
    volume
        `(z, y, x)` numbers as the file stores them.
    value
        The label named in the dataset.toml, or None for a mask of two values.
    stored
        The value of foreground in `volume`, which differs from the label in signed bytes.
    foreground_px
        Foreground pixels of every slice, `z` of them; 0 in a slice that is not annotated.
    """

    volume: Volume
    value: int | None
    stored: Number
    foreground_px: tuple[int, ...]

    def slice(self, z: int) -> npt.NDArray[np.bool_]:
        """Return slice `z` as a `(y, x)` array, True where the structure is."""
        return np.asarray(self.volume.slice(z) == self.stored)

    def box(self, z: int, box: Box | None) -> npt.NDArray[np.bool_]:
        """Return rows and columns of slice `z`; None for the whole of it."""
        if box is None:
            return self.slice(z)
        return np.asarray(self.volume.box(z, box) == self.stored)

    def sha256(self, slices: Sequence[int]) -> str:
        """Hash what is drawn on some slices, however the file stores it."""
        digest = hashlib.sha256(repr(self.volume.shape).encode())
        for z in slices:
            digest.update(f"{z} ".encode() + np.packbits(self.slice(z)).tobytes())
        return digest.hexdigest()


@dataclass
class MaskFile:
    """A mask file and how often each value occurs in each of its annotated slices."""

    path: Path
    volume: Volume
    per_slice: dict[int, dict[Number, int]]
    total: Counter[Number] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for counts in self.per_slice.values():
            self.total.update(counts)

    @property
    def is_signed_byte(self) -> bool:
        """Whether the file stores signed bytes, in which labels above 127 wrap."""
        return bool(self.volume.data.dtype == np.int8)

    @property
    def offset(self) -> int:
        """What to add to a stored value to get the label that was drawn: 128 or 0.

        IMOD stores a label in a signed byte as label - 128, so background is -128. It is recognised
        by -128 being the commonest value, by -128 without any 0, or by -127 alone.
        """
        if not self.is_signed_byte:
            return 0
        commonest = max(self.total, key=lambda number: self.total[number])
        shifted = commonest == -128 or (-128 in self.total and 0 not in self.total)
        return 128 if shifted or set(self.total) == {-127} else 0

    def mask(self, structure: str, value: int | None) -> Mask:
        """Return the mask of `structure`: the label `value`, or the only one if that is None."""
        stored = self._only_label(structure) if value is None else value - self.offset
        if value is not None and self.is_signed_byte and 128 <= stored <= 255:
            stored -= 256  # 255 is -1 in a signed byte
        if not self.total[stored]:
            raise InputError(
                f"{self.path}: the mask of {structure} has no foreground in the annotated slices, "
                f"which hold only {self._listed()}; draw it, correct value or slices, or leave "
                "this mask out."
            )
        depth = self.volume.shape[0]
        foreground = tuple(self.per_slice.get(z, {}).get(stored, 0) for z in range(depth))
        return Mask(self.volume, value, stored, foreground)

    def _only_label(self, structure: str) -> Number:
        background = -self.offset
        labels = [number for number in self.total if number != background]
        if len(labels) > 1:
            raise InputError(
                f"{self.path}: the mask of {structure} holds {self._listed()}, wanted 0 and one "
                f"other value; name the value that is {structure} in the dataset: "
                f'{{ file = "{self.path.name}", value = ... }}.'
            )
        return labels[0] if labels else background + 1

    def _listed(self) -> str:
        values = [f"{number + self.offset:.10g}" for number in sorted(self.total)]
        return ", ".join(values[:SHOWN]) + (", ..." if len(values) > SHOWN else "")


def count(path: Path, volume: Volume, image: Volume, annotated: Sequence[int]) -> MaskFile:
    """Count the values in the annotated slices of the mask `volume`, which was read from `path`.

    Raises
    ------
    InputError
        The mask does not have the shape of `image`, or holds grey values.
    """
    if volume.shape != image.shape:
        raise InputError(
            f"{path}: this mask has the shape {volume.shape} (z, y, x), the tomogram "
            f"{image.path or image.name} has {image.shape}; save the mask on the tomogram's grid."
        )
    per_slice: dict[int, dict[Number, int]] = {}
    for z in annotated:
        per_slice[z] = _tally(volume.slice(z))
        if len(per_slice[z]) > MOST_LABELS:
            raise InputError(
                f"{path}: slice {z} holds {len(per_slice[z])} different values, wanted the labels "
                "of a mask; give the mask and not a tomogram or a score map."
            )
    return MaskFile(path, volume, per_slice)


def _tally(pixels: npt.NDArray[Any]) -> dict[Number, int]:
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
