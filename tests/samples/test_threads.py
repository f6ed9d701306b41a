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
        for name, part in batch.tensors().items():
            assert torch.equal(part, getattr(alone, name)), (step, name)


@pytest.mark.parametrize("labelled", [False, True])
def test_a_drawn_pixel_is_that_of_a_list_of_all(tmp_path: Path, labelled: bool) -> None:
    """Only a row of the mask is read, with the same random number."""
    folder, rng = Folder(tmp_path), np.random.default_rng(0)
    drawn = rng.integers(0, 3, (8, 80, 96)).astype(np.uint8)
    drawn[:, :5], drawn[:, 40:50] = 2, 0
    folder.save("tomogram.mrc", rng.integers(0, 256, drawn.shape, np.uint8))
    folder.save("spots.mrc", drawn)
    text = TOML.format("mrc").replace(
        '"spots.mrc"', '{ file = "spots.mrc", value = 1, ignore = 2 }'
    )
    mask = folder.read(text).tomograms[0].masks["spots"]
    listed = np.flatnonzero(mask.labelled_box(3, None) if labelled else mask.slice(3))
    for seed in range(50):
        one, other = (np.random.default_rng(seed) for _ in range(2))
        y, x = mask.draw(3, one, labelled=labelled)
        assert y * 96 + x == other.choice(listed)
        assert one.random() == other.random()
