"""Writes what is drawn, soon after each stroke, in a thread.

Session -> files, `DELAY_S` after the first stroke that is not written

It waits for no window, which may stand still, and never drops what could not be written: it tries
again. Masks, which follow from what is drawn, wait until nobody paints.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from seget.errors import InputError, RunError, in_words
from seget.viewer.session import Session

# After the first unwritten stroke, not the last one: who paints without a pause loses no more.
DELAY_S = 0.3
AGAIN_S = 5.0  # after a failure, say a full disk


class Saver:
    """The thread that writes a session; `close` ends it.

    Attributes
    ----------
    error
        Why the last attempt failed; "" if it did not.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.error = ""
        self._writing = threading.Lock()
        self._wake, self._end = threading.Event(), threading.Event()
        session.changed = self._wake.set
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_saved(self) -> bool:
        """Whether everything is on the disk."""
        return not self.session.is_unsaved and not self._writing.locked()

    def flush(self) -> None:
        """Write everything now; return when it is written."""
        with self._writing:
            if self.session.has_strokes:
                self._write_drawn()
            if self.session.is_unsaved and not self.session.has_strokes:
                self._write_masks(patient=True)

    def close(self) -> None:
        """Write everything, and end the thread."""
        self._end.set()
        self._wake.set()
        self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._end.is_set():
            self._wake.wait()
            self._wake.clear()
            while self.session.is_unsaved and not self._end.is_set():
                strokes = self.session.has_strokes
                if strokes or self.error:
                    self._end.wait(AGAIN_S if self.error else DELAY_S)
                with self._writing:
                    if self.session.has_strokes:
                        self._write_drawn()
                    else:
                        self._write_masks()

    def _write_drawn(self) -> None:
        saving = self.session.saving()

        def write() -> None:
            saving.write_drawn()
            self.session.forget_journal()

        self._try(write, lambda: self.session.not_saved(saving))

    def _write_masks(self, patient: bool = False) -> None:
        """Write masks, until somebody paints again."""
        saving = self.session.saving_masks()

        def write() -> None:
            left = saving.write_masks(lambda: not patient and self.session.has_strokes)
            if left:
                self.session.not_masked(left)

        self._try(write, lambda: self.session.not_masked(saving.slices))

    def _try(self, write: Callable[[], None], take_back: Callable[[], None]) -> None:
        try:
            write()
            self.error = ""
        except (OSError, InputError, RunError) as error:
            take_back()
            self.error = in_words(error)
