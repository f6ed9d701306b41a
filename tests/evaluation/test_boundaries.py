"""Surface Dice against every pair of faces, and known answers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from seget.evaluation import boundaries
from seget.evaluation.boundaries import Boundaries, SurfaceCounts

VOXEL = (9.0, 2.0, 3.0)


def areas(truth, predicted, labelled=None, tolerance=4.0, voxel=VOXEL, slices=None):
    seen = Boundaries(voxel, tolerance)
    for i, z in enumerate(slices or range(len(truth))):
        seen.add(z, truth[i], predicted[i], None if labelled is None else labelled[i])
    return seen.finish()


def _every_face(mask, labelled, voxel, slices) -> tuple[np.ndarray, np.ndarray]:
    places, sizes = [], []
    for index in np.ndindex(mask.shape):
        for axis in range(3):
            other = list(index)
            other[axis] += 1
            if other[axis] == mask.shape[axis]:
                continue
            if axis == 0 and slices[other[0]] != slices[index[0]] + 1:
                continue
            other = tuple(other)
            if mask[index] != mask[other] and labelled[index] and labelled[other]:
                here = np.array([slices[index[0]], *index[1:]], float)
                here[axis] += 0.5
                places.append(here * voxel)
                sizes.append(np.prod(voxel) / voxel[axis])
    return np.array(places).reshape(-1, 3), np.array(sizes)


def brute(truth, predicted, labelled, tolerance, voxel, slices) -> SurfaceCounts:
    (a, of_a), (b, of_b) = (
        _every_face(mask & labelled, labelled, voxel, slices) for mask in (truth, predicted)
    )
    apart = cdist(a, b) if len(a) and len(b) else np.full((len(a), len(b)), np.inf)
    near = tolerance + 1e-6
    return SurfaceCounts(
        of_a.sum(),
        of_b.sum(),
        of_a[(apart <= near).any(axis=1)].sum(),
        of_b[(apart <= near).any(axis=0)].sum(),
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    tolerance=st.sampled_from([0.5, 2.0, 3.7, 9.0, 20.0]),
    slices=st.sampled_from([(0, 1, 2, 3, 4), (2, 3, 7, 8, 20), (0, 5, 10, 15, 20)]),
)
def test_it_is_that_of_every_pair_of_faces(seed, tolerance, slices) -> None:
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.random((5, 4, 3)) < 0.3, np.ones((1, 2, 2))).astype(bool)
    predicted = np.roll(truth, rng.integers(-2, 3), axis=2) & (rng.random(truth.shape) < 0.95)
    labelled = rng.random(truth.shape) < 0.9
    wanted = brute(truth, predicted, labelled, tolerance, VOXEL, slices)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundaries, "SLAB", int(rng.integers(1, 4)))
        seen = (truth & labelled, predicted & labelled, labelled)
        found = areas(*seen, tolerance, VOXEL, slices)
    assert found.truth == pytest.approx(wanted.truth)
    assert found.predicted == pytest.approx(wanted.predicted)
    assert found.truth_near == pytest.approx(wanted.truth_near)
    assert found.predicted_near == pytest.approx(wanted.predicted_near)


def test_many_slices_are_counted_as_few(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.random((2, 40, 9, 8)) < 0.3
    whole = areas(truth, predicted, tolerance=25.0)
    monkeypatch.setattr(boundaries, "SLAB", 1)
    parts = areas(truth, predicted, tolerance=25.0)
    np.testing.assert_allclose(
        [parts.truth, parts.truth_near, parts.predicted_near],
        [whole.truth, whole.truth_near, whole.predicted_near],
    )


def test_a_shifted_box_is_right_within_its_shift() -> None:
    truth = np.zeros((6, 30, 30), bool)
    truth[1:5, 10:20, 8:20] = True
    predicted = np.roll(truth, 2, axis=1)  # by 4 nm
    assert areas(truth, truth, tolerance=0.1).dice == 1.0
    assert areas(truth, predicted, tolerance=4.0).dice == 1.0
    # Of a box of 4 x 10 x 12 voxels of 9 x 2 x 3 nm: within half of that, the two sides across y
    # find nothing of their own kind, only the first row of the sides around them does.
    across, around = 4 * 9 * 12 * 3, 2 * (4 * 9 * 10 * 2 + 10 * 2 * 12 * 3)
    found = areas(truth, predicted, tolerance=2.0)
    assert found.truth == found.predicted == 2 * across + around
    assert found.truth_near == pytest.approx(found.predicted_near)
    assert around * 0.8 < found.truth_near < around + across / 2
    grid = [areas(truth, predicted, tolerance=nm).dice for nm in (0.5, 1.9, 2.0, 3.9, 4.0)]
    assert all(a <= b for a, b in pairwise(grid))


def test_a_slice_alone_has_edges_in_its_plane() -> None:
    truth = np.zeros((2, 12, 12), bool)
    truth[:, 3:7, 3:7] = True
    found = areas(truth, truth, slices=(0, 4))
    assert found.truth == 2 * 9 * 2 * (4 * 2 + 4 * 3)


def test_the_border_of_what_is_labelled_is_no_boundary() -> None:
    truth = np.zeros((1, 12, 12), bool)
    truth[:, :, :6] = True
    labelled = np.ones_like(truth)
    labelled[:, :, 6:] = False
    assert areas(truth, truth, labelled).truth == 0
    assert np.isnan(areas(truth, truth, labelled).dice)


def test_one_that_is_empty_is_0_and_truth_that_is_empty_has_none() -> None:
    truth, nothing = np.zeros((2, 3, 9, 9), bool)
    truth[:, 3:6, 3:6] = True
    assert areas(truth, nothing).dice == 0
    assert np.isnan(areas(nothing, truth).dice)
    assert areas(nothing, truth).predicted > 0


def test_a_face_is_found_some_slices_away(monkeypatch) -> None:
    monkeypatch.setattr(boundaries, "SLAB", 1)
    truth, predicted = np.zeros((2, 14, 9, 9), bool)
    truth[3:5, 2:6, 2:6] = predicted[6:8, 2:6, 2:6] = True
    assert areas(truth, predicted, tolerance=27.0).dice == 1.0
    assert areas(predicted, truth, tolerance=27.0).dice == 1.0
    assert areas(truth, predicted, tolerance=26.9).dice < 1.0
