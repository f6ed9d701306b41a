"""One process at a time writes into a folder or to a file.

folder or file -> a lock beside what is written, held while the writing lasts

It never outlives its process: the lock of a run that was killed is free at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from seget.errors import RunError

Result = TypeVar("Result")

# Over a network the lock of a lost machine stays until the file server notices.
PATIENCE_S = 120.0


class InUse(RunError):
    """Another process writes there right now."""


def patiently(work: Callable[[], Result]) -> Result:
    """Do what writes; while another process writes there, wait and try again.

    It is for workers that take over from others: one that was lost may still hold its lock.

    Raises
    ------
    InUse
        The other one does not end within `PATIENCE_S`.
    """
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return work()
        except InUse:
            if time.monotonic() > end:
                raise
        time.sleep(1)


@contextmanager
def only_one(folder: Path | str) -> Iterator[None]:
    """Lock a folder of outputs against other processes; it is made if it is not there.

    A folder that was made and in which nothing was written is removed again.

    Raises
    ------
    InUse
        Another process holds it.
    """
    folder = Path(folder)
    with _held(folder / ".seget.lock", folder):
        yield


@contextmanager
def only_one_writes(path: Path) -> Iterator[None]:
    """Lock a file that is going to be written against other processes.

    Raises
    ------
    InUse
        Another process holds it.
    """
    with _held(path.with_name(f".{path.name}.lock"), path):
        yield


@contextmanager
def in_turn(lock: Path, wait_s: float) -> Iterator[bool]:
    """Let processes do one after the other what they share; yield whether it is this one's turn.

    Parameters
    ----------
    lock
        File that is locked; its folder is there.
    wait_s
        How long to wait for the others. After it, or where the file system has no locks, False is
        yielded, and what is shared must be left alone.
    """
    held = FileLock(lock)
    try:
        held.acquire(timeout=wait_s)
    except (Timeout, OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        held.release()


@contextmanager
def _held(lock: Path, written: Path) -> Iterator[None]:
    made = [one for one in (lock.parent, *lock.parent.parents) if not one.exists()]
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise InUse(
            f"{written}: another process of seget writes there right now; wait until it has "
            "ended, or give another -o."
        ) from None
    try:
        yield
    finally:
        # Removed before it is released: a process that opened the file just before then locks a
        # file without a name, which filelock notices and takes for locked. Windows cannot remove
        # an open file; there filelock removes it.
        with suppress(OSError):
            lock.unlink()
        held.release()
        with suppress(OSError):  # a folder that holds something stays
            for folder in made:
                folder.rmdir()
