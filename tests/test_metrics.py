"""Counts add up, agree with hand and with scikit-learn, and say what empty means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import accuracy_score, f1_score, jaccard_score

from seget.metrics import Counts, Goal, Histogram, count, mean_ignoring_absent

shape = (5, 7)
masks = hnp.arrays(bool, shape)
score_maps = hnp.arrays(np.uint8, shape, elements=st.integers(0, 127))


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def test_six_pixels_by_hand():
    truth = np.array([[1, 1, 1, 0, 0, 0]], dtype=bool)
    prediction = np.array([[1, 1, 0, 1, 0, 0]], dtype=bool)
    counts = count(prediction, truth)
    assert counts == Counts(tp=2, fp=1, fn=1, tn=2)
    assert counts.iou == counts.background_iou == counts.miou == 2 / 4
    assert counts.dice == 4 / 6
    assert counts.pixel_accuracy == 4 / 6
    assert counts.foreground_fraction == 3 / 6


def test_a_rare_structure_is_hidden_by_the_background():
    counts = Counts(tp=0, fp=0, fn=10, tn=990)
    assert counts.iou == counts.dice == 0
    assert counts.miou == (0 + 0.99) / 2
    assert counts.pixel_accuracy == 0.99


@pytest.mark.parametrize("fp", [0, 1, 9])
def test_a_structure_that_truth_lacks_has_no_score_whatever_was_predicted(fp):
    counts = Counts(fp=fp, tn=9 - fp)
    assert not counts.is_present
    assert all(math.isnan(score) for score in (counts.iou, counts.miou, counts.dice))
    assert counts.background_iou == counts.pixel_accuracy == 1 - fp / 9
    assert counts.foreground_fraction == 0
    assert counts.false_positive_share == fp / 9


def test_one_pixel_of_truth_makes_it_equation_6_again():
    counts = Counts(tp=1, fp=1, fn=0, tn=98)
    assert counts.is_present
    assert counts.miou == (1 / 2 + 98 / 99) / 2
    assert counts.false_positive_share == 0.01


def test_no_background_anywhere_leaves_the_foreground_alone():
    counts = Counts(tp=9)
    assert math.isnan(counts.background_iou)
    assert counts.iou == counts.miou == counts.dice == counts.foreground_fraction == 1


def test_one_missed_pixel_of_a_full_image_costs_one_pixel_and_not_half():
    counts = Counts(tp=99, fn=1)
    assert math.isnan(counts.background_iou)
    assert counts.iou == counts.miou == 0.99


def test_no_labelled_pixel_says_nothing():
    nothing = np.zeros(shape, dtype=bool)
    counts = count(nothing, ~nothing, labelled=nothing)
    assert counts == Counts()
    scores = ("iou", "background_iou", "miou", "dice", "pixel_accuracy", "foreground_fraction")
    for name in (*scores, "false_positive_share"):
        assert math.isnan(getattr(counts, name))


@given(masks, masks, masks)
def test_counts_of_parts_add_up_to_the_whole(prediction, truth, labelled):
    whole = count(prediction, truth, labelled)
    rows = [count(*rows) for rows in zip(prediction, truth, labelled, strict=True)]
    assert sum(rows, Counts()) == whole
    assert count(prediction, truth) == whole + count(prediction, truth, ~labelled)
    assert whole.tp + whole.fp + whole.fn + whole.tn == np.count_nonzero(labelled)


@given(masks, masks)
def test_swapping_the_classes_swaps_their_scores(prediction, truth):
    counts, swapped = count(prediction, truth), count(~prediction, ~truth)
    assert same(counts.iou, swapped.background_iou)
    if truth.any() and not truth.all():
        assert counts.miou == swapped.miou
    assert counts.pixel_accuracy == swapped.pixel_accuracy


@given(masks, masks)
def test_scikit_learn_agrees(prediction, truth):
    counts = count(prediction, truth)
    flat = truth.ravel(), prediction.ravel()
    # scikit-learn calls the IoU of a class that was only predicted 0; we leave it out.
    present = [label for label in (False, True) if label in truth]
    per_class = dict(zip(present, jaccard_score(*flat, labels=present, average=None), strict=True))
    assert counts.background_iou == pytest.approx(per_class.get(False, np.nan), nan_ok=True)
    assert counts.iou == pytest.approx(per_class.get(True, np.nan), nan_ok=True)
    if truth.any():
        assert counts.miou == pytest.approx(np.mean(list(per_class.values())))
        assert counts.dice == pytest.approx(f1_score(*flat))
    else:
        assert math.isnan(counts.miou)
        assert math.isnan(counts.dice)
    assert counts.pixel_accuracy == pytest.approx(accuracy_score(*flat))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ((np.zeros(3, bool), np.zeros(1, bool)), r"truth is bool of shape \(1,\); wanted bool"),
        ((np.zeros(3, bool), np.zeros(3, np.uint8)), r"truth is uint8 of shape \(3,\)"),
        ((np.zeros(3, np.uint8), np.zeros(3, bool)), r"prediction is uint8"),
        ((np.zeros(3, bool), np.zeros(3, bool), np.zeros(2, bool)), r"labelled is bool of shape"),
    ],
)
def test_arrays_that_numpy_would_misread_are_refused(arrays, words):
    with pytest.raises(ValueError, match=words):
        count(*arrays)


@given(score_maps, masks, masks, st.integers(0, 254))
def test_a_histogram_knows_the_counts_at_every_threshold(scores, truth, labelled, halves):
    threshold = halves / 2 / 127
    histogram = Histogram.of(scores, truth, labelled)
    assert histogram.counts_at(threshold) == count(scores > threshold * 127, truth, labelled)


@given(score_maps, masks)
def test_histograms_of_parts_add_up_to_the_whole(scores, truth):
    whole = Histogram.of(scores, truth)
    parts = Histogram.of(scores[:2], truth[:2]) + Histogram.of(scores[2:], truth[2:])
    np.testing.assert_array_equal(parts.foreground, whole.foreground)
    np.testing.assert_array_equal(parts.background, whole.background)


def test_value_64_is_foreground_at_one_half_and_63_is_not():
    scores = np.array([63, 64], dtype=np.uint8)
    counts = Histogram.of(scores, np.array([True, True])).counts_at(0.5)
    assert counts == Counts(tp=1, fn=1)


@given(score_maps, masks)
def test_no_threshold_beats_the_best(scores, truth):
    assume(truth.any() and not truth.all())
    best = Histogram.of(scores, truth).best_threshold()
    reached = count(scores > best * 127, truth).miou
    for k in range(127):
        threshold = (k + 0.5) / 127
        rival = count(scores > threshold * 127, truth).miou
        assert rival <= reached
        if rival == reached:
            assert abs(best - 0.5) <= abs(threshold - 0.5)


@given(score_maps, masks, st.floats(0, 0.3))
def test_a_threshold_with_a_tolerance_is_nearer_to_one_half_and_costs_no_more(
    scores, truth, tolerance
):
    histogram = Histogram.of(scores, truth)
    best, chosen = histogram.best_threshold(), histogram.best_threshold(tolerance)
    assert abs(chosen - 0.5) <= abs(best - 0.5)
    if truth.any() and not truth.all():
        lost = histogram.counts_at(best).miou - histogram.counts_at(chosen).miou
        assert 0 <= lost <= tolerance + 1e-12


def test_a_tolerance_takes_one_half_where_the_top_is_broad():
    """One pixel of 1000 is right at 0.3 alone: its mIOU is that of these pixels, not of others."""
    truth = np.arange(1000) < 500
    scores = np.where(truth, 120, 10).astype(np.uint8)
    scores[0] = 40
    histogram = Histogram.of(scores, truth)
    assert histogram.best_threshold() == pytest.approx(39.5 / 127)
    assert histogram.best_threshold(0.002) == 0.5
    scores[:20] = 40
    assert Histogram.of(scores, truth).best_threshold(0.002) == pytest.approx(39.5 / 127)


def test_the_best_threshold_separates_two_classes_half_way_between_scores():
    truth = np.array([False, False, True, True])
    scores = np.array([10, 90, 91, 120], dtype=np.uint8)
    assert Histogram.of(scores, truth).best_threshold() == 90.5 / 127


def test_without_pixels_or_with_perfect_ones_the_best_threshold_is_one_half():
    scores, truth = np.array([0, 127], dtype=np.uint8), np.array([False, True])
    assert Histogram.of(scores, truth).best_threshold() == 0.5
    assert Histogram.of(scores[:0], truth[:0]).best_threshold() == 0.5


@pytest.mark.parametrize("truth", [False, True])
def test_where_truth_is_all_alike_the_best_threshold_is_one_half(truth):
    scores = np.array([3, 60, 70, 120], dtype=np.uint8)
    assert Histogram.of(scores, np.full(4, truth)).best_threshold() == 0.5


def test_scores_beyond_127_are_refused():
    with pytest.raises(ValueError, match="scores reach from 3 to 128; wanted 0 to 127"):
        Histogram.of(np.array([3, 128], dtype=np.uint8), np.array([True, False]))


def test_the_mean_leaves_absent_values_out_and_counts_them():
    assert mean_ignoring_absent([0.25, math.nan, 0.75]) == (0.5, 1)
    mean, left_out = mean_ignoring_absent([math.nan, math.nan])
    assert math.isnan(mean)
    assert left_out == 2
    assert math.isnan(mean_ignoring_absent([])[0])


@given(score_maps, masks)
def test_the_threshold_for_a_goal_is_the_best_of_all(scores, truth):
    histogram = Histogram.of(scores, truth)
    if not (histogram.foreground.any() and histogram.background.any()):
        return
    every = [histogram.counts_at((k + 0.5) / 127) for k in range(127)]
    dice = histogram.counts_at(histogram.threshold_for(Goal("dice"))).dice
    assert dice == max(counts.dice for counts in every)
    chosen = histogram.threshold_for(Goal("recall", 0.7))
    reached = [counts for counts in every if counts.recall >= 0.7]
    assert (chosen is None) == (not reached)
    if chosen is not None:
        own = histogram.counts_at(chosen)
        assert own.recall >= 0.7
        assert own.precision == max(counts.precision for counts in reached)
