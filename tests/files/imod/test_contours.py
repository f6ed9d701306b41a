"""Areas and polygons: each exactly the other's opposite, judged by a ray and by drawings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seget.files.imod.contours import fill, outline

SIDES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


def drawn(text: str) -> npt.NDArray[np.bool_]:
    return np.array([[letter == "x" for letter in line] for line in text.split()])


def is_in(y: float, x: float, polygons: list[Any]) -> bool:
    """Count what a ray to the left crosses."""
    crossings = 0
    for polygon in polygons:
        for (y0, x0), (y1, x1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if (y0 <= y) != (y1 <= y) and x0 + (y - y0) / (y1 - y0) * (x1 - x0) <= x:
                crossings += 1
    return crossings % 2 == 1


@given(mask=hnp.arrays(np.bool_, SIDES))
def test_the_outline_of_a_mask_filled_is_the_mask(mask: Any) -> None:
    polygons = outline(mask)
    np.testing.assert_array_equal(fill(polygons, mask.shape), mask)
    assert not polygons or min(len(polygon) for polygon in polygons) >= 4


@given(
    grey=hnp.arrays(np.float64, (20, 20), elements=st.floats(-1, 1)),
    level=st.floats(-0.5, 0.5),
)
def test_smooth_blobs_with_holes_keep_every_pixel(grey: Any, level: float) -> None:
    from scipy import ndimage

    mask = ndimage.gaussian_filter(grey, 1.5, mode="wrap") > level / 5
    np.testing.assert_array_equal(fill(outline(mask), mask.shape), mask)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x", 1),
        ("xxx xxx", 1),
        ("xxx x.x xxx", 2),  # a hole is a contour within a contour
        ("xxxxx x...x x.x.x x...x xxxxx", 3),  # and an island in it a third
        ("x. .x", 2),  # pixels that touch by a corner are apart
        ("xxx x.x xx. xxx", 1),  # a hole that is open at a corner of the area
        (".x. x.x .x.", 4),
        ("... ...", 0),
    ],
)
def test_how_many_contours(text: str, count: int) -> None:
    mask = drawn(text)
    polygons = outline(mask)
    assert len(polygons) == count
    np.testing.assert_array_equal(fill(polygons, mask.shape), mask)


def test_a_pixel_is_a_diamond_and_straight_lines_have_two_ends() -> None:
    (diamond,) = outline(drawn("x"))
    assert {tuple(point) for point in diamond.tolist()} == {(0, 0.5), (0.5, 1), (1, 0.5), (0.5, 0)}
    (bar,) = outline(np.ones((3, 50), np.bool_))
    assert len(bar) == 8
    (stairs,) = outline(np.tri(30, dtype=np.bool_))
    assert len(stairs) == 6


@given(
    polygons=st.lists(
        hnp.arrays(np.float32, (5, 2), elements=st.floats(-4, 14, width=32)), max_size=4
    )
)
def test_any_polygon_is_filled_as_a_ray_says(polygons: list[Any]) -> None:
    found = fill(polygons, (9, 11))
    exact = [polygon.astype(np.float64) for polygon in polygons]
    wanted = [[is_in(y + 0.5, x + 0.5, exact) for x in range(11)] for y in range(9)]
    # Where a ray ends within rounding of an edge the two may differ.
    near = [
        [
            is_in(y + 0.5, x + 0.5 + 1e-9, exact) == is_in(y + 0.5, x + 0.5 - 1e-9, exact)
            for x in range(11)
        ]
        for y in range(9)
    ]
    np.testing.assert_array_equal(found[np.array(near)], np.array(wanted)[np.array(near)])


def test_a_centre_on_the_border_belongs_to_one_of_two_neighbours() -> None:
    squares = [np.array([(0.5, x), (0.5, x + 3), (3.5, x + 3), (3.5, x)]) for x in (0.5, 3.5)]
    left, right = (fill([square], (5, 8)) for square in squares)
    assert (left.sum(), right.sum()) == (9, 9)
    assert not (left & right).any()
    assert left[:3, :3].all()


@pytest.mark.parametrize(
    "polygons",
    [
        [],
        [np.zeros((0, 2))],
        [np.array([[1.0, 1.0]])],
        [np.array([[1.0, 1.0], [3.0, 3.0]])],
        [np.full((4, 2), 2.5)],
        [np.array([[-9.0, -9.0], [-9.0, -5.0], [-5.0, -5.0]])],
        [np.array([[90.0, 90.0], [90.0, 95.0], [95.0, 95.0]])],
    ],
)
def test_what_goes_around_nothing(polygons: list[Any]) -> None:
    assert not fill(polygons, (4, 4)).any()


def test_a_polygon_far_larger_than_the_image_fills_it() -> None:
    huge = np.array([(-3e38, -3e38), (-3e38, 3e38), (3e38, 3e38), (3e38, -3e38)], np.float32)
    assert fill([huge], (4, 5)).all()
    assert not fill([huge, huge], (4, 5)).any()


def test_many_edges_are_crossed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    polygon = rng.uniform(0, 40, (500, 2))
    whole = fill([polygon], (40, 40))
    monkeypatch.setattr("seget.files.imod.contours.CROSSINGS", 100)
    np.testing.assert_array_equal(fill([polygon], (40, 40)), whole)
    assert 0 < whole.sum() < whole.size
