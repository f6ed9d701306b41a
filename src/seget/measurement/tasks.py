"""Label volumes as tasks for workers, one each.

Task -> a folder of tables, and what summary.json holds

It never starts a worker: `runners` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seget import files
from seget.errors import RunError
from seget.listener import Listener
from seget.measurement.folder import measure_files
from seget.measurement.measure import Options
from seget.outcome import Attentive, Outcome, attempt


@dataclass(frozen=True)
class Task:
    """A label volume to be measured.

    Attributes
    ----------
    labels, out
        What to read, and the folder to write.
    options
        What to measure, and how.
    overwrite
        Replace a measurement of other labels or options.
    """

    labels: Path
    out: Path
    options: Options
    overwrite: bool

    def measured(self, listener: Listener) -> dict[str, Any]:
        """Measure, and return what summary.json holds."""
        volume = files.read(self.labels)
        return measure_files(volume, self.out, self.options, self.overwrite, listener)


def do(
    task: Task,
    listener: Listener | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Outcome[dict[str, Any]]:
    """Do a task, in any process; an error that is meant for people is returned.

    Without a listener, another process that writes to the same folder is waited for, and the work
    ends when it is wanted no more.
    """
    if listener is not None:
        return attempt(lambda: task.measured(listener))
    kept = Attentive(is_wanted)
    return attempt(lambda: files.patiently(lambda: task.measured(kept)), kept)


def lost(task: Task, sentence: str) -> Outcome[dict[str, Any]]:
    """Return what comes of a task whose workers were lost."""
    return Outcome(error=RunError(f"{task.labels}: {sentence}"))
