"""What tests of `runners` send to other processes: these import it by name, as they do no test."""

from __future__ import annotations

import os
import time


def square(number: int) -> tuple[int, int]:
    """Return the square, and who computed it."""
    return number * number, os.getpid()


def slow_failure(number: int) -> int:
    if number == 0:
        raise ValueError("zero")
    time.sleep(0.2)
    return number
