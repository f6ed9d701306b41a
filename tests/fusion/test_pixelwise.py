"""The highest score above its own threshold wins, whatever the order; else background."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seget.errors import InputError
from seget.fusion import COLOURS, OTHER_COLOURS, colour, fuse

names = ("synapse", "golgi", "granules")
score_maps = hnp.arrays(np.uint8, (4, 6), elements=st.integers(0, 127))
thresholds = st.floats(0, 1)


def bytes_of(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint8)


def test_six_pixels_by_hand():
    scores = {
        "synapse": bytes_of(0, 63, 64, 100, 100, 80),
        "golgi": bytes_of(0, 0, 90, 90, 100, 120),
    }
    labels = fuse(scores, {"synapse": 0.5, "golgi": 0.75})
    # 0.75 of 127 is 95.25: golgi's 90 does not count although it is the highest.
    np.testing.assert_array_equal(labels, [0, 0, 1, 1, 1, 2])
    assert labels.dtype == np.uint8


def test_floats_compare_with_the_threshold_itself():
    scores = {"synapse": np.array([0.5, 0.51, np.nan]), "golgi": np.array([0.2, 0.6, 0.1])}
    np.testing.assert_array_equal(fuse(scores, {"synapse": 0.5, "golgi": 0.5}), [0, 2, 0])


def test_value_64_of_127_is_foreground_at_one_half_and_63_is_not():
    np.testing.assert_array_equal(fuse({"golgi": bytes_of(63, 64)}, {"golgi": 0.5}), [0, 1])


def test_of_equal_scores_the_earlier_structure_wins():
    same = bytes_of(100)
    limits = {"a": 0.5, "b": 0.5}
    assert fuse({"a": same, "b": same}, limits)[0] == 1
    assert fuse({"a": same, "b": same}, {"a": 0.9, "b": 0.5})[0] == 2


@given(score_maps, thresholds)
def test_a_single_structure_is_thresholding(scores, threshold):
    labels = fuse({"golgi": scores}, {"golgi": threshold})
    np.testing.assert_array_equal(labels, scores > threshold * 127)


@given(st.permutations(range(127)), st.permutations(names), st.tuples(*[thresholds] * 3))
def test_the_order_of_the_structures_only_renames_the_labels(values, order, cuts):
    # Distinct values leave no ties, where the order is meant to count.
    scores = {name: bytes_of(*values[i:120:3]) for i, name in enumerate(names)}
    limits = dict(zip(names, cuts, strict=True))
    labels = fuse(scores, limits)
    reordered = fuse({name: scores[name] for name in order}, limits)
    background = "background"
    one = np.array([background, *names])[labels]
    other = np.array([background, *order])[reordered]
    np.testing.assert_array_equal(one, other)


@given(st.lists(score_maps, min_size=1, max_size=4), st.data())
def test_each_pixel_follows_the_rule(maps, data):
    scores = {f"s{i}": values for i, values in enumerate(maps)}
    limits = {name: data.draw(thresholds) for name in scores}
    expected = np.zeros((4, 6), dtype=int)
    for pixel in np.ndindex(4, 6):
        best = -1
        for label, (name, values) in enumerate(scores.items(), start=1):
            value = int(values[pixel])
            if value > limits[name] * 127 and value > best:
                best, expected[pixel] = value, label
    np.testing.assert_array_equal(fuse(scores, limits), expected)


def test_fusing_slice_by_slice_is_fusing_the_volume():
    rng = np.random.default_rng(1)
    scores = {name: rng.integers(0, 128, (3, 8, 8), dtype=np.uint8) for name in names}
    limits = dict.fromkeys(names, 0.4)
    slices = [fuse({n: s[z] for n, s in scores.items()}, limits) for z in range(3)]
    np.testing.assert_array_equal(np.stack(slices), fuse(scores, limits))


@pytest.mark.parametrize(("number", "dtype"), [(127, np.uint8), (128, np.uint16)])
def test_ids_grow_to_two_bytes_when_they_must(number, dtype):
    scores = {str(i): bytes_of(i) for i in range(number)}
    labels = fuse(scores, dict.fromkeys(scores, 0.0))
    assert labels.dtype == dtype
    assert labels[0] == number


def test_the_input_is_left_alone():
    scores = {name: bytes_of(100, 3) for name in names}
    fuse(scores, dict.fromkeys(names, 0.5))
    assert all((values == [100, 3]).all() for values in scores.values())


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({}, "fusion: no score map was given"),
        ({"golgi": bytes_of(1), "x": bytes_of(1)}, "x: its score map came without a threshold"),
        ({"golgi": bytes_of(1), "x": bytes_of(1, 2)}, "x: its score map is uint8 of shape"),
        ({"golgi": bytes_of(1), "x": np.array([0.5])}, "x: its score map is float64"),
    ],
)
def test_maps_that_do_not_fit_are_refused_in_words(scores, words):
    with pytest.raises(InputError, match=words):
        fuse(scores, {"golgi": 0.5})


def test_the_papers_colours_and_others_all_differ():
    assert [colour(name, 0) for name in COLOURS] == list(COLOURS.values())
    others = [colour(f"structure {i}", i) for i in range(len(OTHER_COLOURS))]
    everything = [*COLOURS.values(), *others, "#000000"]
    assert len(set(everything)) == len(everything)
    assert all(re.fullmatch("#[0-9a-f]{6}", value) for value in everything)
    assert colour("mitochondria", 12) == colour("mitochondria", 0)
