"""The smallest object, chosen on validation slices: against trying every size, and its bounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label

from seget import files
from seget.dataset import Dataset, read_dataset
from seget.evaluation import Choice, choose_smallest, find_predictions
from seget.evaluation.smallest_object import GAIN, NEARLY, _above
from seget.metrics import count
from seget.results import Sidecar, write_sidecar


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


def truth_of(dataset: Dataset, structure: str) -> np.ndarray:
    mask = dataset.tomograms[0].masks[structure]
    return np.stack([mask.slice(z) for z in range(mask.volume.shape[0])])


def chosen(dataset: Dataset, folder: Path, discs: np.ndarray) -> Choice:
    path = folder / "tomogram__discs.mrc"
    scores = np.where(discs, 100, 20).astype(np.uint8)
    files.write(path, dataset.tomograms[0].image.on_same_grid(scores, "discs"))
    write_sidecar(path, Sidecar(structure="discs", threshold=0.6))
    return choose_smallest(find_predictions(folder, dataset, "all"))["discs"]


def specked(dataset: Dataset, seed: int) -> np.ndarray:
    """The discs, and boxes of random sizes beside them."""
    rng = np.random.default_rng(seed)
    found = truth_of(dataset, "discs").copy()
    for _ in range(12):
        low = [rng.integers(0, n) for n in found.shape]
        high = [a + rng.integers(1, most) for a, most in zip(low, (5, 9, 9), strict=True)]
        found[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return found


def every_size(dataset: Dataset, found: np.ndarray) -> dict[float, tuple[float, bool]]:
    """nm3 -> mIOU on the validation slices, and whether nothing that is right was left out."""
    mask = dataset.tomograms[0].masks["discs"]
    truth, part = truth_of(dataset, "discs"), list(mask.split.validation)
    numbers, _ = label(found, np.ones((3, 3, 3)))
    sizes = np.bincount(numbers.ravel())
    scores = {}
    for size in [0, *sorted(set(sizes[1:]))]:
        kept = sizes > size
        kept[0] = False
        lost = [i for i in range(1, len(sizes)) if not kept[i]]
        right = all(
            (truth & (numbers == i))[part].sum() <= 0.5 * (numbers == i)[part].sum() for i in lost
        )
        guess = kept[numbers]
        miou = count(guess[part], truth[part]).miou
        scores[float(size * np.prod(mask_voxel(dataset)))] = (miou, right)
    return scores


def mask_voxel(dataset: Dataset) -> tuple[float, float, float]:
    voxel = dataset.tomograms[0].image.voxel_size_nm
    assert voxel is not None
    return voxel


@pytest.mark.parametrize("seed", range(8))
def test_it_is_as_good_as_the_best_of_all_sizes(dataset, tmp_path: Path, seed: int) -> None:
    found = specked(dataset, seed)
    choice = chosen(dataset, tmp_path, found)
    scores = every_size(dataset, found)
    allowed = {size: miou for size, (miou, right) in scores.items() if right}
    assert choice.before == pytest.approx(scores[0.0][0])
    best = max(allowed.values())
    if best <= scores[0.0][0] + GAIN:
        assert choice.smallest_nm3 == 0
        return
    left_out = max(size for size in scores if size < choice.smallest_nm3)
    assert allowed[left_out] == pytest.approx(choice.after)
    assert choice.after >= best - NEARLY
    smaller = [miou for size, miou in allowed.items() if size < left_out]
    assert max(smaller) < best - NEARLY, "it leaves out the least of what is as good"


def test_what_is_right_stays_however_small(dataset: Dataset, tmp_path: Path) -> None:
    truth = truth_of(dataset, "discs")
    found = truth.copy()
    found[:, :, 43:] = False  # of one column of discs only a core is found
    core = np.argwhere(truth[:, :, 43:])
    _, y, x = core[len(core) // 2]
    part = dataset.tomograms[0].masks["discs"].split.validation
    found[part[0], y : y + 2, x + 43 : x + 45] = True
    found[part[0], 1:40, 80:94] = True  # larger, and wrong
    assert truth[found & (np.arange(96) > 42)].any()
    assert chosen(dataset, tmp_path, found).smallest_nm3 == 0


def test_without_a_gain_or_a_voxel_size_nothing_is_left_out(dataset, tmp_path: Path) -> None:
    truth = truth_of(dataset, "discs")
    assert chosen(dataset, tmp_path, truth).smallest_nm3 == 0
    (tomogram,) = dataset.tomograms
    bare = replace(tomogram.image, voxel_size_nm=None, grid=None)
    unknown = replace(dataset, tomograms=(replace(tomogram, image=bare),))
    choice = chosen(unknown, tmp_path, specked(dataset, 0))
    assert choice.smallest_nm3 == 0
    assert np.isnan(choice.before)


def test_the_size_is_just_above_the_largest_that_goes() -> None:
    for volume in (1.0, 99.0, 1234.0, 8.999e6):
        assert volume < _above(volume) <= volume * 1.0101
