"""Whether a slice or a chunk of a file fits into the free memory.

(path, shape, dtype) -> nothing, or InputError

It never reads a file. A damaged header of a few bytes can promise any size, so the promise is
compared with the free memory before memory is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.machine import free_memory_bytes

# Tomograms have hundreds of slices, stacks of whole cells thousands.
MOST_SLICES = 10**6


def demand_slice(path: Path, shape: Sequence[int], dtype: npt.DTypeLike) -> None:
    """Refuse a volume of `shape`, `(z, y, x)`, of which not even a slice can be held.

    Raises
    ------
    InputError
        A slice is larger than the free memory, or there are more slices than any tomogram has.
    """
    if shape[0] > MOST_SLICES:
        raise InputError(
            f"{path}: it claims {shape[0]} slices, wanted at most {MOST_SLICES}; the file is "
            "damaged or no volume: copy it again or convert it."
        )
    size, free = math.prod(shape[1:]) * np.dtype(dtype).itemsize, free_memory_bytes()
    if size > free:
        raise InputError(
            f"{path}: one slice of {shape[1]} x {shape[2]} voxels (y, x) takes {size / 1e9:.4g} "
            f"GB, wanted at most the {free / 1e9:.2f} GB of free memory; if the file is not "
            "damaged, cut or bin it, or use a machine with more."
        )


def demand_chunk(path: Path, chunk: Sequence[int] | None, dtype: npt.DTypeLike) -> None:
    """Refuse chunks that are read whole and are larger than the free memory; None for no chunks.

    Raises
    ------
    InputError
        If they are.
    """
    size, free = math.prod(chunk or ()) * np.dtype(dtype).itemsize, free_memory_bytes()
    if size > free:
        raise InputError(
            f"{path}: a chunk of {' x '.join(map(str, chunk or ()))} voxels takes "
            f"{size / 1e9:.4g} GB, wanted at most the {free / 1e9:.2f} GB of free memory; if the "
            "file is not damaged, store it in smaller chunks."
        )
