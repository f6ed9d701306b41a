"""Another grid for the same area: means stay, waves stay, boxes are cuts of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget.resampling import Resampling

EXTENT = st.integers(1, 40)
SHAPE = st.tuples(EXTENT, EXTENT)


@given(SHAPE, SHAPE, st.data())
def test_a_box_is_cut_from_the_whole(
    source: tuple[int, int], target: tuple[int, int], data: st.DataObject
) -> None:
    resampling = Resampling(source, target)
    pixels = np.random.default_rng(0).standard_normal((2, *source)).astype(np.float32)
    box = tuple(slice(*sorted(data.draw(st.sets(st.integers(0, n), min_size=2, max_size=2))))
                for n in target)  # fmt: skip
    rows, columns = resampling.box((box[0], box[1]))
    part = resampling(pixels[:, rows, columns], (box[0], box[1]))
    np.testing.assert_array_equal(part, resampling(pixels)[:, box[0], box[1]])


@given(SHAPE, SHAPE)
def test_a_constant_stays_itself(source: tuple[int, int], target: tuple[int, int]) -> None:
    made = Resampling(source, target)(np.full(source, 3.0))
    assert made.shape == target
    np.testing.assert_allclose(made, 3, rtol=1e-5)


@given(SHAPE)
def test_the_same_grid_changes_nothing(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    np.testing.assert_allclose(Resampling(shape, shape)(pixels), pixels, atol=1e-6)


@pytest.mark.parametrize("target", [(32, 48), (21, 30), (7, 96), (63, 5)])
def test_going_down_keeps_the_mean(target: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).random((64, 96))
    coarse = Resampling((64, 96), (min(target[0], 64), min(target[1], 96)))(pixels)
    assert coarse.mean() == pytest.approx(pixels.mean(), rel=1e-5)


def test_half_the_size_is_the_mean_of_four_pixels() -> None:
    pixels = np.random.default_rng(0).random((64, 96))
    means = pixels.reshape(32, 2, 48, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(Resampling((64, 96), (32, 48))(pixels), means, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.77, 1.4, 2, 3.9])
def test_a_slow_wave_lies_where_it_lay(scale: float) -> None:
    """Pixel centres stay at their place: an offset of half a pixel would show."""
    extent, target = 200, round(200 * scale)

    def wave(number: int) -> np.ndarray:
        return np.sin((np.arange(number) + 0.5) / number * 6 * np.pi)

    made = Resampling((1, extent), (1, target))(wave(extent)[None])[0]
    edge = max(2, int(2 * scale))  # beyond the outermost centres there is nothing to interpolate
    np.testing.assert_allclose(made[edge:-edge], wave(target)[edge:-edge], atol=0.02)


def test_what_a_coarse_grid_cannot_hold_does_not_come_through_as_something_else() -> None:
    """Stripes of two pixels are grey at a third of the size, not broad stripes."""
    stripes = np.tile([1.0, -1.0], 300)[None]
    assert np.abs(Resampling((1, 600), (1, 200))(stripes)).max() <= 1 / 3 + 1e-6
    assert np.abs(Resampling((1, 600), (1, 150))(stripes)).max() < 1e-5


def test_there_and_back_is_near() -> None:
    y, x = np.indices((60, 90))
    smooth = np.sin(y / 9) * np.cos(x / 7)
    there = Resampling((60, 90), (30, 45))
    np.testing.assert_allclose(
        there.inverse(there(smooth))[3:-3, 3:-3], smooth[3:-3, 3:-3], atol=0.06
    )
