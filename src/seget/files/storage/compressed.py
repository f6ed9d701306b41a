"""Files packed by gzip or bzip2, unpacked into memory.

path.gz, path.bz2 -> bytes

It never unpacks more than it is asked for, and never writes a packed file.
"""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seget.errors import FormatError, InputError
from seget.machine import free_memory_bytes

PROGRAMS = {".gz": "gunzip", ".bz2": "bunzip2"}
SUFFIXES = tuple(PROGRAMS)

STEP_BYTES = 2**20

Unpacking = gzip.GzipFile | bz2.BZ2File


def is_compressed(path: Path) -> bool:
    """Whether the name says that a file is packed."""
    return path.suffix.lower() in SUFFIXES


def unpacked_name(path: Path) -> Path:
    """Return `path` without the suffix of a packer: x.mrc.gz is x.mrc."""
    return path.with_suffix("") if is_compressed(path) else path


@contextmanager
def opened(path: Path) -> Iterator[Unpacking]:
    """Open a packed file for reading its content from the start.

    Raises
    ------
    FormatError
        While it is read: if it is damaged or cut short.
    """
    with path.open("rb") as raw:
        packed = path.suffix.lower()
        try:
            with gzip.GzipFile(fileobj=raw) if packed == ".gz" else bz2.BZ2File(raw) as content:
                yield content
        except (OSError, EOFError, zlib.error) as error:
            raise FormatError(
                f"{path}: the file does not unpack ({error}), wanted a whole {packed} file; "
                "copy or download it again."
            ) from error


def fill(taken: bytearray, content: Unpacking, size: int) -> None:
    """Append to `taken`, step by step, until it has `size` bytes or `content` ends."""
    while len(taken) < size:
        step = content.read(min(STEP_BYTES, size - len(taken)))
        if not step:
            return
        taken += step


def demand_memory(path: Path, size: int) -> None:
    """Refuse a content of `size` bytes that would take more than half of the free memory.

    Raises
    ------
    InputError
        If it would. An unpacked file on the disk is memory-mapped and takes none.
    """
    free = free_memory_bytes()
    if size > free // 2:
        raise InputError(
            f"{path}: unpacked it has {size / 1e9:.2f} GB, wanted at most half of the "
            f"{free / 1e9:.2f} GB of free memory; unpack it with "
            f"`{PROGRAMS[path.suffix.lower()]}` and name the file that makes."
        )
