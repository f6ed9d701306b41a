"""A folder in which tests of datasets write a dataset.toml and the files it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seget import files
from seget.dataset import Dataset, Mask, read_dataset
from seget.volume import Volume

SHAPE = (20, 7, 5)
DRAWN = np.random.default_rng(7).random(SHAPE) < 0.3
LABELS = np.where(DRAWN, 2, 1) * (np.arange(7)[:, None] > 0)
ONE_MASK = 'image = "tomogram.mrc"\nmasks = { synapse = "synapse.mrc" }\n'


@dataclass
class Folder:
    """Where a dataset.toml is written, and read."""

    path: Path

    def save(self, name: str, data: np.ndarray) -> None:
        files.write(self.path / name, Volume(data, (2.0, 1.0, 1.0), name=Path(name).stem))

    def read(self, text: str, inner: str = "") -> Dataset:
        path = self.path / inner / "dataset.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return read_dataset(path)

    def synapse(self) -> Mask:
        return self.read(f"[[tomogram]]\n{ONE_MASK}").tomograms[0].masks["synapse"]
