"""Batches follow from seed and step, hold what they should and nothing that was held out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from dataset_folder import Folder
from seget.dataset import read_dataset
from seget.errors import InputError
from seget.normalisation import Normalisation
from seget.recipes import modern
from seget.samples import Batch, Samples
from small_patches import EDGE, SHAPE, gridded, plain

ONE = '[[tomogram]]\nimage = "tomogram.mrc"\nmasks = { spots = "spots.mrc" }\n'
EVERY_5TH = f'holdout = "every-5th"\n{ONE}'
ALL = f'holdout = "none"\n{ONE}'


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with a tomogram whose grey values tell their place, and a sparse mask."""
    folder = Folder(tmp_path)
    folder.save("tomogram.mrc", place_values(SHAPE))
    folder.save("spots.mrc", spots().astype(np.uint8))
    return folder


def place_values(shape: tuple[int, int, int]) -> np.ndarray:
    """Every pixel of a slice has its own number, and one more for each slice: `(z, y, x)`."""
    return np.arange(np.prod(shape), dtype=np.uint32).reshape(shape).astype(np.float32)


def spots() -> np.ndarray:
    """Two squares: the upper left corner of every slice, a larger one low in some slices."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, 2:6, 2:6] = True
    mask[[2, 3, 7], 50:58, 70:76] = True
    return mask


def places(samples: Samples, batch: Batch) -> list[tuple[int, int, int]]:
    """Read from the grey values where the patches of a batch were cut: (z, y, x) of the corner."""
    normal = samples.readers[0].normalisation
    numbers = batch.image[:, 0, 0, 0].double() * normal.deviation + normal.mean
    shape = samples.tomograms[0].image.shape
    return [tuple(map(int, np.unravel_index(round(n), shape))) for n in numbers.tolist()]


def epoch(samples: Samples, number: int = 0) -> list[Batch]:
    first = number * samples.steps_per_epoch
    return [samples.batch(step) for step in range(first, first + samples.steps_per_epoch)]


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(getattr(one, k), getattr(other, k)) for k in one.tensors())


# --- what a batch is ---


@pytest.mark.parametrize(
    "recipe", [modern().override(["patch_px=48"]), gridded(), plain("foreground_share=0")]
)
def test_a_batch_follows_from_seed_and_step(small_dataset, recipe):
    dataset = read_dataset(small_dataset)
    structures = ("discs",)
    there = [Samples(dataset, structures, recipe, 7).batch(step) for step in range(3)]
    samples = Samples(read_dataset(small_dataset), structures, recipe, 7)
    back = [samples.batch(step) for step in (2, 1, 0)][::-1]
    for one, other in zip(there, back, strict=True):
        assert same(one, other)
    for other in (
        samples.batch(1),
        samples.batch(2),
        Samples(dataset, structures, recipe, 8).batch(0),
    ):
        assert not torch.equal(there[0].image, other.image)


@pytest.mark.parametrize("recipe", [modern(), gridded()])
def test_shapes_and_types(small_dataset, recipe):
    batch = Samples(read_dataset(small_dataset), ("discs", "rods"), recipe, 0).batch(0)
    number, size = recipe.batch_size, min(recipe.patch_px, EDGE)
    assert batch.image.shape == (number, 1, size, size)
    assert batch.target.shape == batch.labelled.shape == (number, 2, size, size)
    assert batch.image.dtype == torch.float32
    assert batch.target.dtype == batch.labelled.dtype == torch.bool


@pytest.mark.parametrize("seed", range(4))
def test_image_target_and_labels_are_of_one_place(folder, seed):
    grain = np.random.default_rng(0).integers(-20, 20, SHAPE)  # without it, borders are padding
    folder.save("tomogram.mrc", (np.where(spots(), 200, 50) + grain).astype(np.uint8))
    samples = Samples(
        folder.read(EVERY_5TH), ("spots",), plain("flips=yes", "foreground_share=1"), seed
    )
    low, high = (samples.readers[0].normalisation(np.array([grey])).item() for grey in (50, 200))
    batch = samples.batch(seed)
    assert batch.target.any()
    assert torch.equal(batch.image > (low + high) / 2, batch.target)
    assert batch.labelled.all()


def test_the_image_is_normalised_over_its_volume(folder):
    folder.save("tomogram.mrc", np.random.default_rng(0).normal(40, 3, SHAPE).astype(np.float32))
    dataset = folder.read(ALL)
    samples = Samples(dataset, ("spots",), gridded("stride_px=32", "positive_copies=1"), 0)
    whole = torch.cat([batch.image for batch in epoch(samples)])
    assert whole.numel() == np.prod(SHAPE)
    assert whole.mean().item() == pytest.approx(0, abs=0.01)
    assert whole.std().item() == pytest.approx(1, abs=0.02)  # the tails are not in it


# --- the paper's epoch ---


def test_a_paper_epoch_holds_each_patch_once_and_positive_ones_as_often_as_said(folder):
    dataset = folder.read(EVERY_5TH)  # of 12 slices
    samples = Samples(dataset, ("spots",), gridded("positive_copies=3"), 1)
    mask = spots()
    expected = Counter(
        {
            (z, y, x): 3 if mask[z, y : y + 32, x : x + 32].any() else 1
            for z in (1, 2, 3, 4, 6, 7, 8, 9, 11)
            for y in (0, 16, 32, 48, 64)
            for x in (0, 16, 32, 48, 64)
        }
    )
    first, second = (
        [place for batch in epoch(samples, number) for place in places(samples, batch)]
        for number in (0, 1)
    )
    assert Counter(first) == Counter(second) == expected
    assert first != second, "another epoch, another order"
    assert first != sorted(first)


def test_the_last_batch_of_a_paper_epoch_may_be_smaller(folder):
    samples = Samples(folder.read(EVERY_5TH), ("spots",), gridded("positive_copies=1"), 0)
    assert samples.steps_per_epoch == 19  # 9 slices of 25 patches in batches of 12
    assert [len(batch.image) for batch in epoch(samples)] == [12] * 18 + [9]
    assert len(samples.batch(19).image) == 12


def test_a_patch_of_another_structure_alone_is_not_positive(folder):
    other = np.zeros(SHAPE, np.uint8)
    other[:, 90:] = 1
    folder.save("other.mrc", other)
    dataset = folder.read(EVERY_5TH.replace("spots.mrc", 'spots.mrc", other = "other.mrc'))
    one, both = (
        sum(len(batch.image) for batch in epoch(Samples(dataset, names, gridded(), 0)))
        for names in (("spots",), ("spots", "other"))
    )
    assert both == one + 9 * 5  # the lowest of five rows of patches, doubled


# --- sampled batches ---


def test_a_sampled_epoch_is_as_long_as_the_recipe_says(folder):
    samples = Samples(folder.read(EVERY_5TH), ("spots",), plain("steps_per_epoch=7"), 0)
    assert samples.steps_per_epoch == 7
    assert {len(samples.batch(step).image) for step in range(14)} == {4}


def test_with_a_full_share_every_patch_holds_foreground(folder):
    samples = Samples(folder.read(EVERY_5TH), ("spots",), plain("foreground_share=1"), 0)
    for step in range(30):
        assert samples.batch(step).target.any(dim=3).any(dim=2).all()


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_the_share_of_patches_with_foreground_is_the_recipe_s(folder, share):
    one_pixel = np.zeros(SHAPE, np.uint8)
    one_pixel[1, 40, 40] = 1  # so that a patch from anywhere hardly ever holds it
    folder.save("spots.mrc", one_pixel)
    samples = Samples(folder.read(EVERY_5TH), ("spots",), plain(f"foreground_share={share}"), 0)
    held = torch.cat([samples.batch(step).target.any(dim=3).any(dim=2) for step in range(100)])
    assert held.float().mean().item() == pytest.approx(share, abs=0.06)


def test_a_foreground_pixel_lies_anywhere_in_its_patch(folder):
    one_pixel = np.zeros(SHAPE, np.uint8)
    one_pixel[1, 48, 40] = 1
    folder.save("spots.mrc", one_pixel)
    samples = Samples(folder.read(EVERY_5TH), ("spots",), plain("foreground_share=1"), 0)
    found = torch.cat([samples.batch(step).target.nonzero()[:, 2:] for step in range(64)])
    assert len(found) == 256
    assert (found.min(dim=0).values <= 1).all()
    assert (found.max(dim=0).values >= 30).all()
    assert len(found[:, 0].unique()) == len(found[:, 1].unique()) == 32


def test_foreground_is_drawn_evenly_from_its_pixels_not_from_its_slices(folder):
    mask = np.zeros(SHAPE, np.uint8)
    mask[1, 10, :20] = 1
    mask[8, 40:44, :15] = 1  # 60 of 80 pixels
    folder.save("spots.mrc", mask)
    samples = Samples(folder.read(EVERY_5TH), ("spots",), plain("foreground_share=1"), 0)
    slices = [z for step in range(100) for z, _, _ in places(samples, samples.batch(step))]
    assert set(slices) == {1, 8}
    assert slices.count(8) / len(slices) == pytest.approx(60 / 80, abs=0.06)


@pytest.mark.parametrize("warp", ["warp=0", "warp=1e-9"])  # the latter cuts a margin off again
def test_patches_from_anywhere_reach_every_border_and_do_not_cross_it(folder, warp):
    samples = Samples(folder.read(EVERY_5TH), ("spots",), plain("foreground_share=0", warp), 0)
    batches = [samples.batch(step) for step in range(150)]
    corners = np.array([place for batch in batches for place in places(samples, batch)])
    assert corners[:, 1:].min(axis=0).tolist() == [0, 0]
    assert corners[:, 1:].max(axis=0).tolist() == [EDGE - 32, EDGE - 32]
    assert sorted(set(corners[:, 0])) == [1, 2, 3, 4, 6, 7, 8, 9, 11]
    assert all(batch.labelled.all() for batch in batches)


@pytest.mark.parametrize("share", [0, 1])
def test_only_annotated_slices_that_train_are_sampled(folder, share):
    text = (
        ONE.replace("masks", "slices = [1, 2, 4, 7, 8, 10]\nmasks")
        + "holdout = { validation = [4], test = [10] }\n"
    )
    for recipe in (plain(f"foreground_share={share}"), gridded()):
        samples = Samples(folder.read(text), ("spots",), recipe, 0)
        steps = range(min(samples.steps_per_epoch, 20))
        sampled = {z for step in steps for z, _, _ in places(samples, samples.batch(step))}
        assert sampled == {1, 2, 7, 8}


# --- what lies outside ---


def test_outside_the_slice_is_the_mean_and_unlabelled(folder):
    small = (4, 10, 13)
    folder.save("tomogram.mrc", 100 + place_values(small))
    folder.save("spots.mrc", np.ones(small, np.uint8) * (place_values(small) % 2 == 0))
    dataset = folder.read(ALL)
    samples = Samples(dataset, ("spots",), plain(), 0)
    assert samples.patch_px == 16
    batch = samples.batch(0)
    inside = torch.zeros_like(batch.labelled)
    inside[..., :10, :13] = True
    assert torch.equal(batch.labelled, inside)
    assert (batch.image[~inside] == 0).all()
    assert (batch.image[inside] != 0).all()
    assert not batch.target[~inside].any()


def test_what_a_warp_brings_in_from_outside_the_slice_is_unlabelled(folder):
    noise = np.random.default_rng(0).integers(49, 52, SHAPE)
    folder.save("tomogram.mrc", noise.astype(np.uint8))
    recipe = plain("warp=1", "scale=0.3", "elastic_px=2", "patch_px=96", "foreground_share=0")
    samples = Samples(folder.read(ALL), ("spots",), recipe, 0)
    samples.readers[0].normalisation = Normalisation(0, 50)  # so all that is there is near 1
    outside = 0
    for step in range(5):
        batch = samples.batch(step)
        share = batch.image  # of each pixel that comes from the slice
        assert batch.labelled[share > 0.51].all()
        assert not batch.labelled[share < 0.24].any()
        outside += (share == 0).float().mean().item() / 5
    assert 0.03 < outside < 0.3


@pytest.mark.parametrize(
    ("shape", "patch"), [((3, 40, 70), 32), ((3, 64, 50), 48), ((3, 9, 90), 16)]
)
def test_patches_shrink_to_the_smallest_slice_by_sixteens(folder, shape, patch):
    folder.save("tomogram.mrc", place_values(shape))
    folder.save("spots.mrc", (place_values(shape) % 3 == 0).astype(np.uint8))
    dataset = folder.read(ALL)
    for recipe in (plain("patch_px=512"), gridded("patch_px=512")):
        samples = Samples(dataset, ("spots",), recipe, 0)
        assert samples.batch(0).image.shape[-2:] == (patch, patch)


# --- what cannot be learnt ---


@pytest.mark.parametrize("recipe", [plain(), gridded()])
def test_a_structure_without_foreground_to_train_on_is_refused(folder, recipe):
    mask = np.zeros(SHAPE, np.uint8)
    mask[5] = 1  # validation
    folder.save("spots.mrc", mask)
    words = r"dataset\.toml: spots has no foreground on any training slice; annotate one"
    with pytest.raises(InputError, match=words):
        Samples(folder.read(EVERY_5TH), ("spots",), recipe, 0)


def test_foreground_fraction_by_hand(folder):
    tomogram = folder.read(EVERY_5TH).tomograms[0]
    assert tomogram.foreground_fraction("spots", (1,)) == 16 / EDGE**2
    assert tomogram.foreground_fraction("spots", (1, 2)) == (16 + 16 + 48) / (2 * EDGE**2)
    assert tomogram.foreground_fraction("spots", ()) == 0
    assert tomogram.foreground_fraction("others", (1,)) == 0
