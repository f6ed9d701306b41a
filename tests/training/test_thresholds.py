"""A threshold is as near 0.5 as the held-out slices allow, by how much they differ."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget.metrics import THRESHOLDS, Histogram
from seget.training.thresholds import TOLERANCE, Slice, chosen_threshold, total


def slice_of(foreground: dict[int, int], background: dict[int, int]) -> Histogram:
    """Return a histogram from score -> number of pixels."""
    made = Histogram.empty()
    for side, given_ in ((made.foreground, foreground), (made.background, background)):
        for score, number in given_.items():
            side[score] = number
    return made


# Half of the foreground scores 30 and nothing else does: the best threshold is below.
LOW = slice_of({30: 50, 100: 50}, {5: 900})
# All is found at 0.5, and what scores 30 is none of it.
HIGH = slice_of({100: 100}, {5: 840, 30: 60})


def test_where_all_agree_it_is_the_best() -> None:
    for places in ([("a", 0), ("a", 1), ("a", 2)], [("a", 0), ("b", 0)]):
        assert chosen_threshold(dict.fromkeys(places, LOW)) == pytest.approx(
            30 / 127, abs=0.5 / 127
        )
        assert chosen_threshold(dict.fromkeys(places, HIGH)) == 0.5


@pytest.mark.parametrize("tomograms", ["aaaa", "abcd"])
def test_where_they_differ_it_is_one_half(tomograms: str) -> None:
    own = slice_of({30: 60, 100: 40}, {5: 860, 30: 40})
    other = slice_of({30: 20, 100: 80}, {5: 830, 30: 70})
    slices = {
        (name, z): part
        for z, (name, part) in enumerate(zip(tomograms, [LOW, HIGH, own, other], strict=True))
    }
    assert total(slices.values()).best_threshold(TOLERANCE) < 0.3
    assert chosen_threshold(slices) == 0.5


def test_slices_of_a_tomogram_are_one_witness() -> None:
    """Ten slices of one tomogram say one thing and five of another the opposite."""
    slices = {("a", z): LOW for z in range(10)} | {("b", z): HIGH for z in range(5)}
    assert chosen_threshold(slices) == 0.5
    assert chosen_threshold({("a", z): own for z, own in enumerate(slices.values())}) < 0.5


def test_one_slice_that_shows_the_structure_decides() -> None:
    """There is nothing to tell its error by."""
    nothing = slice_of({}, {5: 1000})
    for other in ("a", "b"):
        assert chosen_threshold({("a", 0): LOW, (other, 1): nothing}) < 0.3


def test_of_no_slice_it_is_one_half() -> None:
    assert chosen_threshold({}) == 0.5


counts = st.lists(st.integers(0, 40), min_size=16, max_size=16)


def error(slices: dict[Slice, Histogram], best: float, chosen: float) -> float:
    """Return the jackknife's error of what `chosen` loses, from its textbook formula."""
    by_tomogram = [[k for k in slices if k[0] == name] for name in sorted({k[0] for k in slices})]
    for parts in (by_tomogram, [[key] for key in slices]):
        found = []
        for part in parts:
            rest = total(own for key, own in slices.items() if key not in part)
            found.append(rest.counts_at(best).miou - rest.counts_at(chosen).miou)
        if len(parts) > 1 and not any(map(math.isnan, found)):
            number, mean = len(found), fmean(found)
            return math.sqrt((number - 1) / number * sum((one - mean) ** 2 for one in found))
    return 0


@given(st.lists(st.tuples(st.sampled_from("abc"), counts), min_size=1, max_size=6))
def test_it_is_the_nearest_to_one_half_that_loses_a_standard_error_at_most(
    drawn: list[tuple[str, list[int]]],
) -> None:
    slices = {}
    for z, (tomogram, numbers) in enumerate(drawn):
        made = Histogram.empty()
        made.foreground[8::16], made.background[8::16] = numbers[:8], numbers[8:]
        slices[tomogram, z] = made
    whole, chosen = total(slices.values()), chosen_threshold(slices)
    if not (whole.foreground.any() and whole.background.any()):
        assert chosen == 0.5
        return
    best = float(THRESHOLDS[np.argmax(whole.miou_at_each())])

    def beyond(threshold: float) -> float:
        lost = whole.counts_at(best).miou - whole.counts_at(threshold).miou
        return lost - max(TOLERANCE, error(slices, best, threshold))

    assert beyond(chosen) <= 1e-9
    nearer = [t for t in THRESHOLDS.tolist() if abs(t - 0.5) < abs(chosen - 0.5)]
    assert all(beyond(t) > -1e-9 for t in nearer[::4])
