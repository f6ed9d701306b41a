"""Edits as they come, appended to a file until the slices that hold them are written.

voxels + what is stored of them -> SESSION/strokes.journal -> the same, in their order

A disk that is busy may take seconds until a slice is written; what is appended here is safe from a
kill at once. It never waits for the disk: after a power cut the slices are what is left.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

JOURNAL = "strokes.journal"
_HEAD = struct.Struct("<4sQI")  # mark, voxels, checksum of what follows
_MARK = b"edit"


class Journal:
    """The edits of a session that are not in its slices yet."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL

    def append(self, where: npt.NDArray[np.int64], stored: npt.NDArray[np.uint8]) -> None:
        """Append an edit: flat indices of voxels, and what is stored of each."""
        body = where.astype("<i8").tobytes() + stored.tobytes()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(_HEAD.pack(_MARK, where.size, zlib.crc32(body)) + body)

    def read(self) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]]:
        """Yield the edits that are whole, the first one first."""
        raw = self._path.read_bytes() if self._path.is_file() else b""
        at = 0
        while len(raw) - at >= _HEAD.size:
            mark, voxels, checksum = _HEAD.unpack_from(raw, at)
            body = raw[at + _HEAD.size : at + _HEAD.size + 9 * voxels]
            if mark != _MARK or len(body) != 9 * voxels or zlib.crc32(body) != checksum:
                return  # a kill in the midst of writing
            yield (
                np.frombuffer(body, "<i8", voxels).astype(np.int64),
                np.frombuffer(body, np.uint8, voxels, 8 * voxels),
            )
            at += _HEAD.size + len(body)

    def clear(self) -> None:
        """Forget the edits: the slices hold them."""
        self._path.unlink(missing_ok=True)
