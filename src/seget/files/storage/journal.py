"""Which slices of a volume that is being written are finished.

(z, slice) -> a line in a file beside the volume -> the slices that an interrupted run need not redo

A line holds the checksum of its slice: a slice that no longer has it (a power cut, a torn write)
counts as not finished. It never knows a format.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from seget.files.storage.atomic import hidden

# Only whole lines count: a kill can cut the last one short.
LINE = re.compile(rb"(\d+) ([0-9a-f]{8})\n")


def checksum(plane: npt.NDArray[Any]) -> int:
    """Return a checksum of a slice."""
    return crc32(np.ascontiguousarray(plane).data)


class SliceJournal:
    """The finished slices of one volume, each with its checksum.

    Attributes
    ----------
    key
        A text that differs whenever the voxels would. Slices under another key are not used.
    finished
        From z, 0-based, to the checksum of the slice.
    is_foreign
        Whether the file held another key, so that its slices are not used.
    """

    def __init__(self, volume: Path, key: str) -> None:
        self.path = journal_path(volume)
        self.key = key
        self.finished: dict[int, int] = {}
        self.is_foreign = False
        if self.path.is_file():
            head, _, lines = self.path.read_bytes().partition(b"\n")
            self.is_foreign = head != key.encode()
            if not self.is_foreign:
                self.finished = {int(z): int(crc, 16) for z, crc in LINE.findall(lines)}

    @property
    def is_begun(self) -> bool:
        """Whether any slice under this key is finished."""
        return bool(self.finished)

    def begin(self) -> None:
        """Write a journal without slices."""
        self.finished = {}
        self.path.write_bytes(self.key.encode() + b"\n")

    def add(self, z: int, crc: int) -> None:
        """Note that slice `z` is stored."""
        self.finished[z] = crc
        with self.path.open("ab") as file:
            file.write(f"{z} {crc:08x}\n".encode())


def open_journal(volume: Path, key: str, depth: int) -> SliceJournal:
    """Return the journal of a volume that is going to be written, and prepare its hidden path.

    A hidden file is kept only if the journal under this key has finished slices. If the journal
    has all `depth` slices and the volume has its final name already, the run was killed between
    the renaming and the removal of the journal: the volume is renamed back to the hidden path, and
    its slices are checked there.
    """
    journal = SliceJournal(volume, key)
    part = hidden(volume)
    if len(journal.finished) == depth and volume.exists() and not part.exists():
        os.replace(volume, part)
    if not (journal.is_begun and part.exists()):
        if part.is_dir():
            shutil.rmtree(part)
        part.unlink(missing_ok=True)
        journal.begin()
    return journal


def journal_path(volume: Path) -> Path:
    """Return where the journal of a volume stands: `.scores.mrc.journal` beside scores.mrc."""
    return volume.with_name(f".{volume.name}.journal")
