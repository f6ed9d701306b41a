"""The best epoch is marked where it is, and a short or broken log is drawn as well."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from seget.evaluation.training_curves import LOSS_COLOUR, MIOU_COLOUR, curves


def near(path, colour: str) -> np.ndarray:
    """Where the picture has this colour, `(y, x)`; antialiasing blurs its edges."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (1280, 768)
        drawn = np.asarray(image.convert("RGB")).astype(int)
    return (np.abs(drawn - list(bytes.fromhex(colour[1:]))) < 30).all(axis=-1)


def log(losses, mious, first=0):
    pairs = zip(losses, mious, strict=True)
    return [{"epoch": first + i, "loss": a, "miou": b} for i, (a, b) in enumerate(pairs)]


@pytest.mark.parametrize("best", [0, 3, 10])
def test_the_best_epoch_is_marked_at_its_place(best, tmp_path):
    mious = [0.9 if epoch == best else 0.5 for epoch in range(11)]
    curves(tmp_path / "curves.png", log(np.linspace(1, 0.5, 11), mious))
    spines = np.flatnonzero(near(tmp_path / "curves.png", "#000000").sum(axis=0) > 500)
    left, right = spines.min(), spines.max()
    inside = near(tmp_path / "curves.png", MIOU_COLOUR)[:, left + 5 : right - 4]
    marked = left + 5 + int(inside.sum(axis=0).argmax())
    assert (marked - left) / (right - left) == pytest.approx((best + 0.5) / 11, abs=0.004)


def test_of_equal_epochs_the_first_is_the_best(tmp_path):
    curves(tmp_path / "a.png", log([1, 1, 1], [0.5, 0.8, 0.8]))
    curves(tmp_path / "b.png", log([1, 1, 1], [0.5, 0.8, 0.79999]))
    first, second = (near(tmp_path / name, MIOU_COLOUR) for name in ("a.png", "b.png"))
    assert (first != second).mean() < 0.001


@pytest.mark.parametrize(
    "rows",
    [
        log([0.7], [0.5], first=1),
        log([0.7], [math.nan], first=1),
        log([0.7, 0.6, 0.5], [math.nan, 0.5, math.nan]),
        log([math.nan, math.inf, 0.5], [0.5, 0.5, 0.6]),
        log([0.0, 0.0], [0.0, 0.0]),
        log([5000.0, 20.0, 0.1], [0.5, 0.6, 0.7]),
        log(np.geomspace(30, 0.1, 300), np.linspace(0.5, 0.9, 300)),
    ],
    ids=["one row", "no mIOU", "gaps", "no loss", "zero", "steep", "long"],
)
def test_whatever_a_log_holds_is_drawn(rows, tmp_path):
    curves(tmp_path / "curves.part", rows)
    assert near(tmp_path / "curves.part", LOSS_COLOUR).any()
    assert near(tmp_path / "curves.part", MIOU_COLOUR).any()


def test_an_empty_log_says_that_nothing_is_there_yet(tmp_path):
    curves(tmp_path / "curves.png", [])
    assert near(tmp_path / "curves.png", LOSS_COLOUR)[:, :100].any()
    assert not near(tmp_path / "curves.png", LOSS_COLOUR)[:, 100:].any()


def test_gaps_in_the_miou_are_bridged(tmp_path):
    curves(tmp_path / "curves.png", log([1, 1, 1, 1, 1], [0.5, *[math.nan] * 3, 0.9]))
    line = near(tmp_path / "curves.png", MIOU_COLOUR)
    assert line[:, 400:1000].any(axis=0).mean() > 0.95


def test_a_steep_loss_stays_readable_to_its_end(tmp_path):
    """On a linear axis the last halvings of a loss that fell a thousandfold would be one pixel."""
    curves(tmp_path / "curves.png", log(np.geomspace(100, 0.1, 50), np.full(50, math.nan)))
    line = near(tmp_path / "curves.png", LOSS_COLOUR)[:, 600:900]
    heights = np.flatnonzero(line.any(axis=1))
    assert np.ptp(heights) > 50
