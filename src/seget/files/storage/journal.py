"""Which slices of a volume that is being written are finished.

(z, slice) -> a line in a file beside the volume -> the slices that an interrupted run need not redo

It never takes the disk's word: a line holds the checksum of its slice, and a slice that is not as
it was (a power cut, a torn write) counts as not finished.
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

# A line that a kill cut short is no whole line, and is not believed.
LINE = re.compile(rb"(\d+) ([0-9a-f]{8})\n")


def checksum(plane: npt.NDArray[Any]) -> int:
    """Return a checksum of a slice."""
    return crc32(np.ascontiguousarray(plane).data)


class SliceJournal:
    """The finished slices of one volume, each with its checksum.

    Attributes
    ----------
    key
        What the voxels follow from; a journal under another key is of another volume.
    finished
        From z, 0-based, to the checksum of the slice.
    is_foreign
        Whether another key stood there, so that its slices are worth nothing here.
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
        """Whether slices of this very volume are finished."""
        return bool(self.finished)

    def begin(self) -> None:
        """Start anew: no slice is finished."""
        self.finished = {}
        self.path.write_bytes(self.key.encode() + b"\n")

    def add(self, z: int, crc: int) -> None:
        """Note that slice `z` is stored."""
        self.finished[z] = crc
        with self.path.open("ab") as file:
            file.write(f"{z} {crc:08x}\n".encode())


def open_journal(volume: Path, key: str, depth: int) -> SliceJournal:
    """Return the journal of a volume that is going to be written, and ready its hidden path.

    Hidden slices that the journal does not vouch for are removed. A volume that already has its
    name goes back to the hidden path if the journal is complete: the run was killed after the
    renaming, and before anybody was told.
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
