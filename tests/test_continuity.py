"""Which slices follow each other: known stacks, padding that does not count, hot pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from seget.continuity import Continuity
from seget.volume import Volume

DEPTH, EDGE = 24, 96


def cell(noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Structures of about 8 voxels in every direction, and noise that each slice has of its own."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(DEPTH, EDGE, EDGE)), 4)
    return 120 + 25 * (smooth / smooth.std() + noise * rng.normal(size=smooth.shape))


def jumps(stack: np.ndarray) -> list[int]:
    seen = Continuity(Volume(stack.astype(np.float32)))
    return [z for z in range(len(stack) - 1) if not seen.follows(z)]


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float16, np.float32, np.float64])
def test_every_type_of_voxel_is_read(kind: type) -> None:
    stack = np.concatenate([cell()[:4], cell(seed=1)[:4]]).astype(kind)
    if kind in (np.float32, np.float64):
        stack[2, 5, 5] = 3e38
        stack[3, 9, 9] = -3e38
    seen = Continuity(Volume(stack))
    assert [z for z in range(7) if seen.jumps(z)] == [3]


@pytest.mark.parametrize("noise", [0.0, 1.0, 2.0])
def test_a_stack_of_chosen_slices_jumps_where_some_were_left_out(noise: float) -> None:
    whole = cell(noise)
    assert jumps(whole) == []
    chosen = [0, 1, 2, 8, 9, 10, 19, 20, 21, 22]
    assert jumps(whole[chosen]) == [2, 5]


def test_a_frame_around_all_slices_makes_no_slice_follow() -> None:
    stack = np.concatenate([cell()[:4], cell(seed=1)[:4]])
    stack[:, :40] = 0
    stack[:, :, 60:] = 0
    assert jumps(stack) == [3]


def test_hot_pixels_make_none_follow_and_none_jump() -> None:
    stack = np.concatenate([cell()[:4], cell(seed=1)[:4]])
    stack[:, 30, 30] = 1e5
    stack[1::2, 50, 50] = -1e5
    assert jumps(stack) == [3]


def test_nothing_follows_an_empty_slice() -> None:
    stack = cell()
    stack[:2] = 7
    stack[10] = 0
    assert jumps(stack) == [0, 1, 9, 10]
    assert not any(Continuity(Volume(stack)).jumps(z) for z in range(len(stack) - 1))


def test_where_no_slice_is_like_the_next_likeness_tells_nothing() -> None:
    sections = cell()[::11]
    assert Continuity(Volume(sections)).typical < 0.4
    assert jumps(sections) == []


def test_a_single_slice_is_like_no_other() -> None:
    assert math.isnan(Continuity(Volume(cell()[:1])).typical)


def test_noise_of_pixels_hardly_counts() -> None:
    quiet, noisy = (Continuity(Volume(cell(noise))).typical for noise in (0.0, 1.0))
    assert quiet > noisy > 0.85 * quiet
