"""A real Dask cluster on this machine, and what kills one of its workers."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest


@contextmanager
def local_cluster(workers: int, processes: bool = True, **more: object) -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    # Its logs tell of killed workers what the tests want.
    with distributed.LocalCluster(
        n_workers=workers,
        **{"threads_per_worker": 1, "dashboard_address": ":0", "protocol": "tcp"} | more,
        processes=processes,
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster.scheduler_address


class Killer(threading.Thread):
    """Kills a process below this one that writes into a folder, once the time is ripe.

    Attributes
    ----------
    killed
        The process; None as long as none is.
    """

    def __init__(self, folder: Path, is_time: Callable[[], bool]) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.is_time = is_time
        self.killed: int | None = None

    def run(self) -> None:
        while not (self.is_time() and (pid := self.writer())):
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        self.killed = pid

    def writer(self) -> int | None:
        """Return a process that holds the lock of something that it is writing there."""
        for one in psutil.Process().children(recursive=True):
            try:
                held = [file.path for file in one.open_files()]
            except psutil.Error:
                continue
            if any(path.startswith(str(self.folder)) and path.endswith(".lock") for path in held):
                return one.pid
        return None
