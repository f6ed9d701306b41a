"""Centre-line Dice of tubes, against its formula; and what is a tube."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("skimage")
pytest.importorskip("edt")

from skimage.morphology import skeletonize

from bodies import COARSE, CUBIC, FLAT, TURNS, Body, ball, rod, slab
from seget.evaluation import centre_lines as module
from seget.evaluation.boundaries import Boundaries
from seget.evaluation.centre_lines import CentreLineCounts, Shape, centre_lines


def lines(truth, predicted, voxel=COARSE, slices=None) -> CentreLineCounts:
    numbers = slices or range(len(truth))
    return centre_lines(zip(numbers, truth, predicted, strict=True), voxel)


def cldice(truth, predicted) -> float:
    """The paper's: topology precision and sensitivity of skeletons."""
    of_truth, of_guess = skeletonize(truth) > 0, skeletonize(predicted) > 0
    precision = (of_guess & truth).sum() / of_guess.sum()
    sensitivity = (of_truth & predicted).sum() / of_truth.sum()
    return 2 * precision * sensitivity / (precision + sensitivity)


@pytest.fixture
def tube() -> np.ndarray:
    return rod(12.5, 150).labels(COARSE, TURNS[2]).data > 0


def test_it_is_the_formula(tube) -> None:
    guess = np.roll(tube, 1, axis=1)
    guess[len(guess) // 2 - 2 : len(guess) // 2 + 2] = False
    assert lines(tube, guess).dice == pytest.approx(cldice(tube, guess))
    assert lines(tube, tube).dice == 1.0
    assert lines(tube, tube & False).dice == 0.0
    assert np.isnan(lines(tube & False, tube).dice)


def test_a_thinner_tube_is_followed_as_well_and_a_gap_is_not(tube) -> None:
    from scipy.ndimage import binary_erosion

    thin = binary_erosion(tube)
    assert thin.sum() < 0.5 * tube.sum()
    assert lines(tube, thin).dice > 0.9
    half = tube.copy()
    half[: len(half) // 2] = False
    assert lines(tube, half).dice == pytest.approx(2 / 3, abs=0.08)


def test_a_slice_alone_is_compared_in_its_plane() -> None:
    line = np.zeros((2, 20, 40), bool)
    line[:, 8:12, 5:35] = True
    found = lines(line, line, slices=(3, 9))
    assert found.truth == 2 * (skeletonize(line[0]) > 0).sum()
    pixel = COARSE[1]
    shape = Shape(2 * 120 * pixel**2, 2 * 68 * pixel, 2, flat=True)
    assert shape.can_be_tubes
    assert shape.are_tubes(found.width_nm)


@pytest.mark.parametrize("wide", range(1, 7))
def test_what_is_an_even_number_of_voxels_wide_has_a_line_too(wide: int) -> None:
    box = np.zeros((40, 12, 12), bool)
    box[4:36, 3 : 3 + wide, 3 : 3 + wide] = True
    assert lines(box, box).truth == pytest.approx(32, abs=6)


def test_runs_are_cut_where_they_are_long(tube, monkeypatch) -> None:
    whole = lines(tube, np.roll(tube, 1, axis=2))
    monkeypatch.setattr(module, "MOST_VOXELS", tube[0].size * 12)
    parts = lines(tube, np.roll(tube, 1, axis=2))
    assert parts.width_nm == pytest.approx(whole.width_nm, rel=0.1)
    assert parts.dice == pytest.approx(whole.dice, abs=0.1)


@pytest.mark.parametrize("voxel", [CUBIC, COARSE, FLAT])
@pytest.mark.parametrize(
    ("body", "are_tubes"),
    [(rod(12.5, 150), True), (rod(20, 220), True), (ball(60), False), (slab(23, 200), False)],
    ids=["microtubule", "thick", "ball", "sheet"],
)
def test_tubes_are_told_by_their_shape(voxel, body: Body, are_tubes: bool) -> None:
    for turn in TURNS[:3]:
        mask = body.labels(voxel, turn).data > 0
        faces = Boundaries(voxel, 5.0)
        for z, plane in enumerate(mask):
            faces.add(z, plane, plane, None)
        volume = float(mask.sum() * np.prod(voxel))
        shape = Shape(volume, faces.finish().truth, 1)
        found = shape.can_be_tubes and shape.are_tubes(lines(mask, mask, voxel).width_nm)
        assert found == are_tubes
