"""What a network was trained on, in words.

--device -> "2 cores of ..., bf16, torch ..."

It never measures anything.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from seget.device import choose_device


def machine_name(device: str) -> str:
    """Say in words what networks of a device run on here."""
    chosen = choose_device(device)
    if chosen.torch.type == "cuda":
        name = torch.cuda.get_device_name(chosen.torch)
    else:
        name = f"{os.cpu_count()} cores of {_processor()}"
        name += ", mps" if chosen.torch.type == "mps" else ""
    return f"{name}, {'bf16' if chosen.bf16 else 'float32'}, torch {torch.__version__}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
