"""Fitted scores are probabilities; the counts at 0.5 do not depend on how they were scored."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import expit, log_expit

from seget.calibration import (
    NONE,
    SPREAD,
    Calibration,
    ValidationScores,
    calibration_error,
    calibration_error_of_foreground,
    fitted,
    logits,
    rebinned,
    reliability,
)
from seget.metrics import Histogram

PIXELS = 400_000


def drawn(temperature: float, bias: float, mean: float = -3.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a network that is so far from calibrated, and the truth of each pixel."""
    rng = np.random.default_rng(7)
    network = rng.normal(mean, 4, PIXELS)
    truth = rng.random(PIXELS) < expit(network / temperature + bias)
    return network, truth


def histogram(network: np.ndarray, truth: np.ndarray, by: Calibration) -> Histogram:
    scores = np.rint(127 * expit(network / by.temperature + by.bias)).astype(np.uint8)
    return Histogram.of(scores, truth)


@pytest.mark.parametrize(("temperature", "bias"), [(1, 0), (2.5, -0.7), (0.7, 0.5), (4, 0.4)])
def test_the_temperature_and_the_bias_that_made_the_truth_are_found(
    temperature: float, bias: float
) -> None:
    network, truth = drawn(temperature, bias)
    found = fitted(histogram(network, truth, SPREAD))
    assert found is not None
    assert found.temperature == pytest.approx(temperature, rel=0.03)
    assert found.bias == pytest.approx(bias, abs=0.05)


def test_calibrated_scores_are_probabilities() -> None:
    network, truth = drawn(3, -0.6)
    found = fitted(histogram(network, truth, SPREAD))
    assert found is not None
    assert calibration_error(histogram(network, truth, NONE)) > 0.03
    after = histogram(network, truth, found)
    assert calibration_error(after) < 0.005
    rows = [row for row in reliability(after) if row.pixels > 1000]
    assert len(rows) > 5
    assert all(abs(row.score - row.foreground) < 0.03 for row in rows)


def test_a_structure_that_validation_does_not_find_is_not_lost() -> None:
    """Sure of what is none, blind for what there is: the likeliest fit would call all of it none.

    So did that of granules in one validation cell, which the network found in all four test cells.
    """
    network, truth = drawn(2, -2.0)
    truth &= network < 0
    found = fitted(histogram(network, truth, SPREAD))
    assert found is not None
    assert -found.bias * found.temperature == pytest.approx(2.0, abs=0.01)
    assert (expit(np.array([1.9, 2.1]) / found.temperature + found.bias) > 0.5).tolist() == [
        False,
        True,
    ]


@pytest.mark.parametrize("bias", [-1.5, 1.5])
def test_within_the_bounds_no_other_calibration_is_likelier(bias: float) -> None:
    network, truth = drawn(3, bias)
    scores = histogram(network, truth, SPREAD)
    found = fitted(scores)
    assert found is not None

    def surprise(temperature: float, shift: float) -> float:
        own = (logits(SPREAD) - shift) / temperature
        lost = scores.foreground * log_expit(own) + scores.background * log_expit(-own)
        return -float(lost.sum())

    shift = -found.bias * found.temperature
    assert abs(shift) == pytest.approx(2.0, abs=0.01)
    for temperature in np.geomspace(0.5, 20, 40):
        for other in (-2, -1, 0, 1, 2):
            assert surprise(found.temperature, shift) <= surprise(temperature, other) + PIXELS / 1e4


@given(st.floats(0.2, 8), st.floats(-4, 4))
def test_a_histogram_is_rebinned_as_the_pixels_would_be_scored(
    temperature: float, bias: float
) -> None:
    network = np.linspace(-12, 12, 997)
    truth = network > 1
    wanted = Calibration(temperature=temperature, bias=bias)
    exact = histogram(network, truth, wanted)
    found = rebinned(histogram(network, truth, SPREAD), SPREAD, wanted)
    assert found.foreground.sum() == exact.foreground.sum()
    # A step of the spread scores spans up to a quarter of a logit inside -12 .. 12.
    moved = np.abs(np.cumsum(found.background) - np.cumsum(exact.background)).max()
    assert moved <= 997 * 1.3 / 24


def test_the_counts_at_one_half_do_not_depend_on_the_temperature() -> None:
    network, truth = drawn(3, -1.5)
    one, other = (histogram(network, truth, by).counts_at(0.5) for by in (NONE, SPREAD))
    assert one == other


@pytest.mark.parametrize("foreground", [0, 100])
def test_a_structure_that_is_nowhere_or_everywhere_has_no_calibration(foreground: int) -> None:
    truth = np.arange(100) < foreground
    assert fitted(Histogram.of(np.full(100, 9, np.uint8), truth)) is None


def test_a_perfect_validation_gives_no_infinite_certainty() -> None:
    truth = np.arange(1000) < 100
    found = fitted(Histogram.of(np.where(truth, 90, 20).astype(np.uint8), truth))
    assert found is not None
    of_score = logits(SPREAD)
    certainty = expit(of_score[[20, 90]] / found.temperature + found.bias)
    assert 0 < certainty[0] < 0.01
    assert 0.95 < certainty[1] < 1


def test_errors_by_hand() -> None:
    scores = np.array([0] * 90 + [127] * 10, np.uint8)
    truth = np.array([True] * 9 + [False] * 81 + [True] * 5 + [False] * 5)
    found = Histogram.of(scores, truth)
    assert [row.foreground for row in reliability(found)] == [0.1, 0.5]
    assert calibration_error(found) == pytest.approx(0.9 * 0.1 + 0.1 * 0.5)
    assert calibration_error_of_foreground(found) == pytest.approx((9 + 5) / 14)
    assert math.isnan(calibration_error(Histogram.empty()))
    assert math.isnan(calibration_error_of_foreground(Histogram.empty()))


def test_validation_scores_are_text_and_back() -> None:
    found = Histogram.of(np.arange(128, dtype=np.uint8), np.arange(128) > 60)
    stored = ValidationScores.model_validate_json(ValidationScores.of(found).model_dump_json())
    np.testing.assert_array_equal(stored.histogram.foreground, found.foreground)
    np.testing.assert_array_equal(stored.histogram.background, found.background)
    with pytest.raises(ValidationError):
        ValidationScores(foreground="1 2 3", background=stored.background)
