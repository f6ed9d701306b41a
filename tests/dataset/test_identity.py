"""What makes a dataset another one for a training that goes on: what decides it, nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataset_folder import DRAWN, LABELS, Folder

SYNAPSE = """[[tomogram]]
image = "tomogram.mrc"
holdout = { validation = [4], test = [9] }
masks = { synapse = "synapse.mrc"%s }
"""


def identity(folder: Folder, more: str = "", test: bool = False) -> str:
    return json.dumps(folder.read(SYNAPSE % more).identity(("synapse",), test))


@pytest.mark.parametrize(("z", "noticed"), [(0, True), (4, True), (9, False)])
def test_a_mask_that_was_moved_is_noticed(folder: Folder, z: int, noticed: bool) -> None:
    before, scored = identity(folder), identity(folder, test=True)
    moved = DRAWN.copy()
    moved[z] = np.roll(DRAWN[z], 2, axis=1)  # as many pixels as before
    folder.save("synapse.mrc", moved.astype(np.uint8))
    assert (identity(folder) != before) == noticed, "a test slice decides no training"
    assert identity(folder, test=True) != scored


def test_what_decides_nothing_does_not_count(folder: Folder) -> None:
    before = identity(folder)
    assert identity(folder, ', golgi = { file = "labels.mrc", value = 1 }') == before
    folder.save("synapse.mrc", 255 * DRAWN.astype(np.uint8))
    assert identity(folder) == before, "the same drawing, stored as another number"
    folder.save("labels.mrc", LABELS.astype(np.int16))
    assert identity(folder, ', golgi = { file = "labels.mrc", value = 2 }') == before


@pytest.mark.parametrize(("z", "noticed"), [(3, True), (4, True), (9, False), (19, True)])
def test_a_slice_of_the_image_that_changed_is_noticed(
    folder: Folder, z: int, noticed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a volume of a thousand slices: what is sampled of the whole misses most of them.
    monkeypatch.setattr("seget.volume.sampled_slices", lambda depth: [depth - 1])
    before = identity(folder)
    image = np.random.default_rng(1).integers(0, 255, DRAWN.shape).astype(np.uint8)
    folder.save("tomogram.mrc", image)
    whole = identity(folder)
    assert whole != before
    image[z] += 1
    folder.save("tomogram.mrc", image)
    assert (identity(folder) != whole) == noticed, "a test slice decides no training"
