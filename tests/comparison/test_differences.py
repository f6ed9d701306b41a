"""The paired difference of two networks: its mean, its interval, and what must not move it."""

from __future__ import annotations

import numpy as np
import pytest

from seget.comparison.differences import differences
from seget.metrics import Counts, mious


def counts(rng: np.random.Generator, slices: int, better: int = 0) -> list[list[object]]:
    rows: list[list[object]] = []
    for z in range(slices):
        tp, fp, fn = (int(n) for n in rng.integers(50, 100, 3))
        rows.append(["cell", z, tp + better, fp, fn - min(fn, better), 10_000])
    return rows


def test_the_mean_is_the_difference_of_the_two_numbers() -> None:
    rng = np.random.default_rng(0)
    nets = {n: [{"golgi": counts(rng, 7)} for _ in range(3)] for n in ("seget", "unet")}
    found = differences(nets)["unet"]
    of = {
        n: np.mean([sum((Counts(*r[2:]) for r in s["golgi"]), Counts()).miou for s in seeds])
        for n, seeds in nets.items()
    }
    assert found["average"]["mean"] == pytest.approx(of["seget"] - of["unet"])
    low, high = found["average"]["interval"]
    assert low < found["average"]["mean"] < high
    back = differences({"seget": nets["unet"], "unet": nets["seget"]})["unet"]
    assert back["average"]["interval"] == pytest.approx([-high, -low])


def test_pairing_makes_a_small_steady_lead_sure() -> None:
    """What is 2 px better on every slice is better, however much the slices differ."""
    ours = [{"er": counts(np.random.default_rng(s), 20, better=2)} for s in range(3)]
    theirs = [{"er": counts(np.random.default_rng(s), 20)} for s in range(3)]
    low, high = differences({"seget": ours, "unet": theirs})["unet"]["average"]["interval"]
    assert 0 < low < high < 0.02


def test_without_both_there_is_none() -> None:
    one = [{"er": counts(np.random.default_rng(0), 3)}]
    assert differences({"unet": one}) == {}
    assert differences({"seget": one, "unet": []}) == {}
    assert differences({"seget": one, "unet": one})["unet"]["average"] == {
        "mean": 0.0,
        "interval": None,
    }


def test_a_structure_on_no_slice_has_no_difference() -> None:
    none = [{"er": [["cell", 0, 0, 3, 0, 10]], "golgi": [["cell", 0, 5, 3, 0, 10]]}]
    found = differences({"seget": none, "unet": none})["unet"]
    assert set(found["structures"]) == {"golgi"}


def test_mious_of_many_counts_are_those_of_each() -> None:
    drawn = np.random.default_rng(1).integers(0, 3, size=(200, 4))
    for row, miou in zip(drawn.tolist(), mious(drawn), strict=True):
        assert miou == pytest.approx(Counts(*row).miou, nan_ok=True)
