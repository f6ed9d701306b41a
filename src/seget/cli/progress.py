"""What a person sees while something long runs.

steps, epochs, slices -> a bar on a terminal, lines in a log file

It only ever writes to standard error, so that `--json` on standard output stays clean.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from seget.training import Listener, read_log

# A log file gets a line about this often, a terminal a bar that moves.
LOG_EVERY_S = 30.0


def say(text: str) -> None:
    """Tell a person something, on standard error."""
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(text)


class Bar:
    """Shows how much is done: called with (done, total) it moves, and notes stand above it."""

    def __init__(self, text: str, progress: Progress) -> None:
        self._text = text
        self._progress = progress
        self._task = progress.add_task(text, total=None)
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        self._progress.update(self._task, completed=done, total=total)
        now = time.monotonic()
        if not sys.stderr.isatty() and (done == total or now - self._last > LOG_EVERY_S):
            self._last = now
            self.note(f"{self._text}: {done} of {total}")

    def note(self, text: str) -> None:
        """Print a sentence."""
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def bar(text: str) -> Iterator[Bar]:
    """Show progress while the context is open."""
    with _progress() as progress:
        yield Bar(text, progress)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


class TrainingBar(Listener, AbstractContextManager["TrainingBar"]):
    """Shows a training run: loss, validation mIOU, time left; draws curves.png an epoch.

    Without a folder it shows alone.
    """

    def __init__(self, folder: Path | None, text: str, tensorboard: bool) -> None:
        self.folder = folder
        self.text = text
        self._progress = _progress()
        self._task: TaskID = self._progress.add_task(text, total=1.0)
        self._miou = math.nan
        self._loss = math.nan
        self._board: Any = None
        if tensorboard and folder is not None:
            from tensorboardX import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"))

    def __enter__(self) -> TrainingBar:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._progress.stop()
        if self._board is not None:
            self._board.close()

    def step(self, progress: float, loss: float) -> None:
        """Move the bar."""
        self._loss = loss if math.isnan(self._loss) else 0.95 * self._loss + 0.05 * loss
        text = f"{self.text}  loss {self._loss:.3f}  validation mIOU {self._miou:.4f}"
        self._progress.update(self._task, completed=progress, description=text)

    def epoch(self, row: dict[str, float]) -> None:
        """Print an epoch's line and draw the curves."""
        from seget import files
        from seget.evaluation import curves

        self._miou = row["miou"]
        self.note(
            f"{self.text}: epoch {row['epoch']:.0f}  loss {row['loss']:.4f}  "
            f"validation mIOU {row['miou']:.4f}  {row['elapsed_s'] / 60:.1f} min"
        )
        if self.folder is not None:
            with files.atomic_path(self.folder / "curves.png") as part:
                curves(part, read_log(self.folder))
        if self._board is not None:
            for key in ("loss", "miou", "learning_rate"):
                self._board.add_scalar(key, row[key], int(row["step"]))

    def note(self, text: str) -> None:
        """Print a sentence."""
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)
