"""Models made by hand, byte by byte, and models that go and return."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imod_bytes import BY_HAND, IMAT, MINX, TRIANGLE, chunk, cont, head, minx, objt
from seget.errors import InputError
from seget.files import imod
from seget.files.imod import Contour, DrawnOn, ImodObject, Kind, Mesh, Model
from seget.volume import Volume

LIKE = Volume(np.zeros((4, 10, 12), np.uint8), (0.5, 1.0, 2.0), (4.0, 0.0, -0.7), "cell")
GOLGI = ImodObject("Golgi", "#ff8000", contours=(Contour(TRIANGLE),))


def read(folder: Path, raw: bytes) -> Model:
    path = folder / "cell.mod"
    path.write_bytes(raw)
    return imod.read(path)


def test_a_model_is_written_byte_for_byte_as_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cell.mod"
    imod.write(path, imod.model_on(LIKE, (GOLGI,)))
    assert path.read_bytes() == BY_HAND
    assert [file.name for file in path.parent.iterdir()] == ["cell.mod"]


def test_a_model_by_hand_is_read(tmp_path: Path) -> None:
    model = read(tmp_path, BY_HAND)
    assert (model.name, model.shape, model.flipped) == ("cell", (4, 10, 12), False)
    assert model.pixel_size_nm == pytest.approx(2.0)
    assert model.drawn_on is not None
    assert model.drawn_on.voxel_size_nm == pytest.approx((0.5, 1.0, 2.0))
    assert model.drawn_on.origin_nm == pytest.approx((4.0, 0.0, -0.7))
    (one,) = model.objects
    assert (one.name, one.colour, one.kind) == ("Golgi", "#ff8000", Kind.CLOSED)
    np.testing.assert_array_equal(one.contours[0].points_zyx, TRIANGLE)


def test_other_chunks_are_passed_over_and_old_models_lack_them(tmp_path: Path) -> None:
    view = chunk(b"VIEW", "4s", b"abcd")
    many = view + chunk(b"LABL", "3s", b"odd") + chunk(b"XXXX", "")
    raw = head(2) + view + objt(1) + cont(TRIANGLE) + many + objt(0) + many + b"IEOF"
    model = read(tmp_path, raw + b"what follows the end is not read")
    assert [len(one.contours) for one in model.objects] == [1, 0]
    assert model.drawn_on is None


@pytest.mark.parametrize(
    ("flags", "kind"),
    [(0, Kind.CLOSED), (8, Kind.OPEN), (1 << 9, Kind.SCATTERED), (8 + (1 << 9), Kind.SCATTERED)],
)
def test_kinds_and_radii(tmp_path: Path, flags: int, kind: Kind) -> None:
    raw = objt(2, flags, radius=5) + cont(TRIANGLE) + chunk(b"SIZE", "3f", 2, -1, 4.5)
    (one,) = read(tmp_path, head(1) + raw + cont(TRIANGLE[:1], 8) + b"IEOF").objects
    assert (one.kind, one.radius_px) == (kind, 5)
    np.testing.assert_array_equal(one.contours[0].radii_px, [2, -1, 4.5])
    assert one.contours[1].radii_px is None
    assert [contour.open for contour in one.contours] == [False, True]


def test_a_mesh_is_written_as_pairs_of_vertex_and_normal(tmp_path: Path) -> None:
    normals = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1)], np.float32)
    mesh = Mesh(TRIANGLE, normals, np.array([[2, 0, 1]]))
    path = tmp_path / "mesh.mod"
    one = ImodObject("Golgi", "#ff8000", meshes=(mesh,))
    imod.write(path, imod.model_on(LIKE, (one,)))
    rows = np.stack([TRIANGLE, normals], axis=1).reshape(-1, 3)[:, ::-1]
    wanted = b"MESH" + struct.pack(">iiIhh18f", 6, 6, 0, 0, 0, *rows.ravel().tolist())
    wanted += struct.pack(">6i", -25, 4, 0, 2, -22, -1)
    look = (1 << 8) + (1 << 10) + (1 << 11)
    assert path.read_bytes() == head(1) + objt(0, look, 1) + wanted + IMAT + minx(*MINX) + b"IEOF"
    found = imod.read(path).objects[0].meshes[0]
    np.testing.assert_array_equal(found.vertices_zyx[found.triangles[0]], TRIANGLE[[2, 0, 1]])
    np.testing.assert_array_equal(found.normals_zyx[found.triangles[0]], normals[[2, 0, 1]])


def test_older_meshes_name_each_normal(tmp_path: Path) -> None:
    points = [*range(9), 1, 0, 0]
    mesh = b"MESH" + struct.pack(">iiIhh12f", 4, 13, 0, 0, 0, *points)
    # A strip (-24) is no list of triangles and is passed over.
    mesh += struct.pack(">13i", -24, 0, 1, -22, -23, 3, 0, 3, 1, 3, 2, -22, -1)
    found = read(tmp_path, head(1) + objt(0, meshes=1) + mesh + b"IEOF").objects[0].meshes[0]
    np.testing.assert_array_equal(
        found.vertices_zyx[found.triangles], [[(2, 1, 0), (5, 4, 3), (8, 7, 6)]]
    )
    np.testing.assert_array_equal(found.normals_zyx, [(0, 0, 1)] * 3)


numbers = st.floats(-1e6, 1e6, width=32)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=70)


@st.composite
def contours(draw: st.DrawFn) -> Contour:
    count = draw(st.integers(0, 5))
    radii = draw(st.none() | hnp.arrays(np.float32, count, elements=st.floats(-1, 99, width=32)))
    return Contour(
        draw(hnp.arrays(np.float32, (count, 3), elements=numbers)), radii, draw(st.booleans())
    )


@st.composite
def models(draw: st.DrawFn) -> Model:
    triples = st.tuples(numbers, numbers, numbers)
    sizes = st.floats(2**-10, 2**10, width=32)
    objects = st.builds(
        ImodObject,
        texts,
        st.from_regex("#[0-9a-f]{6}", fullmatch=True),
        st.sampled_from(Kind),
        st.lists(contours(), max_size=3).map(tuple),
        radius_px=st.integers(0, 2**31 - 1),
    )
    extents = st.integers(0, 2**31 - 1)
    return Model(
        tuple(draw(st.lists(objects, max_size=3))),
        draw(st.tuples(extents, extents, extents)),
        draw(texts),
        draw(st.none() | sizes),
        draw(st.none() | st.builds(DrawnOn, st.tuples(sizes, sizes, sizes), triples, triples)),
    )


@given(model=models())
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, model: Model) -> None:
    path = tmp_path_factory.getbasetemp() / "again.mod"
    imod.write(path, model)
    found = imod.read(path)
    assert found.shape == model.shape
    assert model.name.startswith(found.name)
    assert len(found.name.encode()) > 123 or found.name == model.name
    assert (found.pixel_size_nm is None) == (model.pixel_size_nm is None)
    if model.drawn_on is None:
        assert found.drawn_on is None
    else:
        assert found.drawn_on is not None
        for field in ("voxel_size_nm", "origin_nm", "angles"):
            got, put = getattr(found.drawn_on, field), getattr(model.drawn_on, field)
            assert got == pytest.approx(put, rel=1e-6, abs=1e-30)
    for got, put in zip(found.objects, model.objects, strict=True):
        assert put.name.startswith(got.name)
        assert len(got.name.encode()) > 59 or got.name == put.name
        assert (got.colour, got.kind, got.radius_px) == (put.colour, put.kind, put.radius_px)
        for line, drawn in zip(got.contours, put.contours, strict=True):
            np.testing.assert_array_equal(line.points_zyx, drawn.points_zyx)
            np.testing.assert_array_equal(line.radii_px, drawn.radii_px)
            assert line.open == drawn.open


def test_a_flipped_model_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"y and z exchanged.*without -Y"):
        imod.write(tmp_path / "a.mod", Model((), flipped=True))
    assert list(tmp_path.iterdir()) == []


def test_names_of_objects_differ() -> None:
    named = [ImodObject(name) for name in ("golgi", "", "golgi", " golgi ", "object 2")]
    assert imod.object_names(Model(tuple(named))) == [
        *("golgi", "object 2", "golgi 3", "golgi 4", "object 2 5")
    ]
