"""An augmented patch is another view of the same place: image, target and labels stay together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augmented import augmented
from seget.augmentation import draw, sources, turn, warp
from seget.recipes import Recipe, modern

MARGIN, SIZE = 8, 64
WHOLE = SIZE + 2 * MARGIN
BRIGHT, DARK = 200.0, 50.0
HALF = (BRIGHT + DARK) / 2

seeds = st.integers(0, 2**32 - 1)


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def only(*settings: str) -> Recipe:
    """Return a recipe that augments by nothing but `settings`."""
    nothing = ("flips=no", "warp=0", "scale=0", "elastic_px=0", "grey=0", "noise=0")
    return modern().override([*nothing, *settings])


def drawn_patch() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A patch whose image is its mask, with a shape that no turn and no mirror repeats."""
    y, x = np.mgrid[:WHOLE, :WHOLE]
    mask = (np.hypot(y - 30, x - 26) < 12) | ((np.abs(x - 58) < 4) & (y > 22))
    mask |= (np.abs(y - 60) < 3) & (x < 50)
    target = mask[None]
    return np.where(target, BRIGHT, DARK).astype(np.float32), target, np.ones_like(target)


def warped(size: int, seed: int, *settings: str) -> np.ndarray:
    """Where the pixels of a warped patch come from."""
    return sources(size, draw((1, size, size), only("warp=1", *settings), random(seed)))


def inner(part: np.ndarray) -> np.ndarray:
    return part[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def away_from_edges(target: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Pixels whose 3 x 3 surroundings are labelled and all foreground or all background."""

    def grown(mask: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(mask[0], 1), (3, 3))
        return windows.any(axis=(2, 3))[None]

    return labelled & ~grown(~labelled) & ~(grown(target) & grown(~target))


@given(seeds)
def test_flips_keep_image_and_target_together_to_the_pixel(seed):
    image, target, labelled = augmented(drawn_patch(), only("flips=yes"), MARGIN, random(seed))
    assert image.shape == target.shape == labelled.shape == (1, SIZE, SIZE)
    np.testing.assert_array_equal(image > HALF, target)
    assert labelled.all()


@given(seeds)
def test_a_warp_keeps_image_and_target_together_but_for_the_edges(seed):
    recipe = only("flips=yes", "warp=1", "scale=0.3", "elastic_px=3")
    image, target, labelled = augmented(drawn_patch(), recipe, MARGIN, random(seed))
    clear = away_from_edges(target, labelled)
    assert clear.mean() > 0.5
    assert target[clear].sum() > 100
    np.testing.assert_array_equal((image > HALF)[clear], target[clear])


@given(seeds)
def test_a_warp_turns_around_the_middle_of_the_view(seed):
    y, x = np.mgrid[:WHOLE, :WHOLE] - (WHOLE - 1) / 2
    disc = np.hypot(y, x)[None] < 10
    patch = (disc.astype(np.float32), disc, disc | True)
    _, target, _ = augmented(patch, only("flips=yes", "warp=1", "scale=0.3"), MARGIN, random(seed))
    middle = np.argwhere(target[0]).mean(axis=0)
    assert middle == pytest.approx([(SIZE - 1) / 2] * 2, abs=0.25)


@given(seeds)
def test_grey_values_change_in_the_image_alone_and_keep_their_order(seed):
    patch = drawn_patch()
    image, target, labelled = augmented(patch, only("grey=0.3"), MARGIN, random(seed))
    np.testing.assert_array_equal(target, inner(patch[1]))
    np.testing.assert_array_equal(labelled, inner(patch[2]))
    assert image[target].min() > image[~target].max()


def test_a_recipe_without_augmentation_cuts_the_middle_out():
    patch = drawn_patch()
    for part, cut in zip(patch, augmented(patch, only(), MARGIN, random(0)), strict=True):
        np.testing.assert_array_equal(cut, inner(part))
    for part, kept in zip(patch, augmented(patch, only(), 0, random(0)), strict=True):
        np.testing.assert_array_equal(kept, part)


@pytest.mark.parametrize("recipe", [modern(), only("flips=yes")])
def test_the_same_random_numbers_give_the_same_view(recipe):
    def view(seed: int) -> np.ndarray:
        return np.concatenate(augmented(drawn_patch(), recipe, MARGIN, random(seed)))

    np.testing.assert_array_equal(view(3), view(3))
    assert len({view(seed).tobytes() for seed in range(12)}) > 4


def test_augmenting_leaves_the_patch_as_it_was():
    patch = drawn_patch()
    for seed in range(4):
        augmented(patch, modern(), MARGIN, random(seed))
    for part, before in zip(patch, drawn_patch(), strict=True):
        np.testing.assert_array_equal(part, before)


@pytest.mark.parametrize(
    "recipe",
    [
        only(),
        only("warp=1"),
        modern().override(["warp=0"]),
    ],
)
def test_the_image_stays_float32_and_the_masks_bool(recipe):
    view = augmented(drawn_patch(), recipe, MARGIN, random(0))
    assert [part.dtype for part in view] == [np.float32, np.bool_, np.bool_]


def test_all_eight_views_of_a_square_are_drawn():
    mask = np.zeros((1, 4, 4), bool)
    mask[0, 0, 1] = True
    patch = (mask.astype(np.float32), mask, mask)
    views = {augmented(patch, only("flips=yes"), 0, random(s))[0].tobytes() for s in range(100)}
    assert len(views) == 8


def test_turns_by_hand():
    pixels = np.array([[[1, 2], [3, 4]]], np.float32)
    assert turn(pixels, 0, False).tolist() == [[[1, 2], [3, 4]]]
    assert turn(pixels, 1, False).tolist() == [[[2, 4], [1, 3]]]  # counter-clockwise
    assert turn(pixels, 2, False).tolist() == [[[4, 3], [2, 1]]]
    assert turn(pixels, 0, True).tolist() == [[[2, 1], [4, 3]]]
    assert turn(pixels, 1, True).tolist() == [[[4, 2], [3, 1]]]


@given(st.integers(0, 3), st.booleans())
def test_a_turn_undone_is_nothing(turns, mirror):
    pixels = random(0).random((2, 5, 5), np.float32)
    back = turn(pixels, turns, mirror)
    back = turn(turn(back, 0, True) if mirror else back, -turns, False)
    np.testing.assert_array_equal(back, pixels)


def identity(size: int) -> np.ndarray:
    """Where each pixel comes from if it comes from itself: `(2, p, p)` as (y, x) in pixels."""
    return np.indices((size, size)).astype(np.float32)


@pytest.mark.parametrize("size", [5, 64])
def test_a_warp_from_itself_changes_nothing(size):
    image = random(1).random((1, size, size), np.float32)
    masks = random(2).random((2, 3, size, size)) < 0.5
    for warped, part in zip(warp((image, *masks), identity(size)), (image, *masks), strict=True):
        np.testing.assert_array_equal(warped, part)


def test_a_warp_by_whole_pixels_moves_and_what_comes_in_is_unlabelled():
    ramp = np.arange(100, dtype=np.float32).reshape(1, 10, 10) + 1
    patch = (ramp, ramp > 50, np.ones((2, 10, 10), bool))
    source = identity(10)
    source[1] += 3  # each pixel comes from three to its right
    image, target, labelled = warp(patch, source)
    np.testing.assert_array_equal(image[:, :, :7], ramp[:, :, 3:])
    np.testing.assert_array_equal(target[:, :, :7], ramp[:, :, 3:] > 50)
    np.testing.assert_array_equal(labelled, [[[1] * 7 + [0] * 3] * 10] * 2)
    assert not image[:, :, 7:].any()
    assert not target[:, :, 7:].any()
    source[0] -= 2  # and from two above
    image, target, _ = warp(patch, source)
    np.testing.assert_array_equal(image[:, 2:, :7], ramp[:, :-2, 3:])
    np.testing.assert_array_equal(target[:, 2:, :7], ramp[:, :-2, 3:] > 50)


@pytest.mark.parametrize("away", [-1e6, -10.0, -1.0, 10.0, 1e6])
@pytest.mark.parametrize("axis", [0, 1])
def test_what_comes_from_far_outside_is_zero_and_unlabelled(axis, away):
    ones = np.ones((1, 10, 10), bool)
    source = identity(10)
    source[axis] = away
    for part in warp((ones.astype(np.float32), ones, ones), source):
        assert not part.any()


def test_the_image_is_interpolated_and_the_masks_are_not():
    image = np.array([[[0, 4, 8], [12, 16, 20], [24, 28, 32]]], np.float32)
    source = identity(3) + np.array([0.25, 0.75], np.float32)[:, None, None]
    warped, mask, _ = warp((image, image > 12, image > -1), source)
    # 12 a row, 4 a column: a quarter of a row is 3, three quarters of a column are 3
    np.testing.assert_allclose(warped[0, :2, :2], image[0, :2, :2] + 6)
    np.testing.assert_array_equal(mask[0, :2, :2], (image > 12)[0, :2, 1:])


@given(seeds)
def test_what_was_unlabelled_stays_so_under_a_warp(seed):
    image, target, labelled = drawn_patch()
    labelled[:, :, : WHOLE // 2] = False
    image[~labelled] = -1000
    recipe = only("warp=1", "scale=0.3", "elastic_px=3")
    image, _, labelled = augmented((image, target, labelled), recipe, MARGIN, random(seed))
    assert (image[labelled] >= -1000 * 0.76).all(), "the nearest of four pixels weighs a quarter"
    assert labelled.any()
    assert not labelled.all()


@given(seeds, st.floats(0, 0.49))
def test_without_bending_a_warp_is_a_turn_and_a_change_of_size(seed, scale):
    source = warped(SIZE, seed, f"scale={scale!r}").reshape(2, -1)
    middle = (SIZE - 1) / 2
    place = identity(SIZE).reshape(2, -1) - middle
    found, residual, *_ = np.linalg.lstsq(place.T, source.T - middle, rcond=None)
    assert residual.max() < 1e-3
    (cosine, sine), (minus_sine, other_cosine) = found
    assert (other_cosine, minus_sine) == pytest.approx((cosine, -sine), abs=1e-5)
    assert abs(math.degrees(math.atan2(sine, cosine))) <= 15 + 1e-3
    assert 1 - scale - 1e-4 <= math.hypot(sine, cosine) <= 1 + scale + 1e-4


def test_turns_and_sizes_reach_both_ways():
    warps = [warped(8, seed, "scale=0.2") for seed in range(100)]
    down, right = np.array([source[:, 4, 7] - source[:, 4, 0] for source in warps]).T / 7
    angles = np.degrees(np.arctan2(down, right))
    sizes = np.hypot(down, right)
    assert angles.min() < -10 < 10 < angles.max()
    assert sizes.min() < 0.85 < 1.15 < sizes.max()


@pytest.mark.parametrize(("size", "elastic_px"), [(33, 3), (81, 3), (81, 1.5)])
def test_the_bending_deviates_by_its_pixels_and_is_smooth(size, elastic_px):
    def drawn(seed: int, px: float) -> np.ndarray:
        return warped(size, seed, "scale=0.2", f"elastic_px={px}")

    bent = np.stack([drawn(seed, elastic_px) - drawn(seed, 0) for seed in range(100)])
    span = (size - 1) // 4  # five knots; at a knot the deviation is exact
    knots = bent[..., ::span, ::span]
    assert knots.std() == pytest.approx(elastic_px, rel=0.05)
    assert abs(knots.mean()) < elastic_px * 0.1
    assert np.abs(bent).max() == pytest.approx(np.abs(knots).max(), abs=1e-3)
    assert np.abs(np.diff(bent)).max() < 10 * elastic_px * np.pi / 2 / span


def test_half_of_the_patches_are_warped():
    patch = drawn_patch()
    views = [augmented(patch, only("warp=0.5", "scale=0.2"), MARGIN, random(s)) for s in range(200)]
    untouched = sum(np.array_equal(image, inner(patch[0])) for image, _, _ in views)
    assert 80 < untouched < 120
