"""What tests of `runners` send to other processes: these import it by name, as they do no test."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from seget.runners import is_wanted


def square(number: int) -> tuple[int, int]:
    """Return the square, and who computed it."""
    return number * number, os.getpid()


def slow_failure(number: int) -> int:
    if number == 0:
        raise ValueError("zero")
    time.sleep(0.2)
    return number


def killed_once(number: int, folder: Path) -> int:
    """Return the number, but of 2 only the second process that tries: the first is killed."""
    seen = folder / f"{number}"
    if number == 2 and not seen.exists():
        seen.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def always_killed(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def slow(number: int) -> int:
    """Leave a file in the folder of the job's script, and take a minute."""
    Path(f"began{number}").touch()
    time.sleep(60)
    return number


def until(happened: Callable[[], bool]) -> None:
    """Wait until something has happened."""
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def until_unwanted(number: int, folder: Path) -> int:
    """Return 0 at once; work on anything else until nobody waits for it, and leave a file then."""
    (folder / f"{number} began").touch()
    while number and is_wanted():
        time.sleep(0.01)
    (folder / f"{number} ended").touch()
    return number


_BUSY: list[int] = []


def visible_gpu(number: int) -> str | None:
    """Return the GPUs that this process sees."""
    time.sleep(0.3)
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def at_a_time(number: int) -> int:
    """Return how many are at work in this process while this one is."""
    _BUSY.append(number)
    time.sleep(0.05)
    found = len(_BUSY)
    _BUSY.remove(number)
    return found


def free_memory(number: int) -> tuple[int, str]:
    """Return the memory that a worker counts on, and the threads it was given."""
    from seget.machine import free_memory_bytes

    return free_memory_bytes(), os.environ["OMP_NUM_THREADS"]


def job_killed_once(number: int, folder: Path) -> int:
    """Return the number, but the first job that tries 2 is killed with all its processes."""
    seen = folder / f"{number}"
    if number == 2 and not seen.exists():
        seen.touch()
        os.killpg(os.getpgid(0), signal.SIGKILL)
    return number
