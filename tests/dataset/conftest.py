"""A folder with a tomogram, good masks and masks that are wrong in some way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_folder import DRAWN, LABELS, SHAPE, Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    first = DRAWN.astype(np.uint8)
    first[1:] = 0
    folder.save("tomogram.mrc", np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8))
    folder.save("synapse.mrc", DRAWN.astype(np.uint8))
    folder.save("labels.mrc", LABELS.astype(np.uint8))
    folder.save("no-zero.mrc", np.where(DRAWN, 2, 1).astype(np.uint8))
    folder.save("empty.mrc", np.zeros(SHAPE, np.uint8))
    folder.save("first-slice.mrc", first)
    folder.save("small.mrc", DRAWN[:, 1:].astype(np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    return folder
