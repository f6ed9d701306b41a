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
    nets = {n: {s: {"golgi": counts(rng, 7)} for s in range(3)} for n in ("seget", "unet")}
    found = differences(nets)["seget"]["unet"]
    of = {
        n: np.mean(
            [sum((Counts(*r[2:]) for r in s["golgi"]), Counts()).miou for s in seeds.values()]
        )
        for n, seeds in nets.items()
    }
    assert found["average"]["mean"] == pytest.approx(of["seget"] - of["unet"])
    low, high = found["average"]["interval"]
    assert low < found["average"]["mean"] < high
    back = differences({"seget": nets["unet"], "unet": nets["seget"]})["seget"]["unet"]
    assert back["average"]["interval"] == pytest.approx([-high, -low])


def test_pairing_makes_a_small_steady_lead_sure() -> None:
    """What is 2 px better on every slice is better, however much the slices differ."""
    ours = {s: {"er": counts(np.random.default_rng(s), 20, better=2)} for s in range(3)}
    theirs = {s: {"er": counts(np.random.default_rng(s), 20)} for s in range(3)}
    found = differences({"seget": ours, "unet": theirs})["seget"]["unet"]
    low, high = found["average"]["interval"]
    assert 0 < low < high < 0.02


def test_without_both_there_is_none() -> None:
    one = {0: {"er": counts(np.random.default_rng(0), 3)}}
    assert differences({"unet": one}) == {}
    assert differences({"seget": one, "unet": {}}) == {}
    same = differences({"seget": one, "unet": one})["seget"]["unet"]
    assert same["average"] == {"mean": 0.0, "interval": None}


def test_fewer_than_four_slices_give_no_interval() -> None:
    rng = np.random.default_rng(2)
    few, more = ({s: {"er": counts(rng, n), "golgi": counts(rng, 5)} for s in range(2)}
                 for n in (3, 4))  # fmt: skip
    for ours, has in ((few, False), (more, True)):
        theirs = {s: {k: counts(rng, len(v)) for k, v in ours[s].items()} for s in ours}
        found = differences({"seget": ours, "unet": theirs})["seget"]["unet"]
        assert found["structures"]["golgi"]["interval"] is not None
        assert (found["structures"]["er"]["interval"] is not None) == has
        assert (found["average"]["interval"] is not None) == has


def test_two_networks_are_compared_on_the_seeds_that_both_have() -> None:
    seeds = {s: {"er": counts(np.random.default_rng(s), 5)} for s in range(3)}
    fewer = {s: {"er": counts(np.random.default_rng(9 + s), 5)} for s in (2, 0)}
    found = differences({"seget": seeds, "unet": fewer, "seget_shipped": seeds})
    assert found["seget"]["unet"]["seeds"] == 2
    assert found["seget_shipped"]["unet"]["average"] == found["seget"]["unet"]["average"]
    # Both SegETs once: as shipped minus from scratch.
    assert set(found["seget"]) == {"unet"}
    assert set(found["seget_shipped"]) == {"seget", "unet"}


def test_a_structure_on_no_slice_has_no_difference() -> None:
    none = {0: {"er": [["cell", 0, 0, 3, 0, 10]], "golgi": [["cell", 0, 5, 3, 0, 10]]}}
    found = differences({"seget": none, "unet": none})["seget"]["unet"]
    assert set(found["structures"]) == {"golgi"}


def test_mious_of_many_counts_are_those_of_each() -> None:
    drawn = np.random.default_rng(1).integers(0, 3, size=(200, 4))
    for row, miou in zip(drawn.tolist(), mious(drawn), strict=True):
        assert miou == pytest.approx(Counts(*row).miou, nan_ok=True)
