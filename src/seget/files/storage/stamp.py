"""Whether a file is still what it was when it was opened.

path -> size and time of change, now and later

It never reads content: a hash of that is `Volume.fingerprint`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import RunError
from seget.files.storage.lazy import Slices
from seget.volume import Volume


@dataclass(frozen=True)
class Stamp:
    """Size and time of the last change of a file, or of each visible file in a folder.

    Not of the folder itself: whoever writes an output into it changes that.

    Attributes
    ----------
    path
        The file or folder.
    parts
        Name, size in bytes and time of change in ns of each file.
    """

    path: Path
    parts: tuple[tuple[str, int, int], ...]

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Return size and time of change of the files at a path now.

        Raises
        ------
        RunError
            It is not there any more.
        """
        inside = sorted(path.iterdir()) if path.is_dir() else []
        names = [file.name for file in inside if file.is_file() and file.name[0] != "."]
        return cls(path, _parts(path, names or [""]))

    def check(self) -> None:
        """Make sure that the same files are as they were.

        Raises
        ------
        RunError
            One changed, or it is not there any more.
        """
        if _parts(self.path, [name for name, _, _ in self.parts]) != self.parts:
            raise RunError(
                f"{self.path}: it changed while it was being read, so that the result would be of "
                "two files; wait until it is whole and run the same command again."
            )

    def watched(self, volume: Volume) -> Volume:
        """Return the volume with a check of its files before and after each slice that is read.

        Each slice is copied at once: the system ends a process (SIGBUS) that touches a memory map
        of a file that was cut short.
        """

        def load(z: int) -> npt.NDArray[Any]:
            self.check()
            voxels = np.array(volume.slice(z))
            self.check()
            return voxels

        return replace(volume, data=Slices(volume.shape, np.dtype(volume.data.dtype), load))


def _parts(path: Path, names: list[str]) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of change of files in a folder; "" stands for `path` itself."""
    try:
        found = [(name, (path / name).stat()) for name in names]
    except OSError as error:
        raise RunError(
            f"{path}: it cannot be reached any more ({(error.strerror or '').lower()}); bring "
            "it back and run the same command again: what is finished is kept."
        ) from None
    return tuple((name, one.st_size, one.st_mtime_ns) for name, one in found)
