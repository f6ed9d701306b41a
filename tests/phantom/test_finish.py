"""What happens to a picture after it was taken: each number does what it says, from the seed."""

from __future__ import annotations

import numpy as np
import pytest

from seget.phantom.finish import finish, to_bytes
from seget.phantom.settings import Picture

NOISE = np.random.default_rng(0).normal(0, 1, (6, 90, 100)).astype(np.float32)
FLAT = NOISE * np.float32(0.01)


def test_the_default_picture_is_bytes_and_nothing_else() -> None:
    assert np.array_equal(finish(NOISE, Picture(), 3), to_bytes(NOISE))


def test_inverted_is_the_negative_and_gamma_keeps_the_order() -> None:
    grey = finish(NOISE, Picture(), 0)
    assert np.array_equal(finish(NOISE, Picture(inverted=True), 0), 255 - grey)
    darker = finish(NOISE, Picture(gamma=1.5), 0)
    order = np.argsort(grey, axis=None)
    assert (np.diff(darker.ravel()[order].astype(int)) >= 0).all()
    assert darker.mean() < grey.mean() - 10
    assert darker[grey == 255].min() == 255


@pytest.mark.parametrize("section_nm", [None, 30.0])
def test_grain_has_the_strength_and_the_width_asked_for(section_nm: float | None) -> None:
    picture = Picture(grain=20.0, grain_px=4.0, section_nm=section_nm)
    grain = finish(NOISE, picture, 1).astype(float)
    grain -= grain.mean()

    def correlation(a: np.ndarray, b: np.ndarray) -> float:
        return float((a * b).mean() / grain.var())

    assert correlation(grain[..., 1:], grain[..., :-1]) > 0.6
    assert abs(correlation(grain[..., 12:], grain[..., :-12])) < 0.15
    # Slices of a tilt series share their grain, plain sections do not.
    shared = correlation(grain[1:], grain[:-1])
    assert abs(shared) < 0.1 if section_nm else shared > 0.6


def test_smoothing_takes_variance_and_leaves_plain_slices_apart() -> None:
    one = np.zeros((5, 31, 31), np.float32)
    one[2, 15, 15] = 1
    for section_nm, seen in ((None, 5), (30.0, 1)):
        grey = finish(one, Picture(smooth_px=1.0, section_nm=section_nm, clipped=0.0), 0)
        assert (grey.reshape(5, -1).min(axis=1) < 127).sum() == min(seen, 5)


def test_shading_is_slow_and_flicker_is_of_slices() -> None:
    shaded = finish(NOISE, Picture(shading=3.0), 2).astype(float).mean(axis=0)
    blocks = shaded.reshape(9, 10, 10, 10).mean(axis=(1, 3))
    assert blocks.std() > 5 * shaded.std() / 10
    flickering = finish(NOISE, Picture(flicker=1.0), 2).astype(float)
    steady = finish(NOISE, Picture(), 2).astype(float)
    assert flickering.mean(axis=(1, 2)).std() > 10 * steady.mean(axis=(1, 2)).std()


def test_the_same_seed_gives_the_same_bytes() -> None:
    picture = Picture(grain=0.5, shading=0.5, flicker=0.3, smooth_px=0.7, gamma=0.8)
    first, again, other = (finish(NOISE, picture, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert (first != other).mean() > 0.5
