"""A tomogram of noise, a mask on it, and an untrained model, for tests of command lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from seget import files
from seget.networks import Architecture
from seget.recipes import modern
from seget.trained import Trained
from seget.volume import Volume

SIZE_NM = (1.0, 1.0, 1.0)
GREY = np.random.default_rng(0).integers(1, 255, (3, 40, 40)).astype(np.uint8)
MASK = np.zeros_like(GREY)
MASK[1, 10:30, 10:30] = 1


def write_run(folder: Path) -> Path:
    """Write the run of an untrained model of rods; return its folder."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Architecture("seget").build()
    recipe = modern().override(["binning=1"])
    Trained(network, ("rods",), recipe, {"rods": 0.5}, (1.0, 1.0)).save(folder / "model")
    return folder


def write_tomogram(folder: Path) -> Path:
    """Write one tomogram, a.mrc; return its folder."""
    files.write(folder / "a.mrc", Volume(GREY, SIZE_NM))
    return folder
