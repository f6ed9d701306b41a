"""Free memory and disk space of the machine, and what of it this process may take.

-> free bytes, cores; "4 GB" <-> bytes

It never allocates or writes anything.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from seget.errors import InputError, RunError

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
CGROUP = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of <malloc.h>
_limits: list[int] = []  # at most one: this process's share of the memory in bytes


def free_memory_bytes() -> int:
    """Return the memory that this process can still allocate without swapping.

    In a container, or in a job of a cluster, it is what is left of that one's memory; in a worker
    beside others what is left of its share, see `limit_memory`.
    """
    free = int(psutil.virtual_memory().available)
    for group in _control_groups():
        try:
            limit = int((group / "memory.max").read_text())
            used = int((group / "memory.current").read_text()) - _cached_bytes(group)
        except (OSError, ValueError, KeyError):  # no such limit: another system, or "max"
            continue
        free = min(free, max(0, limit - used))
    for limit in _limits:
        free = min(free, max(0, limit - int(psutil.Process().memory_info().rss)))
    return free


def limit_memory(most_bytes: int | None) -> None:
    """Let this process count on at most so much memory, its share beside others; None: on all.

    Nothing is enforced: plans that ask for free memory are made smaller.
    """
    _limits[:] = [] if most_bytes is None else [most_bytes]


def cores() -> int:
    """Return the number of cores that this process may use; in a job of a cluster, the job's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _control_groups() -> Iterator[Path]:
    """Yield the control group of this process and those around it, as Linux nests them."""
    try:
        lines = OWN_GROUP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith("0::/"):
            group = CGROUP / line.removeprefix("0::/")
            yield group
            yield from (parent for parent in group.parents if parent.is_relative_to(CGROUP))


def _cached_bytes(group: Path) -> int:
    """Return the memory of a control group that holds files, which gives way when it is wanted."""
    lines = (group / "memory.stat").read_text().splitlines()
    found = dict(line.split() for line in lines)
    return int(found["active_file"]) + int(found["inactive_file"])


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for its next allocations.

    A training step frees and allocates the same gigabyte again and again; returned to the system in
    between, it costs a page fault every 4 kB, a large part of a step's time. Only the GNU C
    library has this setting; elsewhere nothing happens.

    It changes malloc for the whole process. So only those who own the process call it: the commands
    that train, the worker processes that `runners` starts, benchmarks. No library function does.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    largest = 2**31 - 1  # of a C int
    libc.mallopt(M_MMAP_THRESHOLD, 2**30)
    libc.mallopt(M_TRIM_THRESHOLD, largest)


def free_disk_bytes(folder: Path) -> int:
    """Return the free space of the disk on which `folder` is or will be created."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def require_disk(folder: Path, wanted_bytes: int) -> None:
    """Check that `wanted_bytes` are free for a folder.

    Raises
    ------
    RunError
        There is less space.
    """
    free = free_disk_bytes(folder)
    if wanted_bytes > free:
        raise RunError(
            f"{folder}: {in_words(wanted_bytes)} are to be written there and {in_words(free)} are "
            "free; free some space, or give another -o."
        )


def parse_bytes(text: str, option: str) -> int:
    """Return the number of bytes in "4 GB", "4G" or "500 MB".

    Raises
    ------
    InputError
        It is not a positive number with such a unit.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]?)B?\s*", text, re.IGNORECASE)
    number = float(found[1]) * UNITS[found[2].upper()] if found else 0.0
    if not 1 <= number < 2**63:
        raise InputError(f"{option} {text}: wanted a size as 4G or 500M.")
    return int(number)


def in_words(number: int) -> str:
    """Return bytes as people say them: "1.6 GB"."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if number >= size:
            return (
                f"{number / size:.2g} {unit}" if number < 10 * size else f"{number // size} {unit}"
            )
    return f"{number / 1000:.0f} kB"
