"""Grey values made comparable: what surrounds a section, and what is no tissue, changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget.errors import InputError
from seget.normalisation import CLIP, Normalisation, normalisation
from seget.padding import padding
from seget.volume import Volume

Array = npt.NDArray[np.float32]
SHAPE = (6, 96, 80)
CONTENT = np.s_[:, 20:-16, 24:-12]


def grey(shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(120, 25, shape)
    return np.clip(noise, 1, 254).astype(np.uint8)


def corners(value: float) -> npt.NDArray[np.float64]:
    """A section turned by 45 degrees: one value in the corners, with an interpolated rim."""
    y, x = np.indices(SHAPE[1:])
    turned = np.abs(y - 47.5) + np.abs(x - 39.5)
    rim = (turned > 65)[None] * 0.5
    return np.where(turned[None] > 66, value, grey() * (1 - rim) + value * rim)


def disc() -> npt.NDArray[np.float64]:
    y, x = np.indices(SHAPE[1:])
    return np.where(np.hypot(y - 47.5, x - 39.5)[None] > 34, 255, grey())


def frame(value: float, dtype: npt.DTypeLike = np.float32) -> npt.NDArray[np.generic]:
    made = np.full(SHAPE, value, dtype)
    made[CONTENT] = grey()[CONTENT]
    return made


def frame_of_each_slice() -> Array:
    """Each slice padded with its own mean, as IMOD's newstack does."""
    made = frame(0)
    for z in range(SHAPE[0]):
        own = made[z][made[z] > 0].mean()
        made[z][made[z] == 0] = own
    return made


def two_values() -> Array:
    made = frame(0)
    made[:, :10] = 255
    return made


def sides() -> Array:
    made = grey().astype(np.float32)
    made[:, :, :30] = np.nan
    made[:, :, 30:34] = 0  # and a constant between them and the section
    return made


PADDED: dict[str, Callable[[], npt.NDArray[np.generic]]] = {
    "black": lambda: frame(0, np.uint8),
    "white": lambda: frame(255, np.uint8),
    "mean": lambda: frame(120),
    "a fraction": lambda: frame(-0.37),
    "far away": lambda: frame(-32768, np.int16),
    "each slice's own": frame_of_each_slice,
    "two values": two_values,
    "NaN and a constant": sides,
    "NaN": lambda: frame(np.nan),
    "corners": lambda: corners(0),
    "disc": disc,
}


@pytest.mark.parametrize("make", PADDED.values(), ids=PADDED.keys())
def test_padding_is_found_and_changes_no_statistics(
    make: Callable[[], npt.NDArray[np.generic]],
) -> None:
    image = make()
    found = normalisation(Volume(image))
    assert found.mean == pytest.approx(120, abs=3)
    assert found.deviation == pytest.approx(24.6, abs=2)
    wrong = (image != grey()) & ~(np.abs(image - 0.5 * grey()) < 0.01)
    for z in range(SHAPE[0]):
        empty = padding(image[z])
        assert empty is not None
        # All that was put around the section, but for the rims of its corners.
        assert np.mean(empty[wrong[z]]) > 0.97
        assert not empty[30:60, 36:60].any()
        assert (found(image[z], empty)[empty] == 0).all()


@pytest.mark.parametrize("edge", [1, 2, 3])
def test_a_thin_frame_is_padding(edge: int) -> None:
    """Two pixels of black around 192 are 4 % of a slice, and a sixth of its deviation."""
    image = np.pad(grey(), ((0, 0), (edge, edge), (edge, edge)))
    found = normalisation(Volume(image))
    assert found.deviation == pytest.approx(normalisation(Volume(grey())).deviation, rel=0.01)
    empty = padding(image[0])
    assert empty is not None
    assert empty.sum() == image[0].size - grey()[0].size


def test_empty_slices_are_left_out_whatever_is_in_them() -> None:
    image = np.concatenate([np.zeros((4, 96, 80)), grey(), np.full((3, 96, 80), 255)])
    found = normalisation(Volume(image))
    assert found.mean == pytest.approx(normalisation(Volume(grey())).mean)
    assert found.padding_share == pytest.approx(7 / 13)
    assert [padding(plane) is None for plane in image] == [False] * 4 + [True] * 6 + [False] * 3


@pytest.mark.parametrize("low", [0, 60, 110])
def test_noise_that_was_cut_off_is_no_padding(low: int) -> None:
    """A third of the pixels may be one value, also along the border."""
    image = np.clip(grey(), low, 200)
    assert all(padding(plane) is None or padding(plane).mean() < 0.01 for plane in image)


def test_a_body_of_one_value_inside_is_no_padding() -> None:
    """A granule so dark that it was cut off to 0 is a granule, also beside a frame of 0."""
    image = frame(0, np.uint8)
    image[:, 40:60, 40:60] = 0
    for plane in image:
        empty = padding(plane)
        assert empty is not None
        assert not empty[40:60, 40:60].any()
        assert empty[:20].all()


@pytest.mark.parametrize(
    ("number", "value"), [(5, 1e5), (20, 1e4), (30, 3e3), (400, 1e5), (9, -1e7)]
)
def test_hot_voxels_change_nothing_and_are_named(number: int, value: float) -> None:
    hot = grey().astype(np.float32)
    places = np.random.default_rng(3).choice(hot.size, number, replace=False)
    hot.ravel()[places] = value
    plain, found = normalisation(Volume(grey())), normalisation(Volume(hot))
    assert found.mean == pytest.approx(plain.mean, abs=0.1)
    assert found.deviation == pytest.approx(plain.deviation, rel=0.01)
    assert (found.far_out, found.farthest) == (number, value)
    assert f"{number} sampled voxels lie more than 100 deviations" in found.notes()[0]
    assert np.abs(found(hot)).max() == CLIP


def test_plain_grey_values_are_left_as_they_are() -> None:
    image = grey()
    found = normalisation(Volume(image))
    assert found.notes() == []
    assert found.mean == pytest.approx(image.mean(), rel=1e-3)
    assert found.deviation == pytest.approx(image.std(), rel=0.02)
    expected = (image - np.float32(found.mean)) / np.float32(found.deviation)
    np.testing.assert_allclose(found(image), expected, atol=1e-5)


def test_signed_and_unsigned_copies_are_one_image() -> None:
    image = grey()
    signed = (image.astype(np.int16) - 128).astype(np.int8)
    one, other = normalisation(Volume(image)), normalisation(Volume(signed))
    np.testing.assert_allclose(one(image), other(signed), atol=1e-5)


@given(st.floats(0.001, 1000), st.floats(-1e5, 1e5))
def test_contrast_and_brightness_do_not_matter(contrast: float, brightness: float) -> None:
    image = frame(0)
    changed = image.astype(np.float64) * contrast + brightness
    one, other = normalisation(Volume(image)), normalisation(Volume(changed))
    assert other.mean == pytest.approx(one.mean * contrast + brightness, rel=1e-6, abs=1e-3)
    assert other.padding_share == one.padding_share


def test_most_of_one_value_is_said() -> None:
    image = np.where(np.random.default_rng(0).random(SHAPE) < 0.7, 100, grey())
    notes = normalisation(Volume(image)).notes()
    assert len(notes) == 1
    assert notes[0].startswith("70% of the sampled voxels inside are 100")


@pytest.mark.parametrize("value", [0, 0.1, 255])
def test_nothing_in_it_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="cell: nothing is in the sampled slices"):
        normalisation(Volume(np.full(SHAPE, value), name="cell"))
    with pytest.raises(InputError, match="cell: nothing is in the sampled slices"):
        normalisation(Volume(np.full(SHAPE, np.nan), name="cell"))


def test_a_deviation_too_small_for_float32_is_no_division_by_zero() -> None:
    values = np.array([[1e-300, 2e-300]])
    assert np.isfinite(Normalisation(1e-300, 1e-300)(values)).all()
