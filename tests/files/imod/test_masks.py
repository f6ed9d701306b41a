"""Labels as models and models as masks, and how areas, lines and points are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imod_examples import BOX, LIKE, ORIGIN_NM, SHAPE, SIZE_NM, ball, box, mask, one_object, square
from seget import files
from seget.errors import InputError
from seget.files import imod
from seget.files.imod import Contour, ImodObject, Kind, Mesh, Model
from seget.files.storage.legend import Legend
from seget.volume import Volume


@given(
    data=hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=8), elements=st.integers(0, 3)
    ),
    known=st.booleans(),
)
def test_labels_return_from_a_model(
    tmp_path_factory: pytest.TempPathFactory, data: Any, known: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "labels.mod"
    labels = Volume(data, SIZE_NM, ORIGIN_NM, "labels") if known else Volume(data)
    legend = Legend({1: "golgi", 2: "er", 3: "granules"}, {2: "#102030"})
    imod.write_labels(path, labels, legend)
    found, meant = imod.read_labels(path, labels)
    np.testing.assert_array_equal(found.data, data)
    assert meant.names == legend.names
    assert meant.colours[2] == "#102030"
    assert len(set(meant.colours.values())) == 3
    for label, structure in legend.names.items():
        one = imod.read_mask(path, labels, structure.upper())
        np.testing.assert_array_equal(one.data, data == label)


def test_labels_without_a_legend_and_gaps_between_them(tmp_path: Path) -> None:
    data = np.zeros(SHAPE, np.uint16)
    data[BOX], data[0, 0, 0] = 500, 7
    model = imod.write_labels(tmp_path / "a.mod", Volume(data, name="cells"))
    assert [one.name for one in model.objects] == ["label 7", "label 500"]
    assert imod.read(tmp_path / "a.mod").name == "cells"
    found, _ = imod.read_labels(tmp_path / "a.mod", LIKE)
    np.testing.assert_array_equal(np.asarray(found.data)[BOX], 2)


def test_one_slice_is_read_at_a_time(tmp_path: Path) -> None:
    asked: list[int] = []

    class Lazy:
        shape, dtype = SHAPE, np.dtype(np.uint8)

        def __getitem__(self, z: int) -> Any:
            asked.append(z)
            return box()[z]

    imod.write_labels(tmp_path / "a.mod", Volume(Lazy()))
    assert asked == list(range(SHAPE[0]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.full((1, 2, 2), 0.5, np.float32), "float32 from 0.5 to 0.5, wanted whole labels"),
        (np.full((1, 2, 2), -1, np.int8), "int8 from -1 to -1"),
        (np.full((1, 2, 2), 70000, np.int32), "wanted whole labels from 0 to 65535"),
    ],
)
def test_what_is_no_label_volume(tmp_path: Path, data: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        imod.write_labels(tmp_path / "a.mod", Volume(data))
    assert list(tmp_path.iterdir()) == []


def test_a_mask_is_the_same_through_an_mrc_file(tmp_path: Path) -> None:
    files.write(tmp_path / "cell.mrc", Volume(box(), SIZE_NM, ORIGIN_NM))
    image = files.read(tmp_path / "cell.mrc")
    imod.write_labels(tmp_path / "cell.mod", image)
    np.testing.assert_array_equal(mask(tmp_path / "cell.mod", image), box())


def test_a_contour_between_slices_and_one_across_them(tmp_path: Path) -> None:
    for z, slice_of_it in ((2.4, 2), (2.5, 3), (-0.4, 0)):
        path = one_object(tmp_path, LIKE, ImodObject("a", contours=(square(z, (4, 10), (6, 20)),)))
        assert np.flatnonzero(mask(path, LIKE).any(axis=(1, 2))).tolist() == [slice_of_it]
    across = Contour(np.array([(0, 1, 1), (3, 5, 1), (3, 5, 5)], np.float32))
    path = one_object(tmp_path, LIKE, ImodObject("golgi", contours=(across,)))
    with pytest.raises(InputError, match=r"cell\.mod: golgi, contour 1 goes from slice 0 to 3"):
        mask(path, LIKE)


def test_a_hole_and_an_island(tmp_path: Path) -> None:
    rings = tuple(square(1, (4 + i, 16 - i), (4 + i, 16 - i)) for i in (0, 2, 4))
    path = one_object(tmp_path, LIKE, ImodObject("a", contours=rings))
    assert mask(path, LIKE)[1].sum() == 12**2 - 8**2 + 4**2


@pytest.mark.parametrize("heights", [1.0, 2.5])
def test_points_are_balls(tmp_path: Path, heights: float) -> None:
    like = replace(LIKE, voxel_size_nm=(0.8 * heights, 0.8, 0.8))
    points = np.array([(2, 6.25, 6.75), (3, 12, 20.5), (5, 19, 29)], np.float32)
    contour = Contour(points, np.array([-1, 5.5, 2], np.float32))
    one = ImodObject("a", kind=Kind.SCATTERED, contours=(contour,), radius_px=4)
    wanted = ball((2, 6.25, 6.75), 4, heights) | ball((3, 12, 20.5), 5.5, heights)
    wanted |= ball((5, 19, 29), 2, heights)
    np.testing.assert_array_equal(mask(one_object(tmp_path, like, one), like), wanted)


@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.CLOSED])
def test_an_open_contour_is_as_thick_as_its_radius(tmp_path: Path, kind: Kind) -> None:
    ends = np.array([(2, 5, 5), (2, 5, 20), (2, 15, 20)], np.float32)
    contour = Contour(ends, open=kind is Kind.CLOSED)
    path = one_object(tmp_path, LIKE, ImodObject("a", kind=kind, contours=(contour,), radius_px=2))
    found = mask(path, LIKE)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    flat = np.maximum(np.maximum(5 - x - 0.5, x + 0.5 - 20), 0) ** 2 + (y + 0.5 - 5) ** 2
    steep = np.maximum(np.maximum(5 - y - 0.5, y + 0.5 - 15), 0) ** 2 + (x + 0.5 - 20) ** 2
    np.testing.assert_array_equal(found, np.minimum(flat, steep) + (z - 2) ** 2 <= 4)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            ImodObject("dots", kind=Kind.SCATTERED, contours=(square(1, (1, 2), (1, 2)),)),
            "dots, contour 1 .* without a radius, .* under Edit, Object, Type",
        ),
        (
            ImodObject(
                "skin", meshes=(Mesh(*[np.eye(3, dtype=np.float32)] * 2, np.array([[0, 1, 2]])),)
            ),
            "skin holds only a mesh, wanted contours or points; .* --object",
        ),
    ],
)
def test_what_cannot_be_drawn(tmp_path: Path, one: ImodObject, words: str) -> None:
    path = one_object(tmp_path, LIKE, one)
    with pytest.raises(InputError, match=words):
        imod.read_masks(path, LIKE)


def test_objects_by_name_and_the_later_on_top(tmp_path: Path) -> None:
    lower = ImodObject("Golgi", "#00ff00", contours=(square(1, (2, 10), (2, 10)),))
    upper = ImodObject("", "#ff0000", contours=(square(1, (6, 14), (6, 14)),))
    mesh = Mesh(*[np.eye(3, dtype=np.float32)] * 2, np.array([[0, 1, 2]]))
    path = tmp_path / "cell.mod"
    imod.write(path, imod.model_on(LIKE, (lower, upper)))
    labels, legend = imod.read_labels(path, LIKE)
    assert (labels.name, labels.data.dtype) == ("cell", np.uint8)
    assert np.bincount(labels.slice(1).ravel()).tolist() == [600 - 112, 48, 64]
    assert legend == Legend({1: "Golgi", 2: "object 2"}, {1: "#00ff00", 2: "#ff0000"})
    # Another object that cannot be drawn is no fault of this one.
    imod.write(path, imod.model_on(LIKE, (lower, ImodObject("skin", meshes=(mesh,)))))
    assert imod.read_mask(path, LIKE, "golgi").slice(1).sum() == 64
    with pytest.raises(InputError, match="no object 'er', it has Golgi, skin; name one"):
        imod.read_mask(path, LIKE, "er")
    imod.write(path, Model(()))
    with pytest.raises(InputError, match="has 0 objects"):
        imod.read_labels(path, LIKE)


def test_more_objects_than_a_byte_holds(tmp_path: Path) -> None:
    path = tmp_path / "cell.mod"
    many = [ImodObject("", contours=(square(0, (0, 1), (i % 30, i % 30 + 1)),)) for i in range(128)]
    imod.write(path, imod.model_on(LIKE, tuple(many)))
    labels, _ = imod.read_labels(path, LIKE)
    assert labels.data.dtype == np.uint16
    assert labels.slice(0).max() == 128
