"""Beside a GPU several threads cut batches: what each reads must not depend on who else reads."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from dataset_folder import Folder
from seget.recipes import modern
from seget.samples import Samples
from seget.threads import made_ahead

TOML = """
holdout = "none"
[[tomogram]]
image = "tomogram.{0}"
masks = {{ spots = "spots.{0}" }}
"""


@pytest.mark.parametrize("suffix", ["mrc", "mrc.gz", "tif", "ome.zarr", "h5"])
def test_threads_cut_the_batches_that_one_cuts(tmp_path: Path, suffix: str) -> None:
    folder, rng = Folder(tmp_path), np.random.default_rng(0)
    plain = suffix.removesuffix(".gz")
    folder.save(f"tomogram.{plain}", rng.integers(0, 256, (8, 80, 96), np.uint8))
    folder.save(f"spots.{plain}", (rng.random((8, 80, 96)) < 0.1).astype(np.uint8))
    if suffix != plain:
        for path in list(tmp_path.iterdir()):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    recipe = modern().override(["patch_px=32", "batch_size=3"])
    samples = Samples(folder.read(TOML.format(suffix)), ("spots",), recipe, 0)
    for step, batch in enumerate(made_ahead(samples.batch, range(12), threads=4)):
        alone = samples.batch(step)
        for name, part in vars(batch).items():
            assert torch.equal(part, getattr(alone, name)), (step, name)
