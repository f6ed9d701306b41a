"""Reads slices as a network wants them: normalised, resampled, neighbouring slices as channels.

Volume + pixel size + context -> slices and boxes (c, y, x) float32; scores -> the volume's own grid

Training, validation, prediction and int8 calibration read through `SliceReader` and nothing else,
so that all of them see the same pixels. It never reads more than the box that is asked for, except
once the whole slice, to find its padding.
"""

from __future__ import annotations

import math
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.continuity import Continuity
from seget.normalisation import Normalisation, normalisation
from seget.padding import padding
from seget.resampling import Resampling
from seget.spacing import in_words, resampling, steps
from seget.volume import Box, PixelSize, Volume

Pixels = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grey:
    """A slice and its neighbours as stored, for who normalises them elsewhere.

    Attributes
    ----------
    planes
        `(y, x)` grey values of each channel.
    padding
        `(y, x)` of each channel, True where it is padding; None if nothing is.
    """

    planes: list[npt.NDArray[Any]]
    padding: list[Bools | None]


@dataclass
class SliceReader:
    """Reads slices of a volume as a network of one pixel size and context wants them.

    Attributes
    ----------
    volume
        The volume to read.
    normalisation
        Of its grey values.
    pixel_nm
        `(y, x)` pixel size of the network; None if it is unknown or to be ignored.
    resampling
        From the volume's grid to the network's; None if they are the same.
    steps
        How many slices away the neighbours on either side are that are read as channels.
    invert
        Whether the contrast is inverted.
    continuity
        Which of the volume's slices follow each other.
    """

    volume: Volume
    normalisation: Normalisation
    pixel_nm: PixelSize | None = None
    resampling: Resampling | None = None
    steps: tuple[int, ...] = ()
    invert: bool = False
    continuity: Continuity = field(init=False, repr=False)
    _padding: dict[int, bytes | None] = field(default_factory=dict, repr=False)
    _recent: OrderedDict[int, Pixels] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        self.continuity = Continuity(self.volume)

    @classmethod
    def of(
        cls,
        volume: Volume,
        pixel_nm: PixelSize | None = None,
        context: int = 0,
        *,
        slice_nm: float | None = None,
        invert: bool = False,
        grey: Normalisation | None = None,
    ) -> SliceReader:
        """Return a reader of a volume for a network.

        Parameters
        ----------
        volume
            `(z, y, x)` tomogram of any type of number.
        pixel_nm, invert
            See the attributes. If either pixel size is unknown, the volume is not resampled.
        context, slice_nm
            Number of neighbours on either side, and the distance between slices that the network
            knows; see `steps` in spacing.py.
        grey
            The volume's normalisation, if it was measured before.

        Raises
        ------
        InputError
            The pixel sizes differ by a factor over `MOST_SCALE`, or the volume is empty.
        """
        found = grey or normalisation(volume)
        onto, apart = resampling(volume, pixel_nm), steps(volume, context, slice_nm)
        return cls(volume, found, pixel_nm, onto, apart, invert)

    @property
    def channels(self) -> int:
        """Number of channels that `read` returns: a slice and its neighbours."""
        return 2 * len(self.steps) + 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(z, y, x)` extent on the network's grid."""
        z, y, x = self.volume.shape
        return (z, *self.resampling.target) if self.resampling else (z, y, x)

    def read(self, z: int, box: Box | None = None) -> Pixels:
        """Return slice `z` and its neighbours, `(c, y, x)`, normalised; padding is 0.

        Parameters
        ----------
        box
            Rows and columns on the network's grid; None for the whole slice.
        """
        if not self.steps:
            return self._plane(z, box)[None]
        return np.stack([self._plane(n, box) for n in self.neighbours(z)])

    def neighbours(self, z: int) -> list[int]:
        """Return the numbers of the slices that `read` has as channels, in their order.

        Where the volume ends, or the next slice does not follow (see continuity.py), the last one
        before is repeated.
        """
        before, after = (self._side(z, sign) for sign in (-1, 1))
        return [*before[::-1], z, *after]

    def grey(self, z: int) -> Grey:
        """Return slice `z` and its neighbours, as `read` has them, as they are stored.

        Their grid is the volume's, whatever the network's.
        """
        numbers = self.neighbours(z)
        planes = [self.volume.slice(n) for n in numbers]
        return Grey(planes, [self._empty(n, p) for n, p in zip(numbers, planes, strict=True)])

    def plane(self, z: int) -> Pixels:
        """Return slice `z` alone, `(y, x)`, normalised; padding is 0."""
        return self._read(z, None)

    def content(self, z: int, box: Box | None = None) -> Bools | None:
        """Return `(y, x)`, True where slice `z` is not padding; None if it has no padding."""
        empty = self._empty(z)
        if empty is None:
            return None
        return self.on_grid(lambda part: ~(empty if part is None else empty[part]), box)

    def on_grid(self, read: Callable[[Box | None], Bools], box: Box | None = None) -> Bools:
        """Return a mask `(y, x)` on the network's grid, or a box of it.

        Parameters
        ----------
        read
            Function of a box on the volume's grid (None: the whole slice) that returns the mask.
        """
        if self.resampling is None:
            return read(box)
        source = None if box is None else self.resampling.box(box)
        # A pixel is foreground if at least half of it is.
        return self.resampling(read(source), box) >= 0.5

    def to_grid(self, y: float, x: float) -> tuple[int, int]:
        """Return the pixel of the network's grid that holds the centre of a pixel of the volume."""
        if self.resampling is None:
            return int(y), int(x)
        ratios = (
            target / source
            for source, target in zip(self.resampling.source, self.resampling.target, strict=True)
        )
        row, column = (int((at + 0.5) * ratio) for at, ratio in zip((y, x), ratios, strict=True))
        return row, column

    def restore(self, z: int, scores: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Resample scores `(k, y, x)` of slice `z` to the volume's grid, and set padding to 0."""
        if self.resampling is not None:
            scores = np.rint(self.resampling.inverse(scores)).astype(np.uint8)
        empty = self._empty(z)
        return scores if empty is None else np.where(empty, np.uint8(0), scores)

    def notes(self, slices: Iterable[int] = ()) -> list[str]:
        """Return sentences for people on how the volume is read; none if nothing is special.

        Parameters
        ----------
        slices
            That will be read: around them it is looked whether slices follow each other.
        """
        own = self.volume.pixel_nm
        notes = self.normalisation.notes()
        if self.pixel_nm is not None and own is None:
            notes.append(
                f"its pixel size is unknown and taken to be {in_words(self.pixel_nm)} nm; if that "
                "is wrong, state it (--voxel-size, or `seget info --fix`)."
            )
        if self.resampling is not None and self.pixel_nm is not None and own is not None:
            ratio = math.prod(self.resampling.target) / math.prod(self.resampling.source)
            notes.append(
                f"tomogram {in_words(own)} nm, model {in_words(self.pixel_nm)} nm: read at "
                f"{_size_in_words(math.sqrt(ratio))}."
            )
        apart = self.volume.slice_nm
        if apart is not None and self.steps != tuple(range(1, len(self.steps) + 1)):
            notes.append(
                f"its slices are {apart:.4g} nm apart, unlike those that the model learnt from: "
                f"the neighbours that it sees are {', '.join(map(str, self.steps))} slices away."
            )
        if jumps := self._jumps(slices):
            notes.append(
                f"the slice after {', '.join(map(str, jumps))} shows another place, or is damaged: "
                "none is a neighbour across such a jump."
            )
        return notes

    def _jumps(self, slices: Iterable[int]) -> list[int]:
        """Return the slices within the reach of some that the next one does not follow."""
        last, reach = self.volume.shape[0] - 1, self.steps[-1] if self.steps else 0
        near = {z + n for z in slices for n in range(-reach, reach)}
        return [z for z in sorted(near) if 0 <= z < last and self.continuity.jumps(z)]

    def _side(self, z: int, sign: int) -> list[int]:
        """Return the neighbours on one side of a slice, the nearest first."""
        last, end, side = self.volume.shape[0] - 1, z, []
        for step in self.steps:
            wanted = min(max(z + sign * step, 0), last)
            with self._lock:
                while end != wanted and self.continuity.follows(min(end, end + sign)):
                    end += sign
            side.append(end)
        return side

    def _plane(self, z: int, box: Box | None) -> Pixels:
        """Return one slice `(y, x)`, or a box of it."""
        if box is None and self.steps:
            with self._lock:  # neighbours are read again for the next slice
                if z not in self._recent:
                    self._recent[z] = self._read(z, None)
                    while len(self._recent) > 2 * self.steps[-1] + 1:
                        self._recent.popitem(last=False)
                return self._recent[z]
        return self._read(z, box)

    def _read(self, z: int, box: Box | None) -> Pixels:
        source = box if box is None or self.resampling is None else self.resampling.box(box)
        grey = self.volume.slice(z) if source is None else self.volume.box(z, source)
        empty = self._empty(z, grey if source is None else None)
        part = empty if empty is None or source is None else empty[source]
        pixels = self.normalisation(grey, part)
        if self.invert:
            np.negative(pixels, out=pixels)
        return pixels if self.resampling is None else self.resampling(pixels, box)

    def _empty(self, z: int, grey: npt.NDArray[Any] | None = None) -> Bools | None:
        """Return where a slice is padding, on the volume's grid; found once, then cached."""
        if z not in self._padding:
            found = padding(self.volume.slice(z) if grey is None else grey)
            # Outlines are simple: a thousand compressed masks take the memory of one slice.
            self._padding[z] = (
                None if found is None else zlib.compress(np.packbits(found).tobytes(), 1)
            )
        packed = self._padding[z]
        if packed is None:
            return None
        bits = np.frombuffer(zlib.decompress(packed), np.uint8)
        shape = self.volume.shape[1:]
        return np.unpackbits(bits, count=math.prod(shape)).reshape(shape).view(np.bool_)


def _size_in_words(ratio: float) -> str:
    named = {0.5: "half size", 2.0: "twice its size"}
    return named.get(round(ratio, 2), f"{ratio:.2f} times its size")
