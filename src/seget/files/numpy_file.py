"""NumPy's .npy: an array and nothing else.

file <-> Volume

It never holds more than a slice and never unpickles: an array of objects is refused. The format
keeps no voxel size and no origin.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from seget.errors import FormatError, InputError
from seget.files.storage.flat import Flat
from seget.files.storage.lazy import native
from seget.files.storage.writer import Plan, Writer
from seget.volume import Volume

SUFFIXES = (".npy",)

# What NumPy and Python's own parser raise on a header that is not what it should be.
BROKEN = (
    ValueError,
    TypeError,
    EOFError,
    SyntaxError,
    TokenError,
    ArithmeticError,
    LookupError,
    RecursionError,
    MemoryError,
)


def read(path: Path) -> Volume:
    """Open an array of two or three axes, memory-mapped; two are one slice.

    Raises
    ------
    FormatError
        If it is no .npy file, or cut short, or holds objects.
    InputError
        If it has other axes.
    """
    try:
        with np.errstate(over="raise"):  # of the product of extents
            stored: Any = np.lib.format.open_memmap(path, mode="r")
    except BROKEN as error:
        raise FormatError(
            f"{path}: this is not a whole .npy file of numbers ({error}); save or copy it again."
        ) from error
    if stored.ndim not in (2, 3) or stored.dtype.kind not in "biuf" or 0 in stored.shape:
        raise InputError(
            f"{path}: the array has shape {stored.shape} of {stored.dtype}, wanted numbers with "
            "three axes (z, y, x); save one channel of one time."
        )
    return Volume(native(stored[None] if stored.ndim == 2 else stored), path=path)


@contextmanager
def creating(part: Path, plan: Plan) -> Iterator[Writer]:
    """Yield the writer of a new .npy file at `part`."""
    stored = plan.dtype.newbyteorder("<")
    header = {
        "descr": np.lib.format.dtype_to_descr(stored),
        "fortran_order": False,
        "shape": plan.shape,
    }
    with part.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        offset = file.tell()
    yield Writer(Flat(part, offset, plan.shape, stored), plan.shape, plan.dtype)
