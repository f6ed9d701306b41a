"""Lengths, curvature and direction of tubes that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from bodies import COARSE, TURNS, VOXELS, ball, rod, slab, tube_voxels
from seget.measurement.centre_line import centre_line, is_tube
from seget.volume import Volume

LINE = np.linspace(0, 1, 300)
PATHS = {
    "straight": np.stack([0 * LINE, 0 * LINE, 500 * LINE], axis=1),
    "arc": 300 * np.stack([0 * LINE, np.sin(1.7 * LINE), np.cos(1.7 * LINE)], axis=1),
    "helix": np.stack([80 * np.cos(6 * LINE), 80 * np.sin(6 * LINE), 450 * LINE], axis=1),
}


def _length(path) -> float:
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


@pytest.mark.parametrize("turn", TURNS[:4], ids=range(4))
@pytest.mark.parametrize("voxel", VOXELS)
@pytest.mark.parametrize("name", PATHS)
def test_a_tube_has_the_length_of_the_path_it_was_drawn_around(name, voxel, turn) -> None:
    path = PATHS[name] @ turn.as_matrix().T
    path = path - path.min(axis=0) + 30
    voxels = tube_voxels(path, 12.5, voxel)
    line = centre_line(voxels, voxel, 25.0, tuple(voxels.max(axis=0) + 5))
    assert line.length_nm == pytest.approx(_length(path), rel=0.015)
    assert line.diameter_nm == pytest.approx(25, abs=1.1)  # along an axis, 5.5 voxels are 5 or 6
    assert line.free_ends == 2
    assert line.beside < 0.001
    apart = np.linalg.norm(path[:, None] - line.points_nm, axis=2).min(axis=0)
    assert apart.max() < 2.5
    wanted = {"straight": 0, "arc": 1000 / 300, "helix": 5.99}[name]
    assert np.median(line.curvature_per_um) == pytest.approx(wanted, abs=1.2)


def test_directions_run_along_the_line() -> None:
    voxels = tube_voxels(PATHS["straight"] + 30, 12.5, COARSE)
    line = centre_line(voxels, COARSE, 25.0, (99, 99, 999))
    np.testing.assert_allclose(np.abs(line.directions[:, 2]), 1, atol=1e-3)


@pytest.mark.parametrize("voxel", VOXELS)
def test_a_tube_that_leaves_the_volume_ends_at_its_border(voxel) -> None:
    path = PATHS["straight"] + 30
    voxels = tube_voxels(path, 12.5, voxel)
    edge = round(330 / voxel[2])
    voxels = voxels[voxels[:, 2] < edge]
    line = centre_line(voxels, voxel, 25.0, (99, 99, edge))
    assert line.free_ends == 1
    # The last voxel ends half a voxel beyond its middle; the path begins at 30.
    assert line.length_nm == pytest.approx((edge - 0.5) * voxel[2] - 30, abs=max(3, voxel[2] / 2))


def test_of_a_branched_tube_the_longest_way_is_measured_and_the_rest_is_told() -> None:
    branch = np.stack([0 * LINE, 250 * LINE, 250 + 0 * LINE], axis=1)
    path = np.concatenate([PATHS["straight"], branch]) + 30
    voxels = tube_voxels(path, 12.5, COARSE)
    line = centre_line(voxels, COARSE, 25.0, (99, 99, 999))
    assert line.beside > 0.2


def test_what_is_a_tube_is_told_by_its_shape() -> None:
    tube, ball_, sheet = rod(12.5, 300), ball(50), slab(20, 200)
    assert is_tube(tube.volume, tube.surface, 25)
    assert not is_tube(ball_.volume, ball_.surface, 100)
    assert not is_tube(sheet.volume, sheet.surface, 20)


def test_tubes_get_lengths_and_others_none(measure) -> None:
    data = np.zeros((30, 60, 140), np.uint8)
    data[tuple((tube_voxels(np.array([[60, 60, x] for x in range(40, 500)]), 12.5, COARSE)).T)] = 1
    z, y, x = np.ogrid[:30, :60, :140]
    data[(z - 14) ** 2 + (y - 40) ** 2 + (x - 70) ** 2 < 12**2] = 2
    volume = Volume(data, COARSE)
    tube, round_ = measure(volume).objects
    assert tube.line.length_nm == pytest.approx(460, rel=0.015)
    assert round_.line is None
    none, other = measure(volume, tubes=("label-2",)).objects
    assert none.line is None
    assert other.line is None  # too short for a line, though it was asked for
