"""How far a long command is: a bar on a terminal, lines in a log file, JSON for a program.

sentences, counts, steps, epochs -> text on standard error

With SEGET_PROGRESS=json in the environment each line is a JSON object. It never writes to standard
output, where `--json` stands alone.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from seget.errors import InputError
from seget.listener import Listener

# Seconds between lines of progress where standard error is no terminal.
LOG_EVERY_S = 30.0
# And between the JSON lines of steps and counts.
JSON_EVERY_S = 0.2


def say(text: str) -> None:
    """Tell a person something, on standard error."""
    if for_a_program():
        _print_json(note=text)
        return
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(text)


def for_a_program() -> bool:
    """Whether a program reads what is said, and asked for JSON."""
    return os.environ.get("SEGET_PROGRESS") == "json"


@contextmanager
def bar(text: str, run_folder: Path | None = None, tensorboard: bool = False) -> Iterator[Listener]:
    """Show how far something is while the context is open.

    Parameters
    ----------
    text
        What is being done.
    run_folder
        Of a training: where curves.png is drawn after each epoch.
    tensorboard
        Whether the training is also logged, into `tensorboard/` of the run folder.
    """
    with _bars() as bars, _board(run_folder if tensorboard else None) as board:
        if for_a_program():
            yield JsonLines(run_folder)
            return
        top = Bar(text, bars, run_folder, board)
        try:
            yield top
        finally:
            top.hide_if_uncounted()


@contextmanager
def _board(run_folder: Path | None) -> Iterator[Any]:
    if run_folder is None:
        yield None
        return
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise InputError(
            "--tensorboard: tensorboardX is not installed; pip install tensorboardX, or leave it "
            "out: curves.png is drawn anyway."
        ) from None
    with SummaryWriter(str(run_folder / "tensorboard")) as board:
        yield board


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


class Bar(Listener):
    """One bar on a terminal, lines now and then in a log file; sentences stand above.

    A part of the work has a bar of its own below, for as long as it takes.
    """

    def __init__(
        self, text: str, bars: Progress, run_folder: Path | None = None, board: Any = None
    ) -> None:
        self._text = text
        self._bars = bars
        self._task = bars.add_task(text, total=None)
        self._run_folder = run_folder
        self._board = board
        self._counted = False
        self._logged_at = time.monotonic()
        self._loss = math.nan
        self._miou = math.nan

    def hide_if_uncounted(self) -> None:
        """Take the bar away if it never moved, as that of a work which only has parts."""
        if not self._counted:
            self._bars.update(self._task, visible=False)

    def note(self, text: str) -> None:
        """Print a sentence."""
        self._bars.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def progress(self, done: int, total: int) -> None:
        """Move the bar."""
        self._counted = True
        self._bars.update(self._task, completed=done, total=total)
        now = time.monotonic()
        if not sys.stderr.isatty() and (done == total or now - self._logged_at > LOG_EVERY_S):
            self._logged_at = now
            self.note(f"{self._text}: {done} of {total}")

    def step(self, share: float, loss: float) -> None:
        """Move the bar of a training."""
        self._counted = True
        self._loss = loss if math.isnan(self._loss) else 0.95 * self._loss + 0.05 * loss
        text = f"{self._text}  loss {self._loss:.3f}  validation mIOU {self._miou:.4f}"
        self._bars.update(self._task, completed=share, total=1.0, description=text)

    def epoch(self, row: dict[str, float]) -> None:
        """Print an epoch's line and draw the curves."""
        self._miou = row["miou"]
        self.note(
            f"{self._text}: epoch {row['epoch']:.0f}  loss {row['loss']:.4f}  "
            f"validation mIOU {row['miou']:.4f}  {row['elapsed_s'] / 60:.1f} min"
        )
        if self._run_folder is not None:
            _draw_curves(self._run_folder)
        if self._board is not None:
            for key in ("loss", "miou", "learning_rate"):
                self._board.add_scalar(key, row[key], int(row["step"]))

    @contextmanager
    def part(self, name: str) -> Iterator[Listener]:
        """Show a bar for the part below, and take it away at the end."""
        below = Bar(name, self._bars)
        try:
            yield below
        finally:
            self._bars.remove_task(below._task)


class JsonLines(Listener):
    """Each sentence, count, step and epoch as a line that a program reads."""

    def __init__(self, run_folder: Path | None = None) -> None:
        self._run_folder = run_folder
        self._due = -math.inf

    def note(self, text: str) -> None:
        """Print `{"note": sentence}`."""
        _print_json(note=text)

    def progress(self, done: int, total: int) -> None:
        """Print `{"done": 3, "total": 76}`, not too often."""
        if self._is_due(done == total):
            _print_json(done=done, total=total)

    def step(self, share: float, loss: float) -> None:
        """Print `{"share": 0.1, "loss": 0.4}`, not too often."""
        if self._is_due(share >= 1):
            _print_json(share=round(share, 5), loss=loss if math.isfinite(loss) else None)

    def epoch(self, row: dict[str, float]) -> None:
        """Print `{"epoch": its line of log.csv}` and draw the curves."""
        known = {key: value if math.isfinite(value) else None for key, value in row.items()}
        _print_json(epoch=known)
        if self._run_folder is not None:
            _draw_curves(self._run_folder)

    def _is_due(self, last: bool) -> bool:
        now = time.monotonic()
        if not last and now < self._due:
            return False
        self._due = now + JSON_EVERY_S
        return True


def _print_json(**what: object) -> None:
    sys.stderr.write(json.dumps(what, ensure_ascii=False) + "\n")
    sys.stderr.flush()


def _draw_curves(run_folder: Path) -> None:
    from seget import files
    from seget.evaluation import curves
    from seget.training import read_log

    with files.atomic_path(run_folder / "curves.png") as part:
        curves(part, read_log(run_folder))
