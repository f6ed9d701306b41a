"""Several structures are learnt in turn, and none where it was not drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dataset_folder import Folder
from seget.dataset import Dataset
from seget.samples import Samples
from small_patches import EDGE, SHAPE, plain


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def two_structures(folder: Folder) -> Dataset:
    """Left has foreground at the left only, right at the right; the 2nd tomogram lacks right."""
    left, right = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    left[..., :6], right[..., -6:] = 1, 1
    stripes = np.tile(np.arange(EDGE) % 2 * 100, (*SHAPE[:2], 1)).astype(np.uint8)
    for edge in (0, -1):  # a border of one value would be padding
        stripes[:, ::2, edge], stripes[:, 1::2, edge] = 0, 100
    level = 80 - stripes.swapaxes(1, 2) // 2
    for name, data in {"left": left, "right": right, "upright": stripes, "level": level}.items():
        folder.save(f"{name}.mrc", np.ascontiguousarray(data))
    return folder.read(
        'holdout = "every-5th"\n[[tomogram]]\nimage = "upright.mrc"\n'
        'masks = { left = "left.mrc", right = "right.mrc" }\n'
        '[[tomogram]]\nimage = "level.mrc"\nmasks = { left = "left.mrc" }\n'
    )


def test_each_tomogram_is_normalised_by_itself(folder):
    samples = Samples(two_structures(folder), ("left",), plain("foreground_share=0"), 0)
    image = torch.cat([samples.batch(step).image for step in range(8)])
    level = (image == image[..., :1]).float().mean(dim=(2, 3)) > 0.9
    assert level.any()
    assert not level.all()
    torch.testing.assert_close(image.abs(), torch.ones_like(image))  # stripes of two grey values


@pytest.mark.parametrize("size", [4, 3])
def test_joint_batches_take_the_structures_in_turn(folder, size):
    recipe = plain("foreground_share=1", f"batch_size={size}")
    samples = Samples(two_structures(folder), ("left", "right"), recipe, 0)
    held = torch.cat([samples.batch(step).target.any(dim=3).any(dim=2) for step in range(8)])
    turn = torch.arange(len(held)) % 2
    assert torch.equal(held, torch.stack([turn == 0, turn == 1], dim=1))


@pytest.mark.parametrize("share", [0, 1])
def test_a_structure_without_a_mask_in_a_tomogram_is_unlabelled_there(folder, share):
    recipe = plain(f"foreground_share={share}")
    samples = Samples(two_structures(folder), ("right", "left"), recipe, 0)
    batches = [samples.batch(step) for step in range(20)]
    image = torch.cat([batch.image for batch in batches])[:, 0]
    target, labelled = (
        torch.cat([getattr(batch, part) for batch in batches]) for part in ("target", "labelled")
    )
    second = (image[:, :, :1] == image).float().mean(dim=(1, 2)) > 0.9  # its stripes are level
    assert second.any()
    assert not second[::2].any(), "a patch for right comes from where right is drawn"
    assert labelled[:, 1].all()
    assert labelled[~second].all()
    assert not labelled[second, 0].any()
    assert not target[second, 0].any()


def test_the_order_of_the_outputs_is_the_order_asked_for(folder):
    dataset = two_structures(folder)
    recipe = plain("foreground_share=0", "patch_px=96")
    for structures in (("left", "right"), ("right", "left")):
        target = Samples(dataset, structures, recipe, 0).batch(0).target
        assert target[:, structures.index("left"), :, 0].all()
        assert not target[:, structures.index("right"), :, 0].any()
