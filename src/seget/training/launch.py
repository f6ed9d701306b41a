"""Starts the processes that train together on one machine, and waits for them.

command line + number of processes -> exit code, a sentence on the one that ended the others

It never trains and never prints. Across machines torchrun starts them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from seget.training.ranks import LOCAL_RANK, RANK, SIZE

# After one ended, the others notice by themselves; those that do not are stopped.
NOTICE_S, END_S = 30.0, 10.0


def launch(command: Sequence[str], count: int) -> tuple[int, str]:
    """Run a command of seget in so many processes; return the exit code, and a sentence or "".

    Ctrl-C and SIGTERM are handed on to each of them, once.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        SIZE: str(count),
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count)),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "seget", *command],
            env={**own, **os.environ, RANK: str(rank), LOCAL_RANK: str(rank)},
            start_new_session=True,  # Ctrl-C comes from here alone, once
        )
        for rank in range(count)
    ]
    with _handing_on(processes):
        return _wait(processes)


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> tuple[int, str]:
    """Wait for the end of all; stop the others some time after one failed."""
    failed: int | None = None
    patience = float("inf")
    while True:
        running = [process for process in processes if process.poll() is None]
        if failed is None:
            failed = next((i for i, p in enumerate(processes) if p.returncode), None)
            patience = time.monotonic() + NOTICE_S
        if not running:
            break
        if failed is not None and time.monotonic() > patience:
            _stop(running)
        time.sleep(0.05)
    if failed is None:
        return 0, ""
    code = processes[failed].returncode
    if code > 0:
        return code, ""
    sentence = (
        f"process {failed} of {len(processes)} was killed by {signal.Signals(-code).name}, and the "
        "others ended; the last checkpoint is kept: go on with --resume."
    )
    return 1, sentence


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    end = time.monotonic() + END_S
    while any(p.poll() is None for p in processes) and time.monotonic() < end:
        time.sleep(0.05)
    for process in processes:
        if process.poll() is None:
            process.kill()


@contextmanager
def _handing_on(processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Hand SIGINT and SIGTERM on while the context is open."""

    def hand_on(number: int, _: FrameType | None) -> None:
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    before = {n: signal.signal(n, hand_on) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
