"""A tomogram and masks, and a proposed dataset.toml written and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from seget import files
from seget.dataset import Proposal, read_dataset
from seget.volume import Volume

SHAPE = (12, 64, 64)
SIZE_NM = (2.0, 2.0, 2.0)
Z, Y, X = np.ogrid[:12, :64, :64]
BLOBS = np.broadcast_to((np.hypot(Y - 20, X - 20) < 9) | (np.hypot(Y - 44, X - 40) < 7), SHAPE)
RODS = np.broadcast_to((np.abs(X - 55) < 4) & (Y > 8), SHAPE)
GREY = np.random.default_rng(0).normal(120, 25, SHAPE).clip(0, 255).astype(np.uint8)
BYTES = BLOBS.astype(np.uint8)
INSTANCES = ndimage.label(BLOBS)[0]
CLASSES = (BYTES + 2 * RODS).astype(np.uint8)
HALF_SEEN = np.where(np.broadcast_to(X < 8, SHAPE), 255, BYTES).astype(np.uint8)
SMOOTH = ndimage.gaussian_filter(BLOBS.astype(np.float32), (0, 1, 1))


def save(path: Path, data: np.ndarray) -> Path:
    path.parent.mkdir(exist_ok=True)
    files.write(path, Volume(np.ascontiguousarray(data), SIZE_NM))
    return path


def save_slices(folder: Path, stem: str, data: np.ndarray, slices: list[int]) -> Path:
    folder.mkdir()
    for z in slices:
        Image.fromarray(data[z]).save(folder / f"{stem}{z:03}.png")
    return folder


def written(proposal: Proposal, toml: Path) -> dict[str, np.ndarray]:
    """Write the text; return its masks as `read_dataset` has them, whole."""
    toml.write_text(proposal.text)
    dataset = read_dataset(toml)
    assert dataset.name == proposal.dataset.name
    assert dataset.structures == proposal.dataset.structures
    for one, own in zip(dataset.tomograms, proposal.dataset.tomograms, strict=True):
        assert one.name == own.name
        for structure, mask in one.masks.items():
            assert mask.split == own.masks[structure].split
            assert mask.annotated == own.masks[structure].annotated
            assert mask.notes == own.masks[structure].notes
    (tomogram,) = dataset.tomograms
    return {
        structure: np.stack([mask.slice(z) for z in range(mask.volume.shape[0])])
        for structure, mask in tomogram.masks.items()
    }
