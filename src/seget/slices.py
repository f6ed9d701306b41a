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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.normalisation import Normalisation, normalisation
from seget.padding import padding
from seget.resampling import Resampling
from seget.volume import Box, PixelSize, Volume

Pixels = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

# Pixel sizes that differ by a smaller factor are taken as equal: interpolating would lose more.
SAME_SIZE = 1.05
# Pixel sizes that differ by a larger factor are refused.
MOST_SCALE = 4.0


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
    context
        Neighbouring slices on either side that are read as channels.
    invert
        Whether the contrast is inverted.
    """

    volume: Volume
    normalisation: Normalisation
    pixel_nm: PixelSize | None = None
    resampling: Resampling | None = None
    context: int = 0
    invert: bool = False
    _padding: dict[int, bytes | None] = field(default_factory=dict, repr=False)
    _recent: OrderedDict[int, Pixels] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @classmethod
    def of(
        cls,
        volume: Volume,
        pixel_nm: PixelSize | None = None,
        context: int = 0,
        *,
        invert: bool = False,
        grey: Normalisation | None = None,
    ) -> SliceReader:
        """Return a reader of a volume for a network.

        Parameters
        ----------
        volume
            `(z, y, x)` tomogram of any type of number.
        pixel_nm, context, invert
            See the attributes. If either pixel size is unknown, the volume is not resampled.
        grey
            The volume's normalisation, if it was measured before.

        Raises
        ------
        InputError
            The pixel sizes differ by a factor over `MOST_SCALE`, or the volume is empty.
        """
        found = grey or normalisation(volume)
        return cls(volume, found, pixel_nm, _resampling(volume, pixel_nm), context, invert)

    @property
    def channels(self) -> int:
        """Number of channels that `read` returns: a slice and its neighbours."""
        return 2 * self.context + 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(z, y, x)` extent on the network's grid."""
        z, y, x = self.volume.shape
        return (z, *self.resampling.target) if self.resampling else (z, y, x)

    def read(self, z: int, box: Box | None = None) -> Pixels:
        """Return slice `z` and its neighbours, `(c, y, x)`, normalised; padding is 0.

        Beyond the ends of the volume its first or last slice is repeated.

        Parameters
        ----------
        box
            Rows and columns on the network's grid; None for the whole slice.
        """
        if not self.context:
            return self._plane(z, box)[None]
        last = self.volume.shape[0] - 1
        numbers = range(z - self.context, z + self.context + 1)
        return np.stack([self._plane(min(max(n, 0), last), box) for n in numbers])

    def grey(self, z: int) -> Grey:
        """Return slice `z` and its neighbours, as `read` has them, as they are stored.

        Their grid is the volume's, whatever the network's.
        """
        last = self.volume.shape[0] - 1
        numbers = [min(max(z + n, 0), last) for n in range(-self.context, self.context + 1)]
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

    def notes(self) -> list[str]:
        """Return sentences for people on how the volume is read; none if nothing is special."""
        own = self.volume.pixel_nm
        notes = self.normalisation.notes()
        if self.pixel_nm is not None and own is None:
            notes.append(
                f"its pixel size is unknown and taken to be {_words(self.pixel_nm)} nm; if that is "
                "wrong, state it (--voxel-size, or `seget info --fix`)."
            )
        if self.resampling is not None and self.pixel_nm is not None and own is not None:
            ratio = math.prod(self.resampling.target) / math.prod(self.resampling.source)
            notes.append(
                f"tomogram {_words(own)} nm, model {_words(self.pixel_nm)} nm: read at "
                f"{_size_in_words(math.sqrt(ratio))}."
            )
        return notes

    def _plane(self, z: int, box: Box | None) -> Pixels:
        """Return one slice `(y, x)`, or a box of it."""
        if box is None and self.context:
            with self._lock:  # neighbours are read again for the next slice
                if z not in self._recent:
                    self._recent[z] = self._read(z, None)
                    while len(self._recent) > self.channels:
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


def common_pixel_nm(volumes: Sequence[Volume], wanted_nm: float | None = None) -> PixelSize | None:
    """Return the `(y, x)` pixel size to which all training volumes are resampled.

    `wanted_nm` (the recipe's) if given, else the median of those known, of two the finer.
    """
    if wanted_nm is not None:
        return wanted_nm, wanted_nm
    known = [size for size in (volume.pixel_nm for volume in volumes) if size is not None]
    if not known:
        return None
    middle = median_low(math.prod(size) for size in known)
    return next(size for size in known if math.prod(size) == middle)


def _resampling(volume: Volume, pixel_nm: PixelSize | None) -> Resampling | None:
    own = volume.pixel_nm
    if own is None or pixel_nm is None:
        return None
    scales = [size / wanted for size, wanted in zip(own, pixel_nm, strict=True)]
    if all(1 / SAME_SIZE <= scale <= SAME_SIZE for scale in scales):
        return None
    if max(max(scale, 1 / scale) for scale in scales) > MOST_SCALE:
        raise InputError(
            f"{volume.path or volume.name}: its pixels are {_words(own)} nm, the model's "
            f"{_words(pixel_nm)} nm, wanted at most a factor of {MOST_SCALE:g} between them; if "
            "its header is wrong, state the size (--voxel-size, or `seget info --fix`), else bin "
            "it, or train at a size between them (--set pixel_nm=NM)."
        )
    source = volume.shape[1], volume.shape[2]
    height, width = (
        max(1, round(extent * scale)) for extent, scale in zip(source, scales, strict=True)
    )
    return Resampling(source, (height, width))


def _size_in_words(ratio: float) -> str:
    named = {0.5: "half size", 2.0: "twice its size"}
    return named.get(round(ratio, 2), f"{ratio:.2f} times its size")


def _words(size: PixelSize) -> str:
    y, x = (f"{nm:.4g}" for nm in size)
    return y if y == x else f"{y} x {x}"
