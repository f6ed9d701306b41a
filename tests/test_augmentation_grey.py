"""Other contrast, brightness, gamma and noise: within their limits, whatever one pixel is."""

from __future__ import annotations

import numpy as np

from augmented import augmented
from seget.augmentation import bend, draw
from seget.augmentation import grey as grey_of
from seget.recipes import Recipe, modern


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def only(*settings: str) -> Recipe:
    """Return a recipe that augments by nothing but `settings`."""
    nothing = ("flips=no", "warp=0", "scale=0", "elastic_px=0", "grey=0", "noise=0")
    return modern().override([*nothing, *settings])


def grey(image: np.ndarray, recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
    return grey_of(image, draw(image.shape, recipe, rng))


def test_noise_deviates_up_to_its_limit():
    flat = np.zeros((1, 64, 64), np.float32)
    deviations = [grey(flat, only("noise=0.4"), random(seed)).std() for seed in range(100)]
    assert 0 < min(deviations) < 0.05
    assert 0.35 < max(deviations) < 0.42
    assert grey(flat, only("noise=0.4"), random(0)).dtype == np.float32


def test_contrast_and_brightness_stay_within_their_limit():
    steps = np.array([[[-3.0, 3.0]]], np.float32)  # no gamma moves the ends
    changed = np.array([grey(steps, only("grey=0.2"), random(seed))[0, 0] for seed in range(200)])
    brightness, contrast = changed.mean(axis=1), np.diff(changed)[:, 0] / 6
    assert -0.2 <= brightness.min() < -0.15 < 0.15 < brightness.max() <= 0.2
    assert 0.8 <= contrast.min() < 0.85 < 1.15 < contrast.max() <= 1.2 + 1e-6


def test_gamma_bends_between_the_ends():
    steps = np.array([[[-3.0, 0.0, 3.0]]], np.float32)
    values = np.array([grey(steps, only("grey=0.2"), random(seed))[0, 0] for seed in range(200)])
    middle = (values[:, 1] - values[:, 0]) / (values[:, 2] - values[:, 0])
    assert 0.5**1.2 - 1e-6 <= middle.min() < 0.45 < 0.55 < middle.max() <= 0.5**0.8 + 1e-6


def test_gamma_does_not_look_at_the_farthest_pixels():
    """A few hot voxels in a patch change no other pixel's curve, and are left where they are."""
    plain = np.random.default_rng(0).normal(size=(1, 64, 64)).astype(np.float32)
    hot = plain.copy()
    hot[0, ::32, ::32] = 10
    one, other = (bend(image, 1.2) for image in (plain, hot))
    assert (other[hot == 10] == 10).all()
    kept = hot < 10
    assert np.abs(one[kept] - plain[kept]).max() > 0.2
    assert np.abs(one[kept] - other[kept]).max() < 0.05


def test_neighbouring_slices_change_alike_but_for_noise():
    image = np.random.default_rng(0).normal(size=(1, 40, 40)).astype(np.float32)
    masks = np.ones((1, 40, 40), bool)
    recipe = only("grey=0.2", "warp=1", "scale=0.2", "elastic_px=2", "flips=yes")
    three, _, _ = augmented((np.repeat(image, 3, axis=0), masks, masks), recipe, 4, random(1))
    single, _, _ = augmented((image, masks, masks), recipe, 4, random(1))
    for channel in three:
        np.testing.assert_array_equal(channel, single[0])


def test_a_flat_image_stays_flat():
    changed = grey(np.full((1, 8, 8), 3.0, np.float32), only("grey=0.2"), random(1))
    assert np.isfinite(changed).all()
    assert np.ptp(changed) == 0
