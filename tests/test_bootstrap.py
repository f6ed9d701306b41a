"""The bootstrap: against a plain loop, and what tomograms that differ do to an interval."""

from __future__ import annotations

import numpy as np
import pytest

from seget.bootstrap import (
    DRAWS,
    FEWEST,
    _slice_draws,
    drawn_mious,
    mean_interval,
    miou_interval,
    percentile_interval,
)
from seget.metrics import Counts


def slices(tomogram: str, rng: np.random.Generator, number: int, hit: int) -> list[list[object]]:
    """Counts of slices of a tomogram, of whose structure about `hit` of 100 pixels are found."""
    found = rng.integers(hit - 5, hit + 6, number).tolist()
    return [[tomogram, z, tp, 20, 100 - tp, 880] for z, tp in enumerate(found)]


def test_a_draw_takes_whole_tomograms() -> None:
    names = ("a",) * 3 + ("b",) * 5 + ("c",)
    times = _slice_draws(names)
    of_each = {n: times[:, np.array(names) == n].sum(axis=1) / names.count(n) for n in "abc"}
    assert (sum(of_each.values()) == 3).all()
    assert set(np.unique([*of_each.values()])) == {0, 1, 2, 3}
    assert all(
        (times[:, np.array(names) == n].sum(axis=1) % names.count(n) == 0).all() for n in "abc"
    )
    # All are as likely as each other.
    for taken in of_each.values():
        assert taken.mean() == pytest.approx(1, abs=0.1)
    assert times.mean(axis=0) == pytest.approx(np.ones(9), abs=0.15)


@pytest.mark.parametrize("draw_seeds", [True, False])
def test_the_interval_is_that_of_a_plain_loop(draw_seeds: bool) -> None:
    rng = np.random.default_rng(5)
    seeds = [slices("a", rng, 4, hit) + slices("b", rng, 2, hit - 30) for hit in (60, 70)]
    mious = []
    for _ in range(DRAWS):
        places: list[int] = []
        for tomogram in rng.choice(["a", "b"], 2):
            own = [i for i, row in enumerate(seeds[0]) if row[0] == tomogram]
            places += rng.choice(own, len(own)).tolist()
        taken = rng.integers(2, size=2) if draw_seeds else range(2)
        of_seed = [sum((Counts(*seeds[n][i][2:]) for i in places), Counts()).miou for n in taken]  # type: ignore[arg-type]
        mious.append(np.mean(of_seed))
    ends = percentile_interval(drawn_mious(seeds, draw_seeds=draw_seeds))
    assert ends == pytest.approx(list(np.percentile(mious, [2.5, 97.5])), abs=0.01)


def test_tomograms_that_differ_widen_it_and_more_slices_of_them_do_not_narrow_it() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for number in (5, 50):
        rows = slices("easy", rng, number, 80) + slices("hard", rng, number, 30)
        low, high = percentile_interval(drawn_mious([rows], draw_seeds=False))  # type: ignore[misc]
        widths.append(high - low)
        apart = [
            sum((Counts(*row[2:]) for row in rows if row[0] == name), Counts()).miou  # type: ignore[arg-type]
            for name in ("easy", "hard")
        ]
        assert low == pytest.approx(min(apart), abs=0.03)
        assert high == pytest.approx(max(apart), abs=0.03)
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


def test_what_two_networks_scored_alike_is_drawn_alike() -> None:
    rows = slices("a", np.random.default_rng(1), 6, 50)
    both = [drawn_mious([rows, rows], draw_seeds=True) for _ in range(2)]
    assert np.array_equal(*both)


def row(z: int, tp: int, fp: int, fn: int, tn: int) -> list[object]:
    return ["a", z, tp, fp, fn, tn]


def test_slices_that_agree_have_an_interval_of_no_width() -> None:
    same = [row(z, 30, 10, 20, 940) for z in range(5)]
    expected = Counts(30, 10, 20, 940).miou
    assert miou_interval([same]) == pytest.approx([expected, expected])
    assert miou_interval([same, same]) == pytest.approx([expected, expected])


def test_the_interval_lies_between_the_worst_and_the_best_slice_and_holds_the_whole() -> None:
    rng = np.random.default_rng(3)
    rows = [row(z, *map(int, rng.integers(50, 500, 4))) for z in range(12)]
    counts = [Counts(*r[2:]) for r in rows]  # type: ignore[arg-type]
    low, high = miou_interval([rows])  # type: ignore[misc]
    assert min(c.miou for c in counts) < low < sum(counts, Counts()).miou < high
    assert high < max(c.miou for c in counts)


def test_of_three_slices_nothing_is_claimed() -> None:
    same = [row(z, 30, 10, 20, 940) for z in range(4)]
    assert miou_interval([same]) is not None
    assert miou_interval([same[:3], same[:3]]) is None


def test_draws_without_a_labelled_pixel_are_left_out() -> None:
    blank = [row(z, 0, 0, 0, 0) for z in range(3)]
    low, high = miou_interval([[*blank, row(3, 5, 1, 1, 50)]])  # type: ignore[misc]
    assert low == pytest.approx(high) == pytest.approx(Counts(5, 1, 1, 50).miou)


@pytest.mark.parametrize("fp", [0, 1])
def test_a_structure_on_no_scored_slice_has_no_interval(fp: int) -> None:
    empty = [row(z, 0, fp, 0, 10 - fp) for z in range(FEWEST)]
    assert miou_interval([empty, empty]) is None
    assert miou_interval([empty[:1]]) is None


def test_draws_without_the_structure_are_left_out() -> None:
    empty = [row(z, 0, 0, 0, 10) for z in range(3)]
    low, high = miou_interval([[*empty, row(3, 5, 1, 0, 4)]])  # type: ignore[misc]
    assert high < (5 / 6 + 34 / 35) / 2 + 0.01, "not 1.0, as draws of empty slices alone would have"
    assert low >= Counts(5, 1, 0, 4).miou


def test_the_interval_of_a_mean_is_that_of_the_same_draws() -> None:
    rng = np.random.default_rng(7)
    good, poor = slices("a", rng, 6, 80), slices("a", rng, 6, 40)
    each = [drawn_mious([rows], draw_seeds=False) for rows in (good, poor)]
    expected = percentile_interval((each[0] + each[1]) / 2)
    assert mean_interval([good, poor]) == pytest.approx(expected)
    assert mean_interval([good]) == miou_interval([good])
    # What is on no slice is not in the mean, as in the mean itself.
    nowhere = [row(z, 0, 3, 0, 9) for z in range(6)]
    assert mean_interval([good, nowhere, poor, []]) == pytest.approx(expected)
    assert mean_interval([nowhere]) is None
    assert mean_interval([good, poor[:3]]) is None


def test_a_structure_that_a_draw_lacks_is_not_in_that_draws_mean() -> None:
    """Most slices lack it: where it is not drawn, the mean is the other's."""
    rng = np.random.default_rng(8)
    good = slices("a", rng, 4, 80)
    once = [*(row(z, 0, 0, 0, 1000) for z in range(3)), row(3, 1, 50, 50, 899)]
    of_good, of_once = (drawn_mious([rows], draw_seeds=False) for rows in (good, once))
    assert 0.2 < np.isnan(of_once).mean() < 0.4, "(3 / 4) to the fourth"
    means = np.where(np.isnan(of_once), of_good, (of_good + of_once) / 2)
    assert mean_interval([good, once]) == pytest.approx(percentile_interval(means))
