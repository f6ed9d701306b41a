"""Objects: what touches, whatever the slabs, and the same however the volume is turned."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter

from seget.measurement import Options, components, measured
from seget.measurement.components import find_objects
from seget.measurement.moments import Moments, principal_axes
from seget.measurement.smallest import LeftOut
from seget.measurement.structures import Structures, find_structures
from seget.volume import Volume

VOXEL = (4.0, 3.0, 2.0)
LABELS = arrays(np.uint8, (5, 6, 7), elements=st.sampled_from([0, 0, 0, 1, 2]))
many = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _objects(data, scratch: Path, **options):
    volume = Volume(data, VOXEL)
    return find_objects(volume, find_structures(volume), scratch / "ids", **options)


@many
@given(data=LABELS)
def test_slabs_give_what_the_whole_gives(data, tmp_path: Path, monkeypatch) -> None:
    whole = _objects(data, tmp_path)
    ids = whole.ids.box((0, 0, 0), data.shape)
    with monkeypatch.context() as patch:
        patch.setattr(components, "SLAB_VOXELS", 1)
        parts = _objects(data, tmp_path)
    np.testing.assert_array_equal(parts.ids.box((0, 0, 0), data.shape), ids)
    assert parts.structures == whole.structures
    for name in ("voxels", "first", "second", "low", "high", "start"):
        np.testing.assert_array_equal(getattr(parts.moments, name), getattr(whole.moments, name))


@many
@given(data=LABELS)
def test_objects_are_those_of_scipy(data, tmp_path: Path) -> None:
    from scipy.ndimage import label

    found = _objects(data, tmp_path)
    ids = found.ids.box((0, 0, 0), data.shape)
    for value in (1, 2):
        wanted, count = label(data == value, np.ones((3, 3, 3)))
        mine = np.where(data == value, ids, 0)
        assert len(np.unique(mine[mine > 0])) == count
        pairs = np.unique(np.stack([wanted.ravel(), mine.ravel()]), axis=1)
        assert pairs.shape[1] == count + (data != value).any()
    assert found.moments.voxels.sum() == np.count_nonzero(data)
    for number, centre in enumerate(found.moments.centroids, start=1):
        np.testing.assert_allclose(centre, np.argwhere(ids == number).mean(axis=0))


def _numbers(data, voxel, folder: Path):
    """What must not depend on how the volume lies: a sorted line an object."""
    with measured(Volume(data, voxel), Options(smallest_nm3={"any": 0}), folder) as found:
        rows = [
            (one.structure, one.voxels, round(one.volume_nm3, 6), *np.round(one.axes_nm, 6),
             one.touches_border)
            for one in found.objects
        ]  # fmt: skip
        areas = sorted(one.mesh.surface_nm2 for one in found.objects)
        apart = sorted(pair.distance_nm for pair in found.nearest)
    return sorted(rows), areas, apart


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=LABELS, order=st.sampled_from(list(permutations(range(3)))), flip=st.integers(0, 7))
def test_a_turned_or_mirrored_volume_gives_the_same(data, order, flip, tmp_path: Path) -> None:
    pytest.importorskip("edt")
    data = np.pad(data, 3)
    axes = [axis for axis in range(3) if flip >> axis & 1]
    turned = np.ascontiguousarray(np.flip(data.transpose(order), axes))
    rows, areas, apart = _numbers(data, VOXEL, tmp_path)
    other = _numbers(turned, tuple(VOXEL[i] for i in order), tmp_path)
    assert other[0] == rows
    # Marching cubes breaks ties by the order of the axes: a triangle's worth of difference.
    np.testing.assert_allclose(other[1], areas, rtol=0.02, atol=0.5)
    np.testing.assert_allclose(other[2], apart, rtol=0.05, atol=0.5)


def _blobs(seed: int):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(14, 24, 24)), 2)
    return (noise > np.quantile(noise, 0.8)).astype(np.uint8)


def test_a_shifted_or_relabelled_volume_gives_the_same(tmp_path: Path) -> None:
    data = np.pad(_blobs(0), 5)
    wanted = _numbers(data, VOXEL, tmp_path)
    shifted = _numbers(np.roll(data, (1, -2, 3), (0, 1, 2)), VOXEL, tmp_path)
    np.testing.assert_allclose(shifted[1], wanted[1], rtol=1e-4)
    np.testing.assert_allclose(shifted[2], wanted[2], rtol=1e-4, atol=1e-4)
    relabelled = _numbers(data * np.uint8(7), VOXEL, tmp_path)
    assert relabelled == wanted


def test_twice_the_voxel_is_eight_times_the_volume_and_four_times_the_surface(tmp_path) -> None:
    data = np.pad(_blobs(1), 3)
    rows, areas, apart = _numbers(data, VOXEL, tmp_path)
    double = _numbers(data, tuple(2 * v for v in VOXEL), tmp_path)
    np.testing.assert_allclose([r[2] for r in double[0]], [8 * r[2] for r in rows])
    np.testing.assert_allclose(double[1], 4 * np.array(areas), rtol=1e-4)
    np.testing.assert_allclose(double[2], 2 * np.array(apart), rtol=1e-3, atol=1e-3)


def test_objects_are_numbered_by_structure_and_then_by_place(tmp_path: Path) -> None:
    data = np.zeros((4, 4, 9), np.uint8)
    data[3, 0, 0] = data[0, 0, 8] = 1
    data[0, 0, 0] = 2
    found = _objects(data, tmp_path)
    assert found.structures == ["label-1", "label-1", "label-2"]
    ids = found.ids.box((0, 0, 0), data.shape)
    assert (ids[0, 0, 8], ids[3, 0, 0], ids[0, 0, 0]) == (1, 2, 3)


def test_small_objects_are_left_out_and_counted(tmp_path: Path) -> None:
    data = np.zeros((4, 4, 9), np.uint8)
    data[0, 0, 0] = data[3, 3, 0] = data[1, 1, 4:8] = 1
    found = _objects(data, tmp_path, fewest={"volume": 2})
    assert found.left_out == {"volume": LeftOut(objects=2, voxels=2)}
    assert np.unique(found.ids.box((0, 0, 0), data.shape)).tolist() == [0, 1]


def test_instances_stay_apart_where_they_touch_and_one_where_they_do_not(tmp_path) -> None:
    data = np.zeros((6, 4, 6), np.int32)
    data[:3, :, :2], data[:3, :, 2:4], data[5] = 100_000, 7, 100_000
    volume = Volume(data, VOXEL)
    structures = find_structures(volume, ("vesicles=any",), instances=True)
    for voxels in (10**6, 1):
        components.SLAB_VOXELS, before = voxels, components.SLAB_VOXELS
        try:
            found = find_objects(volume, structures, tmp_path / "ids")
        finally:
            components.SLAB_VOXELS = before
        assert found.structures == ["vesicles"] * 2
        assert sorted(found.moments.voxels.tolist()) == [24, 48]


def test_several_numbers_of_one_structure_are_one_object_where_they_touch(tmp_path) -> None:
    data = np.zeros((4, 4, 6), np.uint8)
    data[..., :2], data[..., 2:4] = 3, 5
    volume = Volume(data, VOXEL)
    found = find_objects(volume, Structures({3: "a", 5: "a"}, {"a": "#ffffff"}), tmp_path / "ids")
    assert found.moments.voxels.tolist() == [64]


def test_the_axes_are_those_of_the_ellipsoid(tmp_path: Path) -> None:
    z, y, x = np.ogrid[-20:21, -20:21, -20:21]
    data = ((z / 18) ** 2 + (y / 12) ** 2 + (x / 6) ** 2 < 1).astype(np.uint8)
    moments = Moments.of(data.astype(np.uint32), 1, 0)
    lengths, axes = principal_axes(moments, (1.0, 1.0, 1.0))
    np.testing.assert_allclose(lengths[0], [36, 24, 12], rtol=0.02)
    np.testing.assert_allclose(np.abs(axes[0]), np.eye(3), atol=1e-6)
