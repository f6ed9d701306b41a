"""A command of seget in a process of its own, followed by what it prints.

arguments -> process; its lines -> Progress

It outlives whoever began it: a job whose viewer was killed is found again by its folder. It never
waits for a process.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from seget import files
from seget.viewer.session import commands

JOB, LINES = "job.json", "progress.jsonl"
# Below what is drawn on, so that painting stays fluid.
NICE = 10
KEPT_LOSSES = 400


@dataclass
class Progress:
    """What a job has told so far.

    Attributes
    ----------
    share
        Of the work that is done, 0 to 1; None before it says.
    loss
        Smoothed; None of what is no training.
    losses
        (share, loss) pairs for a curve.
    epochs
        The lines of log.csv.
    text
        The last sentence.
    error
        Why it failed; "" if it did not.
    """

    share: float | None = None
    loss: float | None = None
    losses: list[tuple[float, float]] = field(default_factory=list)
    epochs: list[dict[str, float | None]] = field(default_factory=list)
    text: str = ""
    error: str = ""

    def hear(self, line: str) -> None:
        """Take one line of the job's standard error."""
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            self._hear_text(line)
            return
        if "share" in said:
            self._hear_step(float(said["share"]), said.get("loss"))
        elif "done" in said:
            self.share = said["done"] / max(1, said["total"])
        elif "epoch" in said:
            self.epochs.append(said["epoch"])
        elif "note" in said:
            self.text = str(said["note"])

    def _hear_step(self, share: float, loss: float | None) -> None:
        self.share = share
        if loss is None:
            return
        self.loss = loss if self.loss is None else 0.9 * self.loss + 0.1 * loss
        self.losses.append((share, self.loss))
        if len(self.losses) > KEPT_LOSSES:  # every other one: the curve stays whole
            del self.losses[1::2]

    def _hear_text(self, line: str) -> None:
        if line.startswith("seget: "):
            self.error = line.removeprefix("seget: ").strip()
        elif line.strip().startswith(("Traceback", "Error", "MemoryError")):
            self.error = line.strip()


class Job:
    """A process, and the folder in which it is written down.

    Attributes
    ----------
    folder
        Holds job.json and progress.jsonl.
    progress
        As of the last `poll`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress = Progress()
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0
        self._rest = b""

    @property
    def said(self) -> dict[str, Any]:
        """What job.json holds; empty if it is not there."""
        said = files.read_json(self.folder / JOB)
        return said if isinstance(said, dict) else {}

    def begin(self, arguments: Sequence[str], **more: Any) -> None:
        """Start `seget ARGUMENTS`; what else is given is written down with it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "SEGET_PROGRESS": "json", "PYTHONUNBUFFERED": "1"}
        with (self.folder / LINES).open("ab") as lines:
            self._read = lines.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "seget", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                env=environment,
                start_new_session=True,
            )
        process = psutil.Process(self._process.pid)
        with contextlib.suppress(psutil.Error, OSError):
            process.nice(NICE)
        said = {"command": commands.shell(arguments), "pid": process.pid, **more}
        files.write_json(self.folder / JOB, {**said, "created": process.create_time()})

    def poll(self) -> Progress:
        """Read what was printed since the last call."""
        path = self.folder / LINES
        if path.is_file():
            with path.open("rb") as lines:
                lines.seek(self._read)
                new = lines.read()
            self._read += len(new)
            *whole, self._rest = (self._rest + new).split(b"\n")
            for line in whole:
                self.progress.hear(line.decode(errors="replace"))
        return self.progress

    @property
    def is_running(self) -> bool:
        """Whether the process is there, whoever began it."""
        if self._process is not None:
            return self._process.poll() is None
        return self._found() is not None

    def stop(self) -> None:
        """Ask the process to end: a training keeps its best model and the steps made."""
        process = self._found()
        if process is not None:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGTERM)

    def _found(self) -> psutil.Process | None:
        said = self.said
        try:
            process = psutil.Process(int(said["pid"]))
            same = abs(process.create_time() - float(said["created"])) < 1.0
            alive = same and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, LookupError, ValueError, TypeError):
            return None
        return process if alive else None
