"""Chooses the size of the windows so that they fit into memory; states what a run will take.

shape + network + memory -> edge of the windows, a sentence for people

It never computes a score. Slices are taken whole if they fit, else in the largest windows that do:
the halo of every window is computed once more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from seget import machine
from seget.errors import RunError
from seget.networks import Architecture
from seget.patches import windows

# Smaller windows would be nearly all halo: a little less memory for much more time.
SMALLEST_WINDOW_PX = 16
# Memory of the process without any window: libraries, threads, weights (twice for a graph).
PROGRAM_BYTES = 500 * 10**6
# Many operations of torch count the numbers of a tensor in 32 bits.
MOST_NUMBERS = 2**31 - 1
# The rest is left to the page cache of a memory-mapped tomogram and to other programs.
SHARE_OF_FREE = 0.5


@dataclass(frozen=True)
class Footprint:
    """The halo and the memory of a window of a network.

    Attributes
    ----------
    halo_px
        Pixels around a window that its scores depend on.
    multiple
        Windows start at multiples of this, so that strided layers see the same grid as in the whole
        slice.
    bytes_per_px
        Peak memory for a pixel of a window.
    numbers_per_px
        Numbers in the largest tensor for a pixel of a window; 0: that is no limit.
    """

    halo_px: int
    multiple: int
    bytes_per_px: float = 0.0
    numbers_per_px: float = 0.0

    @classmethod
    def of(cls, architecture: Architecture, *, bf16: bool, graph: bool = False) -> Footprint:
        """Return the footprint of a network run by torch, or as a compiled graph."""
        return cls(
            architecture.halo_px,
            architecture.multiple,
            architecture.bytes_per_px(bf16=bf16, graph=graph),
            0.0 if graph else architecture.numbers_per_px,
        )

    def memory_bytes(self, shape: tuple[int, int], window_px: int | None) -> int:
        """Peak memory for slices of `(y, x)`, whole (`window_px` None) or in windows."""
        return PROGRAM_BYTES + int(self._read_px(shape, window_px) * self.bytes_per_px)

    def fits(self, shape: tuple[int, int], window_px: int | None, memory_bytes: int) -> bool:
        """Whether windows fit into memory, and their tensors into what torch can count."""
        most = self._read_px(shape, window_px) * self.numbers_per_px
        return self.memory_bytes(shape, window_px) <= memory_bytes and most <= MOST_NUMBERS

    def _read_px(self, shape: tuple[int, int], window_px: int | None) -> int:
        """Return the most pixels that a window reads."""
        if window_px is None:
            return shape[0] * shape[1]
        widest = window_px + 2 * self.halo_px + 2 * self.multiple
        return min(shape[0], widest) * min(shape[1], widest)


def window_px(shape: tuple[int, int], footprint: Footprint, memory_bytes: int) -> int | None:
    """Return the edge of the largest windows that fit into memory; None if whole slices fit.

    Raises
    ------
    RunError
        Not even the smallest window fits.
    """
    if footprint.fits(shape, None, memory_bytes):
        return None
    step = footprint.multiple
    sizes = range(SMALLEST_WINDOW_PX // step * step or step, max(shape) + step, step)
    fitting = [px for px in sizes if footprint.fits(shape, px, memory_bytes)]
    if not fitting:
        least = footprint.memory_bytes(shape, sizes[0])
        raise RunError(
            f"{machine.in_words(memory_bytes)} of memory are to be used, and the smallest window "
            f"takes {machine.in_words(least)}; end other programs, or give a larger --max-memory."
        )
    return fitting[-1]


def read_px(shape: tuple[int, int], footprint: Footprint, window: int | None) -> int:
    """Return the pixels that go through the network for a slice `(y, x)`, halos included."""
    if window is None:
        return shape[0] * shape[1]
    cut = windows(shape, window, footprint.halo_px, footprint.multiple)
    return sum(math.prod(side.stop - side.start for side in w.read) for w in cut)


def in_words(
    shape: tuple[int, int, int],
    footprint: Footprint,
    window: int | None,
    seconds: float | None = None,
) -> str:
    """Return what a run will do: "76 slices of 2048 x 2048, whole, 2.4 GB of memory, about 1 min".

    Parameters
    ----------
    shape
        `(z, y, x)` of what is yet to be scored.
    footprint, window
        Of the network, and the edge of its windows; None for whole slices.
    seconds
        Estimated time of the run; None leaves it out.
    """
    depth, height, width = shape
    cut = "whole"
    if window is not None:
        number = len(windows((height, width), window, footprint.halo_px, footprint.multiple))
        cut = f"in {number} windows each" if number > 1 else "whole"
    memory = machine.in_words(footprint.memory_bytes((height, width), window))
    time = "" if seconds is None else f", about {duration_in_words(seconds)}"
    return f"{depth} slices of {height} x {width}, {cut}, {memory} of memory{time}"


def duration_in_words(seconds: float) -> str:
    """Return a duration, rounded up, as people say it: "40 s", "4 min", "2.5 h"."""
    if seconds < 60:
        return f"{max(1, math.ceil(seconds))} s"
    if seconds < 3600:
        return f"{math.ceil(seconds / 60)} min"
    return f"{math.ceil(seconds / 360) / 10:g} h"
