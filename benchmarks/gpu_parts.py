"""What the parts of the benchmark of CUDA have in common: sizes, the device, a network.

With SEGET_GPU_TINY set, sizes are a toy's and the processor does what there is no GPU for: to try
the script itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from seget.device import Device, choose_device
from seget.networks import Architecture
from seget.recipes import Recipe, modern
from seget.trained import Trained

TINY = "SEGET_GPU_TINY" in os.environ
EDGE, DEPTH = (256, 3) if TINY else (2048, 20)
NAMES = ("a", "b", "c", "d", "e")
Say = Callable[[str, Any, str], None]


@dataclass(frozen=True)
class Part:
    """What a part does, and the seconds after which it is stopped."""

    work: Callable[[Path, Say], None]
    most_s: float


def device() -> Device:
    """Return the CUDA device; for a toy the processor, if there is none."""
    return choose_device("auto" if TINY else "cuda")


def wait() -> None:
    """Wait until the device has done what was asked."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def model(structures: tuple[str, ...] = NAMES[:1], *settings: str) -> Trained:
    """Return a network with random weights."""
    recipe: Recipe = modern().override(["binning=1", *settings])
    network = Architecture.of(recipe, len(structures)).build(0).eval()
    return Trained(network, structures, recipe, dict.fromkeys(structures, 0.5), weights_sha256="x")
