"""Whether a file is still what it was when it was opened.

path -> size and time of change, now and later

It never reads content: a hash of that is `Volume.fingerprint`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seget.errors import RunError


@dataclass(frozen=True)
class Stamp:
    """Size and time of the last change of a file or folder."""

    path: Path
    size: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Return what is true of a path now.

        Raises
        ------
        RunError
            It is not there any more.
        """
        try:
            found = path.stat()
        except OSError as error:
            raise RunError(
                f"{path}: it cannot be reached any more ({(error.strerror or '').lower()}); bring "
                "it back and run the same command again: what is finished is kept."
            ) from None
        return cls(path, found.st_size, found.st_mtime_ns)

    def check(self) -> None:
        """Make sure that the path is as it was.

        Raises
        ------
        RunError
            It changed, or it is not there any more.
        """
        if Stamp.of(self.path) != self:
            raise RunError(
                f"{self.path}: it changed while it was being read, so that the result would be of "
                "two files; wait until it is whole and run the same command again."
            )
