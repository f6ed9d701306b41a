"""How slices are cut so that they fit into memory, and what a run will take.

shape + network + memory -> edge of the windows, a sentence for people

It never computes a score. Whole slices come first: a window computes its surroundings twice. Of
windows the largest that fit are taken, for the same reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from seget import machine
from seget.errors import RunError
from seget.networks import Architecture
from seget.patches import windows

# Smaller windows are all surroundings: less memory costs too much time then.
SMALLEST_WINDOW_PX = 16
# Libraries, threads, weights, twice for a graph: what a program takes that scores nothing.
PROGRAM_BYTES = 500 * 10**6
# The rest is for the page cache of a memory-mapped tomogram, and for what else the machine does.
SHARE_OF_FREE = 0.5


@dataclass(frozen=True)
class Footprint:
    """How far a window must read around itself, and what it takes.

    Attributes
    ----------
    halo_px
        Pixels around a window that its result depends on.
    multiple
        Windows start at multiples of this, so that strides fall as in the whole slice.
    bytes_per_px
        Most memory that a pixel of a window takes.
    """

    halo_px: int
    multiple: int
    bytes_per_px: float = 0.0

    @classmethod
    def of(cls, architecture: Architecture, *, bf16: bool, graph: bool = False) -> Footprint:
        """Return the footprint of a network that torch runs, or another engine as a graph."""
        return cls(
            architecture.halo_px,
            architecture.multiple,
            architecture.bytes_per_px(bf16=bf16, graph=graph),
        )

    def memory_bytes(self, shape: tuple[int, int], window_px: int | None) -> int:
        """Memory at the highest point, for slices of `(y, x)` whole or in windows."""
        read = list(shape)
        if window_px is not None:
            widest = window_px + 2 * self.halo_px + 2 * self.multiple
            read = [min(extent, widest) for extent in shape]
        return PROGRAM_BYTES + int(read[0] * read[1] * self.bytes_per_px)


def window_px(shape: tuple[int, int], footprint: Footprint, memory_bytes: int) -> int | None:
    """Return the edge of the largest windows that fit into memory; None if the slice does whole.

    Raises
    ------
    RunError
        Not even the smallest window fits.
    """
    if footprint.memory_bytes(shape, None) <= memory_bytes:
        return None
    step = footprint.multiple
    sizes = range(SMALLEST_WINDOW_PX // step * step or step, max(shape) + step, step)
    fitting = [px for px in sizes if footprint.memory_bytes(shape, px) <= memory_bytes]
    if not fitting:
        least = footprint.memory_bytes(shape, sizes[0])
        raise RunError(
            f"{machine.in_words(memory_bytes)} of memory are to be used, and the smallest window "
            f"takes {machine.in_words(least)}; end other programs, or give a larger --max-memory."
        )
    return fitting[-1]


def read_px(shape: tuple[int, int], footprint: Footprint, window: int | None) -> int:
    """Return the pixels that go through the network for a slice `(y, x)`, surroundings included."""
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
        That the run will take; None leaves the time out.
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
    """Return a duration as people say it, upwards: "40 s", "4 min", "2.5 h"."""
    if seconds < 60:
        return f"{max(1, math.ceil(seconds))} s"
    if seconds < 3600:
        return f"{math.ceil(seconds / 60)} min"
    return f"{math.ceil(seconds / 360) / 10:g} h"
