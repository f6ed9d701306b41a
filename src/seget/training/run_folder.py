"""A training run on disk: its folder, its limits, its log.

Run, rows of log.csv <-> folder

It never trains and never opens a checkpoint. log.csv is replaced atomically, so it is complete at
any moment.
"""

from __future__ import annotations

import csv
import errno
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seget import files
from seget.errors import RunError
from seget.trained import Trained

LOG = "log.csv"
MODEL = "model"
CHECKPOINTS = "checkpoints"

# No space left, quota exceeded, file too large: errors that a user solves by freeing space.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Row = dict[str, float]


@dataclass(frozen=True)
class Run:
    """Folder, seed, device and limits of a run.

    On one CPU the same seed gives the same weights, bit for bit, however often the run was stopped
    or killed and resumed. Not with `max_minutes`: its schedule follows the time that passes, and
    no two runs see the same.

    Attributes
    ----------
    folder
        Run folder: model/, log.csv, checkpoints/.
    seed
        Of the weights, the patches and their augmentation.
    device
        `auto`, `cpu`, `cuda` or `mps`.
    max_minutes
        Length of the run in minutes; replaces the epochs of the one-cycle schedule.
    checkpoint_minutes
        Minutes between the checkpoints within an epoch; 0 writes one a step. Each epoch ends with
        one too.
    resume, overwrite
        What to do with a run that is already in the folder: go on with it, or remove it.
    start
        A trained model to begin from, see `initial_weights`; None draws all weights from the seed.
    stop_after_epochs
        Ends the run before its schedule does; None: with its schedule.
    """

    folder: Path
    seed: int = 0
    device: str = "auto"
    max_minutes: float | None = None
    checkpoint_minutes: float = 5.0
    resume: bool = False
    overwrite: bool = False
    start: Trained | None = None
    stop_after_epochs: int | None = None


def holds_run(folder: Path) -> bool:
    """Whether the folder holds a log, a model or checkpoints of a training run."""
    return any((folder / name).exists() for name in (LOG, MODEL, CHECKPOINTS))


def remove_run(folder: Path) -> None:
    """Remove what `holds_run` looks for; other files in the folder are kept."""
    for name in (MODEL, CHECKPOINTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / LOG).unlink(missing_ok=True)


def write_log(folder: Path, rows: list[Row]) -> None:
    """Write one line an epoch, beginning `epoch,loss,miou`; without rows, remove the log."""
    if not rows:
        (folder / LOG).unlink(missing_ok=True)
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files.write_text(folder / LOG, text.getvalue())


def read_log(folder: Path) -> list[Row]:
    """Return the epochs so far, oldest first; empty if there is no log yet."""
    if not (folder / LOG).is_file():
        return []
    with (folder / LOG).open(newline="") as lines:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]


@contextmanager
def saying_when_full(folder: Path) -> Iterator[None]:
    """Turn the error of a full disk into one sentence for the user.

    What was written before is kept: each file gets its name only when it is complete.

    Raises
    ------
    RunError
        Something could not be written because there is no space.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise RunError(
            f"{error.filename or folder}: cannot be written ({error.strerror}); the log, the best "
            "model and the checkpoints from before are kept: free some space and go on with "
            "--resume."
        ) from error
