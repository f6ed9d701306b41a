"""Windows cover a slice exactly once and see all they should; patches are the paper's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget.patches import corners, windows

shapes = st.tuples(st.integers(1, 150), st.integers(1, 150))
sizes = st.integers(1, 200)
halos = st.integers(0, 90)
multiples = st.sampled_from([1, 2, 16, 32])


@given(shapes, sizes, halos, multiples)
def test_each_pixel_is_written_exactly_once(shape, size, halo, multiple):
    written = np.zeros(shape, dtype=int)
    for window in windows(shape, size, halo, multiple):
        written[window.write] += 1
    assert (written == 1).all()


@given(shapes, sizes, halos, multiples)
def test_a_read_holds_the_write_and_its_halo_up_to_the_border(shape, size, halo, multiple):
    for window in windows(shape, size, halo, multiple):
        for read, write, extent in zip(window.read, window.write, shape, strict=True):
            assert 0 <= read.start <= max(0, write.start - halo)
            assert min(extent, write.stop + halo) <= read.stop <= extent


@given(shapes, sizes, halos, multiples)
def test_reads_lie_on_the_grid_of_the_network_and_are_no_larger_than_needed(
    shape, size, halo, multiple
):
    for window in windows(shape, size, halo, multiple):
        for read, extent in zip(window.read, shape, strict=True):
            assert read.start % multiple == 0
            assert read.stop % multiple == 0 or read.stop == extent
            assert read.stop - read.start < size + 2 * halo + 4 * multiple


@given(shapes, sizes, halos, multiples)
def test_reads_of_a_slice_on_the_grid_are_of_one_size(shape, size, halo, multiple):
    on_grid = tuple(extent * multiple for extent in shape)
    reads = {
        (w.read[0].stop - w.read[0].start, w.read[1].stop - w.read[1].start)
        for w in windows(on_grid, size * multiple // 4 + 1, halo, multiple)
    }
    assert len(reads) == 1


@given(shapes, sizes, halos, multiples)
def test_reading_keeping_and_writing_gives_the_image_back(shape, size, halo, multiple):
    image = np.random.default_rng(0).integers(0, 1000, shape)
    result = np.full(shape, -1)
    for window in windows(shape, size, halo, multiple):
        kept = image[window.read][window.keep]
        assert kept.shape == result[window.write].shape
        result[window.write] = kept
    np.testing.assert_array_equal(result, image)


@given(shapes, halos)
def test_a_size_as_large_as_the_slice_gives_one_window_of_all(shape, halo):
    (window,) = windows(shape, max(shape), halo)
    everything = (slice(0, shape[0]), slice(0, shape[1]))
    assert window.read == window.keep == window.write == everything


def test_windows_by_hand():
    first, second, third = windows((16, 100), size=40, halo=5)
    assert (first.read[1], first.keep[1], first.write[1]) == (
        slice(0, 80),
        slice(0, 48),
        slice(0, 48),
    )
    assert (second.read[1], second.keep[1], second.write[1]) == (
        slice(16, 100),
        slice(32, 80),
        slice(48, 96),
    )
    assert (third.read[1], third.keep[1], third.write[1]) == (
        slice(16, 100),
        slice(80, 84),
        slice(96, 100),
    )


@pytest.mark.parametrize(("size", "halo", "multiple"), [(0, 0, 16), (16, -1, 16), (16, 0, 0)])
def test_impossible_windows_are_refused_in_words(size, halo, multiple):
    with pytest.raises(ValueError, match=f"size {size}, halo {halo}, multiple {multiple}: .* must"):
        windows((64, 64), size, halo, multiple)


def test_the_papers_patches_are_seven_by_seven():
    found = corners((2048, 2048), patch=512, stride=256)
    steps = [0, 256, 512, 768, 1024, 1280, 1536]
    assert found == [(y, x) for y in steps for x in steps]
    assert len(found) == 49


@given(shapes, st.integers(1, 80), st.data())
def test_patches_lie_inside_and_cover_all_pixels(shape, patch, data):
    stride = data.draw(st.integers(1, patch))
    found = corners(shape, patch, stride)
    covered = np.zeros(shape, dtype=bool)
    for y, x in found:
        assert 0 <= y <= max(0, shape[0] - patch)
        assert 0 <= x <= max(0, shape[1] - patch)
        covered[y : y + patch, x : x + patch] = True
    assert covered.all()
    assert len(set(found)) == len(found)


def test_the_last_patch_ends_at_the_border():
    assert corners((512, 1000), patch=512, stride=256) == [(0, 0), (0, 256), (0, 488)]


def test_a_slice_smaller_than_the_patch_has_one_corner():
    assert corners((100, 300), patch=512, stride=256) == [(0, 0)]


@pytest.mark.parametrize(("patch", "stride"), [(0, 1), (1, 0)])
def test_impossible_patches_are_refused_in_words(patch, stride):
    with pytest.raises(ValueError, match=f"patch {patch}, stride {stride}: both must be at least"):
        corners((64, 64), patch, stride)
