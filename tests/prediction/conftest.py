from __future__ import annotations

import numpy as np
import pytest

from echo import Echo
from seget.recipes import modern
from seget.trained import Trained
from seget.volume import Volume


@pytest.fixture
def ramp() -> Volume:
    """A (3, 40, 50) volume of all values 0..127, with a place and a scale."""
    data = (np.arange(3 * 40 * 50) % 128).astype(np.uint8).reshape(3, 40, 50)
    return Volume(data, (5.0, 2.0, 2.5), (10.0, -20.0, 30.0), "ramp")


@pytest.fixture
def echo(ramp: Volume) -> Trained:
    return Trained(Echo(ramp), ("echo",), modern(), {"echo": 0.25}, weights_sha256="e")
