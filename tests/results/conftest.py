from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.results import Sidecar, map_path, write_sidecar
from seget.volume import Volume


@pytest.fixture
def ramp() -> Volume:
    """A (3, 40, 50) volume of all values 0..127, with a place and a scale."""
    data = (np.arange(3 * 40 * 50) % 128).astype(np.uint8).reshape(3, 40, 50)
    return Volume(data, (5.0, 2.0, 2.5), (10.0, -20.0, 30.0), "ramp")


@pytest.fixture
def write_map(ramp: Volume, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a score map, the ramp, as prediction does."""

    def write(structure: str = "echo", tomogram: str = "ramp", suffix: str = ".mrc") -> Path:
        path = map_path(tmp_path, tomogram, structure, suffix)
        files.write(path, ramp)
        write_sidecar(path, Sidecar(structure=structure, threshold=0.25, id=structure))
        return path

    return write
