"""Label volumes as tasks for workers, one each.

Task -> a folder of tables, and what summary.json holds

It never starts a worker: `runners` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seget import files
from seget.errors import RunError
from seget.listener import Listener
from seget.measurement.folder import measure_files
from seget.measurement.measure import Options
from seget.outcome import Outcome, attempt


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


def do(task: Task, listener: Listener | None = None) -> Outcome[dict[str, Any]]:
    """Do a task, in any process; an error that is meant for people is returned.

    Without a listener, another process that writes to the same folder is waited for.
    """
    if listener is not None:
        return attempt(task.measured, listener)
    return attempt(lambda heard: files.patiently(lambda: task.measured(heard)))


def lost(task: Task, sentence: str) -> Outcome[dict[str, Any]]:
    """Return what comes of a task whose workers were lost."""
    return Outcome(error=RunError(f"{task.labels}: {sentence}"))
