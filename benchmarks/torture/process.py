"""A command of seget in a process of its own, which may be killed at any moment.

words of a command line -> exit code, what it said, how long it took

The process is forked from this one, which has imported all rooms but computed nothing: so a kill
costs tenths of a second, not the seconds that torch takes to be imported.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Outcome:
    """How a process ended: exit code (negative: the signal), its messages, its seconds."""

    code: int
    said: str
    seconds: float

    @property
    def is_one_sentence(self) -> bool:
        """Whether its last line is a sentence for people and no traceback stands anywhere."""
        lines = self.said.strip().splitlines()
        return bool(lines) and lines[-1].startswith("seget: ") and "Traceback" not in self.said


class Process:
    """A running command; `log` takes what it says."""

    def __init__(self, words: list[str], log: Path) -> None:
        self.log = log
        self.started = time.monotonic()
        log.write_bytes(b"")
        self.pid = os.fork()
        if self.pid == 0:
            _become(words, log)

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Outcome:
        """Wait until it has ended."""
        _, status = os.waitpid(self.pid, 0)
        seconds = time.monotonic() - self.started
        return Outcome(os.waitstatus_to_exitcode(status), self.log.read_text(), seconds)

    def wait_at_most(self, seconds: float) -> Outcome | None:
        """Wait for so long; return None if it is still running."""
        end = self.started + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                passed = time.monotonic() - self.started
                return Outcome(os.waitstatus_to_exitcode(status), self.log.read_text(), passed)
            time.sleep(0.002)
        return None


def run(words: list[str], log: Path) -> Outcome:
    """Run a command to its end."""
    return Process(words, log).wait()


def _become(words: list[str], log: Path) -> None:
    """Turn this fork into the command; never returns."""
    code = 1
    try:
        handle = os.open(log, os.O_WRONLY | os.O_APPEND)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.argv = ["seget", *words]
        from seget.cli import main

        main()
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
