"""Objects found slice by slice are those that scipy finds in the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from seget.evaluation import pieces
from seget.evaluation.object_match import FOUND_IOU, ObjectCounts, compare_objects
from seget.evaluation.pieces import Found, Overlaps, Pieces


@pytest.fixture
def _with_specks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "FEWEST_PX", 1)


def compared(truth: np.ndarray, predicted: np.ndarray, slices=None):
    """Return the objects of both and what `compare_objects` says of them."""
    sides, overlaps = (Pieces(), Pieces()), Overlaps()
    for i, z in enumerate(slices or range(len(truth))):
        overlaps.add(sides[0].add(z, truth[i]), sides[1].add(z, predicted[i]))
    found = sides[0].found(), sides[1].found()
    return (*found, *compare_objects(*found, overlaps))


def noise(seed: int, share: float, shape=(5, 12, 14)) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < share


many = settings(max_examples=25, deadline=None)


@pytest.mark.usefixtures("_with_specks")
@many
@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.5]))
def test_objects_are_those_of_scipy(seed: int, share: float) -> None:
    mask = noise(seed, share)
    found: Found = compared(mask, mask)[0]
    wanted, count = label(mask, np.ones((3, 3, 3)))
    assert len(found) == count
    assert sorted(found.voxels) == sorted(np.bincount(wanted.ravel())[1:])
    numbers = [wanted[tuple(place)] for place in found.places]
    assert sorted(numbers) == list(range(1, count + 1)), "each place is on an object of its own"
    for number, first, last in zip(numbers, found.first, found.last, strict=True):
        z = np.nonzero(wanted == number)[0]
        assert (first, last) == (z.min(), z.max())


@pytest.mark.usefixtures("_with_specks")
@many
@given(seed=st.integers(0, 10**6))
def test_f1_is_that_of_all_pairs(seed: int) -> None:
    truth, predicted = noise(seed, 0.08), noise(seed, 0.08) & noise(seed + 1, 0.8)
    *_, counts, errors = compared(truth, predicted)
    a, many_a = label(truth, np.ones((3, 3, 3)))
    b, many_b = label(predicted, np.ones((3, 3, 3)))
    pairs = 0
    for i in range(1, many_a + 1):
        for j in range(1, many_b + 1):
            both = ((a == i) & (b == j)).sum()
            pairs += both / ((a == i) | (b == j)).sum() > FOUND_IOU
    missed = sum(not (predicted & (a == i)).any() for i in range(1, many_a + 1))
    assert (counts.truth, counts.predicted, counts.found) == (many_a, many_b, pairs)
    assert counts.f1 == pytest.approx(2 * pairs / (many_a + many_b))
    assert counts.missed >= missed
    assert counts.invented == 0
    sizes = [error.voxels for error in errors]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.usefixtures("_with_specks")
def test_objects_end_where_a_slice_is_missing() -> None:
    mask = np.zeros((4, 6, 6), bool)
    mask[:, 2:4, 2:4] = True
    found = compared(mask, mask, (3, 4, 9, 10))[0]
    assert found.voxels.tolist() == [8, 8]
    assert list(zip(found.first, found.last, strict=True)) == [(3, 4), (9, 10)]


def test_specks_are_only_counted() -> None:
    truth, predicted = np.zeros((2, 3, 20, 20), bool)
    truth[:, 2:6, 2:6] = predicted[:, 2:6, 2:6] = True
    truth[:, 10:12, 10:14] = True  # 8 pixels a slice
    predicted[0, 15, 15] = predicted[2, 18, 1] = True
    *_, counts, errors = compared(truth, predicted)
    assert counts == ObjectCounts(1, 1, 1, truth_specks=1, predicted_specks=2)
    assert errors == []


def test_a_hand_made_example() -> None:
    """From left to right: found, missed, split, two merged, inexact, invented."""
    truth, predicted = np.zeros((2, 2, 10, 80), bool)
    truth[:, 2:8, 2:8] = predicted[:, 2:8, 2:9] = True
    truth[:, 2:8, 12:18] = True
    predicted[:, 2, 17:19] = True  # a twentieth of it
    truth[:, 2:8, 22:33] = predicted[:, 2:8, 22:27] = predicted[:, 2:8, 28:33] = True
    truth[:, 2:8, 36:41] = truth[:, 2:8, 42:45] = predicted[:, 2:8, 36:45] = True
    truth[:, 2:8, 50:56] = predicted[:, 2:8, 50:52] = True
    predicted[1, 2:8, 60:66] = True
    predicted[:, 2:4, 17:20] = False
    *_, counts, errors = compared(truth, predicted)
    assert counts == ObjectCounts(
        truth=6, predicted=6, found=2, missed=1, invented=1, split=1, merged=1, inexact=1
    )
    assert counts.f1 == pytest.approx(4 / 12)
    said = {e.kind: (e.voxels, e.first, e.last, e.parts, e.place_px[2]) for e in errors}
    assert [e.kind for e in errors] == ["split", "merged", "missed", "inexact", "invented"]
    assert said["split"][:4] == (132, 0, 1, 2)
    assert said["merged"][:4] == (108, 0, 1, 2)
    assert said["missed"][:4] == (72, 0, 1, 1)
    assert said["invented"][:4] == (36, 1, 1, 1)
    ranges = {"split": (22, 33), "merged": (36, 45), "missed": (12, 18), "invented": (60, 66)}
    for kind, (low, high) in ranges.items():
        assert low <= said[kind][4] < high


def test_nothing_at_all_is_no_error() -> None:
    empty = np.zeros((2, 5, 5), bool)
    *_, counts, errors = compared(empty, empty)
    assert counts == ObjectCounts()
    assert np.isnan(counts.f1)
    assert errors == []
