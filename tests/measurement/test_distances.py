"""Distances between surfaces that are known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bodies import COARSE, CUBIC, VOXELS
from seget.measurement import Mesh, triangles
from seget.measurement.distances import nearest_objects
from seget.volume import Volume

Coordinates = arrays(np.float64, (4, 3), elements=st.floats(-10, 10))


@given(Coordinates)
def test_no_point_of_the_triangle_is_nearer_and_one_is_as_near(corners) -> None:
    point, *abc = corners
    found = triangles.distances(point[None], *(c[None] for c in abc))[0]
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 300)
    apart = np.linalg.norm(shares @ np.array(abc) - point, axis=1)
    assert found <= apart.min() + 1e-6
    assert found <= min(np.linalg.norm(point - c) for c in abc) + 1e-6
    assert found >= apart.min() - max(np.linalg.norm(abc[0] - c) for c in abc)


def test_above_a_triangle_it_is_the_height_and_beside_it_that_of_the_edge() -> None:
    a, b, c = np.eye(3)[None][:, 0] * 0, np.array([[4.0, 0, 0]]), np.array([[0, 4.0, 0]])
    for point, wanted in (((1, 1, 3), 3), ((-2, 1, 0), 2), ((-3, -4, 0), 5), ((3, 3, 0), 2**0.5)):
        assert triangles.distances(np.array([point], float), a, b, c)[0] == pytest.approx(wanted)


def _tetrahedron(top) -> Mesh:
    base = np.array(top) + np.array([[3, -1, -1], [3, 1, -1], [3, 0, 1]])
    corners = np.array([top, *base], np.float32)
    return Mesh(corners, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32))


def test_the_distance_is_that_of_the_triangle_not_of_its_corners() -> None:
    wide = np.array([[0, 0, 0], [0, 30, 0], [0, 0, 30]], np.float32)
    floor = Mesh(wide, np.array([[0, 1, 2]], np.int32))
    found = nearest_objects([floor, _tetrahedron([5, 8, 8])], ["floor", "tip"], 0)
    assert [pair.distance_nm for pair in found] == pytest.approx([5, 5])


def _two_balls(voxel, apart: float, value: int = 1) -> Volume:
    edges = np.ceil(np.array([90, 90, 200]) / voxel).astype(int)
    z, y, x = np.meshgrid(
        *(np.arange(n) * v for n, v in zip(edges, voxel, strict=True)), indexing="ij"
    )
    first = np.hypot(np.hypot(z - 45, y - 45), x - 45) < 30
    second = np.hypot(np.hypot(z - 45, y - 45), x - 45 - 60 - apart) < 30
    return Volume(first + value * second.astype(np.uint8), voxel)


@pytest.mark.parametrize("apart", [7.0, 20.0, 35.0])
@pytest.mark.parametrize("voxel", VOXELS)
def test_two_balls_are_as_far_apart_as_their_surfaces(measure, voxel, apart) -> None:
    found = measure(_two_balls(voxel, apart, 2))
    assert len(found.objects) == 2
    for pair in found.nearest:
        assert pair.distance_nm == pytest.approx(apart, abs=min(voxel))
    assert [(pair.a, pair.b) for pair in found.nearest] == [(0, 1), (1, 0)]


def test_within_a_structure_the_nearest_is_another_object(measure) -> None:
    found = measure(_two_balls(CUBIC, 20.0))
    assert [(pair.a, pair.b) for pair in found.nearest] == [(0, 1), (1, 0)]
    assert found.nearest[0].distance_nm == pytest.approx(20, abs=1)


def test_of_many_the_nearest_is_found(measure) -> None:
    rng = np.random.default_rng(3)
    data = np.zeros((30, 60, 60), np.uint8)
    z, y, x = np.ogrid[:30, :60, :60]
    centres = []
    while len(centres) < 14:
        c = rng.uniform([4, 4, 4], [26, 56, 56])
        if all(np.linalg.norm(c - other) > 9 for other in centres):
            centres.append(c)
            data[(z - c[0]) ** 2 + (y - c[1]) ** 2 + (x - c[2]) ** 2 < 9] = 1
    found = measure(Volume(data, COARSE))
    assert len(found.objects) == 14
    places = np.array([one.centroid_nm for one in found.objects])
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(14)
    for pair in found.nearest:
        assert pair.distance_nm == pytest.approx(apart[pair.a].min() - 6 * 4.5, abs=4.5)


def test_what_touches_is_less_than_half_a_voxel_apart(measure) -> None:
    data = np.zeros((20, 30, 30), np.uint8)
    data[4:10, 5:25, 5:25], data[10:16, 5:25, 5:25] = 1, 2
    found = measure(Volume(data, CUBIC), contact_nm=2.3)
    assert found.nearest[0].distance_nm < 1.15
    assert found.nearest[0].contact_nm2 == pytest.approx((20 * 2.3) ** 2, rel=0.25)


def test_contact_is_the_area_within_the_stated_distance(measure) -> None:
    data = np.zeros((20, 40, 40), np.uint8)
    data[5], data[14] = 1, 2
    data[6], data[15] = 1, 2  # two sheets across the volume, 7 voxels apart
    face = (40 * 2.3) ** 2
    near = measure(Volume(data, CUBIC), contact_nm=7.5 * 2.3).nearest[0]
    assert near.distance_nm == pytest.approx(7 * 2.3, abs=0.2)
    assert near.contact_nm2 == pytest.approx(face, rel=0.01)
    assert measure(Volume(data, CUBIC), contact_nm=6 * 2.3).nearest[0].contact_nm2 == 0
    both = measure(Volume(data, CUBIC), contact_nm=10 * 2.3).nearest[0]
    assert both.contact_nm2 == pytest.approx(2 * face, rel=0.01)
    assert math.isfinite(both.distance_nm)


def _wavy_sheet(rng: np.random.Generator, height: float) -> Mesh:
    """Return a slanting sheet of 30 x 30 vertices, 4 nm apart, with hills."""
    rows, columns = np.mgrid[:30, :30] * 4.0
    waves = rng.uniform(0, 12) * np.sin(rows / 25 + rng.uniform(0, 6)) * np.cos(columns / 20)
    waves += rng.uniform(-0.5, 0.5) * rows + rng.uniform(-0.5, 0.5) * columns
    vertices = np.stack([height + waves + rng.normal(0, 1, waves.shape), rows, columns], axis=-1)
    at = np.arange(900).reshape(30, 30)
    a, b, c, d = (part.ravel() for part in (at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return Mesh(vertices.reshape(-1, 3).astype(np.float32), faces.astype(np.int32))


@pytest.mark.parametrize("height", [30.0, 200.0, 900.0])
@pytest.mark.parametrize("seed", range(3))
def test_what_patches_leave_out_is_not_the_nearest(seed, height) -> None:
    rng = np.random.default_rng(seed)
    low, high = _wavy_sheet(rng, 0), _wavy_sheet(rng, height)
    pair = nearest_objects([low, high], ["low", "high"], 30)[0]
    wanted = math.inf
    for here, there in ((low, high), (high, low)):
        corners = there.vertices_nm[there.triangles].astype(np.float64)
        middles = corners.mean(axis=1)
        for point in here.vertices_nm.astype(np.float64):
            some = corners[np.argpartition(np.linalg.norm(middles - point, axis=1), 30)[:30]]
            points = np.broadcast_to(point, (len(some), 3))
            found = triangles.distances(points, *(some[:, i] for i in range(3)))
            wanted = min(wanted, float(found.min()))
    assert pair.distance_nm == pytest.approx(wanted, abs=1e-3)
    apart = np.linalg.norm(low.vertices_nm[:, None] - high.vertices_nm, axis=2).min(axis=1)
    assert pair.contact_nm2 == pytest.approx(float(low.vertex_areas_nm2[apart <= 30].sum()))
