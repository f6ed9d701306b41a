"""Writes what is drawn, soon after each stroke, in a thread.

Session -> files, `DELAY_S` after the first stroke that is not written

It never waits while somebody paints, and never drops what could not be written: it tries again.
Masks, which follow from what is drawn, wait until nobody paints.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from seget.errors import InputError, RunError, in_words
from seget.viewer.session import Session

# After the first unwritten stroke, not the last one: who paints without a pause loses no more.
DELAY_S = 0.3
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
            write = self._drawn if self.session.has_strokes else self._masks
            self._thread = threading.Thread(target=write())
            self._thread.start()

    def flush(self) -> None:
        """Write everything now; return when it is written."""
        if self._thread is not None:
            self._thread.join()
        self._due = None
        if self.session.has_strokes:
            self._drawn()()
        if self.session.is_unsaved and not self.session.has_strokes:
            self._masks(patient=True)()

    def _writes(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _drawn(self) -> Callable[[], None]:
        """Copy what is drawn; return what writes it."""
        saving = self.session.saving()
        return lambda: self._try(saving.write_drawn, lambda: self.session.not_saved(saving))

    def _masks(self, patient: bool = False) -> Callable[[], None]:
        """Copy what is drawn; return what writes masks of it until somebody paints again."""
        saving = self.session.saving_masks()

        def write() -> None:
            left = saving.write_masks(lambda: not patient and self.session.has_strokes)
            if left:
                self.session.not_masked(left)

        return lambda: self._try(write, lambda: self.session.not_masked(saving.slices))

    def _try(self, write: Callable[[], None], take_back: Callable[[], None]) -> None:
        try:
            write()
            self.error = ""
        except (OSError, InputError, RunError) as error:
            take_back()
            self.error = in_words(error)
