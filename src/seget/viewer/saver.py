"""Writes what is drawn, soon after each stroke, in a thread.

Session -> files, `DELAY_S` after the first stroke that is not written

It never waits while somebody paints, and never drops what could not be written: it tries again.
"""

from __future__ import annotations

import threading
import time

from seget.errors import InputError, RunError, in_words
from seget.viewer.session import Session
from seget.viewer.session.folder import Saving

# After the first unwritten stroke, not the last one: who paints without a pause loses no more.
DELAY_S = 1.0
AGAIN_S = 5.0  # after a failure, say a full disk


class Saver:
    """Decides when to write; `poll` is to be called several times a second.

    Attributes
    ----------
    error
        Why the last attempt failed; "" if it did not.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.error = ""
        self._due: float | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_saved(self) -> bool:
        """Whether everything is on the disk."""
        return not self.session.is_unsaved and not self._writes()

    def poll(self) -> None:
        """Begin to write if it is time."""
        if not self.session.is_unsaved or self._writes():
            return
        now = time.monotonic()
        if self._due is None:
            self._due = now + (AGAIN_S if self.error else DELAY_S)
        elif now >= self._due:
            self._due = None
            saving = self.session.saving()
            self._thread = threading.Thread(target=self._write, args=(saving,))
            self._thread.start()

    def flush(self) -> None:
        """Write everything now; return when it is written."""
        if self._thread is not None:
            self._thread.join()
        self._due = None
        if self.session.is_unsaved:
            self._write(self.session.saving())

    def _writes(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _write(self, saving: Saving) -> None:
        try:
            saving.write()
            self.error = ""
        except (OSError, InputError, RunError) as error:
            self.session.not_saved(saving)
            self.error = in_words(error)
