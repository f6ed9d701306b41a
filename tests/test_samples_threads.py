"""Beside a GPU several threads cut batches: what each reads must not depend on who else reads."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from seget import files
from seget.dataset import read_dataset
from seget.prediction import made_ahead
from seget.recipes import modern
from seget.samples import Samples
from seget.volume import Volume

TOML = """
holdout = "none"
[[tomogram]]
image = "tomogram.{0}"
masks = {{ spots = "spots.{0}" }}
"""


def save(folder: Path, name: str, suffix: str, data: np.ndarray) -> None:
    if suffix != "mrc.gz":
        files.write(folder / f"{name}.{suffix}", Volume(data, (2.0, 1.0, 1.0)))
        return
    files.write(folder / f"{name}.mrc", Volume(data, (2.0, 1.0, 1.0)))
    packed = gzip.compress((folder / f"{name}.mrc").read_bytes())
    (folder / f"{name}.mrc.gz").write_bytes(packed)


@pytest.mark.parametrize("suffix", ["mrc", "mrc.gz", "tif", "ome.zarr", "h5"])
def test_threads_cut_the_batches_that_one_cuts(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    save(tmp_path, "tomogram", suffix, rng.integers(0, 256, (8, 80, 96), np.uint8))
    save(tmp_path, "spots", suffix, (rng.random((8, 80, 96)) < 0.1).astype(np.uint8))
    (tmp_path / "dataset.toml").write_text(TOML.format(suffix))
    recipe = modern().override(["patch_px=32", "batch_size=3"])
    samples = Samples(read_dataset(tmp_path / "dataset.toml"), ("spots",), recipe, 0)
    for step, batch in enumerate(made_ahead(samples.batch, range(12), threads=4)):
        alone = samples.batch(step)
        for name, part in vars(batch).items():
            assert torch.equal(part, getattr(alone, name)), (step, name)
