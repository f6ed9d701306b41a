"""What a report of a fault needs: the machine, the versions, and what seget would run on.

-> names beside values

It never looks at a person's files: no path of theirs, no name of the machine is in it.
"""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9._-]+")  # of a requirement: what stands before >=
FOR_DEVELOPERS = re.compile(r"extra == [\"']dev[\"']")
ABSENT = "not installed"


def environment() -> dict[str, str]:
    """Return what to paste into a report of a fault, in the order in which it is read.

    A library that is broken is said to be; nothing is raised.
    """
    return {**_machine(), **_computing(), **_versions()}


def _machine() -> dict[str, str]:
    import psutil

    from seget import machine

    total = machine.in_words(psutil.virtual_memory().total)
    return {
        "seget": version("seget"),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{total}, {machine.in_words(machine.free_memory_bytes())} free",
    }


def _processor() -> str:
    with suppress(OSError):
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
        if found:
            return found[1].strip()
    return platform.processor() or "unknown"


def _computing() -> dict[str, str]:
    """Say on what, and in which precision, a model would run."""
    try:
        import torch

        from seget.device import choose_device

        device = choose_device()
        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none that torch sees"
    except Exception as error:  # torch of another processor, a driver of another version: say it
        return {"device": f"torch cannot be used: {str(error).partition(os.linesep)[0]}"}
    cuda = torch.version.cuda or torch.version.hip or "none, a build for processors"
    return {"device": f"{device.torch}, {device.precision}", "gpu": gpu, "cuda of torch": cuda}


def _versions() -> dict[str, str]:
    """Return the versions of all that seget asks for, extras for users too, by name."""
    lines = (line for line in requires("seget") or () if not FOR_DEVELOPERS.search(line))
    wanted = map(NAME.match, lines)
    names = sorted({found[0] for found in wanted if found}, key=str.casefold)
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT
