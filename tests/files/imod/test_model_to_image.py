"""Models on their own image, on crops of it, on binned ones, and where they cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imod_examples import BOX, LIKE, ORIGIN_NM, SHAPE, SIZE_NM, ball, box, mask, one_object, square
from seget import files
from seget.errors import InputError
from seget.files import imod
from seget.files.imod import Contour, DrawnOn, ImodObject, Kind
from seget.volume import Volume


def test_on_a_crop_the_model_is_shifted(tmp_path: Path) -> None:
    path = tmp_path / "cell.mod"
    imod.write_labels(path, LIKE.on_same_grid(box(), "box"))
    # The crop starts at slice 1, row 3, column 5 of the image that was drawn on.
    start = np.array([1, 3, 5])
    z, y, x = (np.array(ORIGIN_NM) + start * SIZE_NM).tolist()
    crop = Volume(np.zeros((4, 15, 12), np.uint8), SIZE_NM, (z, y, x))
    np.testing.assert_array_equal(mask(path, crop), box()[1:5, 3:18, 5:17])


@pytest.mark.parametrize("factor", [2, 3])
def test_a_model_drawn_on_a_binned_image_lands_on_the_full_one(tmp_path: Path, factor: int) -> None:
    path = tmp_path / "cell.mod"
    z, y, x = (factor * length for length in SIZE_NM)
    binned = Volume(box(), (z, y, x), ORIGIN_NM)
    imod.write_labels(path, binned)
    full = Volume(np.zeros([factor * n for n in SHAPE], np.uint8), SIZE_NM, ORIGIN_NM)
    found = mask(path, full)
    # A binned slice is two or three full ones; slanted corners of polygons are cut off.
    wanted = box().repeat(factor, 0).repeat(factor, 1).repeat(factor, 2)
    assert set(np.flatnonzero(found.any(axis=(1, 2)))) == set(range(2 * factor, 4 * factor))
    differing = np.argwhere(found != wanted)
    corners = [[4 * factor, 10 * factor - 1], [6 * factor, 20 * factor - 1]]
    away = [
        min(np.abs(at[axis + 1] - np.array(corners[axis]))) for at in differing for axis in (0, 1)
    ]
    assert max(away) < factor
    assert differing.shape[0] < 4 * 2 * factor * factor**2


@pytest.mark.parametrize("z", [4, 5])
def test_a_model_drawn_on_the_full_image_lands_on_a_binned_one(tmp_path: Path, z: int) -> None:
    path = tmp_path / "cell.mod"
    drawn = box((12, 40, 60), (slice(z, z + 1), slice(8, 20), slice(12, 40)))
    full = Volume(drawn, SIZE_NM, ORIGIN_NM)
    imod.write_labels(path, full)
    binned = Volume(np.zeros(SHAPE, np.uint8), (1.6, 1.6, 1.6), ORIGIN_NM)
    # No contour is lost: slices 4 and 5 are the halves of binned slice 2.
    np.testing.assert_array_equal(mask(path, binned), box(at=(slice(2, 3), *BOX[1:])))


def test_slices_may_be_thicker_than_pixels_are_wide(tmp_path: Path) -> None:
    path = tmp_path / "cell.mod"
    imod.write_labels(path, Volume(box(), (47.5, 4.6, 4.6), (95.0, 0.0, 0.0)))
    other = Volume(np.zeros(SHAPE, np.uint8), (47.5, 4.6, 4.6), (0.0, 0.0, 0.0))
    np.testing.assert_array_equal(mask(path, other), np.roll(box(), 2, axis=0))


def test_imod_keeps_the_negative_of_the_origin(tmp_path: Path) -> None:
    path = one_object(tmp_path, LIKE, ImodObject("a", contours=(square(2, (4, 10), (6, 20)),)))
    raw = path.read_bytes()
    at = raw.index(b"MINX") + 8
    ctrans = np.frombuffer(raw, ">f4", 3, at + 48)
    np.testing.assert_allclose(ctrans, (-16.0, 80.0, -40.0))
    np.testing.assert_allclose(np.frombuffer(raw, ">f4", 3, at + 36), 8.0)


@pytest.mark.parametrize(
    ("drawn", "like"),
    [
        (None, LIKE),
        (DrawnOn((0.1, 0.1, 0.1), (0.0, 0.0, 0.0)), LIKE),  # an angstrom: it did not know
        (DrawnOn(SIZE_NM, (9.0, 9.0, 9.0)), Volume(LIKE.data)),
    ],
)
def test_pixels_lie_on_pixels_where_nothing_else_is_known(
    tmp_path: Path, drawn: DrawnOn | None, like: Volume
) -> None:
    one = ImodObject("a", contours=tuple(square(z, (4, 10), (6, 20)) for z in (2, 3)))
    path = one_object(tmp_path, LIKE, one, drawn_on=drawn)
    np.testing.assert_array_equal(mask(path, like), box())
    one_object(tmp_path, LIKE, one, drawn_on=drawn, shape=(0, 0, 0))
    np.testing.assert_array_equal(mask(path, like), box())
    one_object(tmp_path, LIKE, one, drawn_on=drawn, shape=(6, 20, 31))
    with pytest.raises(
        InputError, match=r"drawn on 6 x 20 x 31 voxels .* has 6 x 20 x 30.*in 3dmod"
    ):
        mask(path, like)


def test_a_model_that_cannot_be_placed_is_refused(tmp_path: Path) -> None:
    one = ImodObject("a", contours=(square(2, (4, 10), (6, 20)),))
    path = one_object(tmp_path, LIKE, one, drawn_on=DrawnOn(SIZE_NM, ORIGIN_NM, (90.0, 0.0, 0.0)))
    with pytest.raises(InputError, match=r"turned by 90 x 0 x 0 degrees .*, cell by 0 x 0 x 0"):
        mask(path, LIKE)
    one_object(tmp_path, LIKE, one, drawn_on=DrawnOn(SIZE_NM, (900.0, 0.0, 0.0)))
    with pytest.raises(InputError, match=r"none of the 4 points lies within cell.*seget info"):
        mask(path, LIKE)
    raw = bytearray(path.read_bytes())
    raw[153] |= 1  # the flag of y and z exchanged
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"y and z exchanged.*without -Y"):
        mask(path, LIKE)


def test_an_image_turned_alike_is_no_fault(tmp_path: Path) -> None:
    files.write(tmp_path / "a.mrc", Volume(box(), SIZE_NM, ORIGIN_NM))
    raw = bytearray((tmp_path / "a.mrc").read_bytes())
    raw[184:188] = np.float32(-90).tobytes()
    (tmp_path / "a.mrc").write_bytes(raw)
    image = files.read(tmp_path / "a.mrc")
    imod.write_labels(tmp_path / "a.mod", image)
    drawn = imod.read(tmp_path / "a.mod").drawn_on
    assert drawn is not None
    assert drawn.angles == (-90.0, 0.0, 0.0)
    np.testing.assert_array_equal(mask(tmp_path / "a.mod", image), box())


def test_points_of_a_binned_image_keep_their_size_in_space(tmp_path: Path) -> None:
    binned = Volume(np.zeros((3, 10, 15), np.uint8), (1.6, 1.6, 1.6), ORIGIN_NM)
    points = Contour(np.array([(1, 4, 5)], np.float32))
    one = ImodObject("a", kind=Kind.SCATTERED, contours=(points,), radius_px=2)
    # The middle of binned slice 1 lies between slices 2 and 3.
    np.testing.assert_array_equal(
        mask(one_object(tmp_path, binned, one), LIKE), ball((2.5, 8, 10), 4)
    )
